"""schemathesis over the OpenAPI document: no failure of the gateway's own, and no answer against the document."""

import kopf
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from coursegen_gateway import app
from coursegen_gateway.gateway import Gateway
from coursegen_gateway.settings import Settings
from coursegen_operator.access import Access

from .conftest import People
from .place import Place

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
_ELSEWHERE = (502, 503)
"""The API server, a node or the store does not do what was asked, and the answer says so: no failure of the gateway."""

DOCUMENT = app.build(Gateway(Settings(), Access(kopf.ConnectionInfo(server="http://127.0.0.1:1")))).openapi()
schema = schemathesis.openapi.from_dict(DOCUMENT)


@schema.parametrize()
@settings(
    max_examples=8, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
def test_every_operation_keeps_to_the_document(case: schemathesis.Case, place: Place, desk: People) -> None:
    address = f"http://127.0.0.1:{place.gateways['gateway'].port}"
    case.headers["Authorization"] = f"Bearer {desk.author_token}"
    response = case.call(base_url=address)
    if response.status_code in _ELSEWHERE:
        assert response.headers["content-type"] == ["application/problem+json"]
        return
    case.validate_response(response, checks=CHECKS)
