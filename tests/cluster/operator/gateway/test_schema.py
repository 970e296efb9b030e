"""schemathesis over the OpenAPI document: no failure of the gateway's own, nothing against the document, and successes.

Half of the requests are about work that exists, in all its states, by somebody who may do it all (stock.py).
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import kopf
import pytest
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

from ....e2e.scene import Scene
from ....e2e.system import System
from ..kubelet import Kubelet
from .place import Place
from .scribe import Scribe
from .stock import Stock, decide, rights

CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]

ELSEWHERE = {
    ("GET /api/v1/tasks/{task_id}/log", 502): "most Pods here are on no node whom the API server could ask for a log",
}
"""Failures that are not the gateway's, with the reason; any other is a defect."""

VERB = "POST /api/v1/tasks/{task_id}/{verb}"

DOCUMENT = app.build(Gateway(Settings(), Access(kopf.ConnectionInfo(server="http://127.0.0.1:1")))).openapi()
schema = schemathesis.openapi.from_dict(DOCUMENT)


class Answers:
    """What was answered: by operation, and by verb where one path has several."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[int]] = defaultdict(Counter)
        self.not_empty: set[str] = set()
        """Lists with something in them."""

    def take(self, case: schemathesis.Case, response: schemathesis.Response) -> None:
        """Take note of an answer that has passed the checks."""
        label = named(case.operation.label, str(case.path_parameters.get("verb", "")))
        self.counts[label][response.status_code] += 1
        if response.status_code == 200 and is_list(label) and response.json()["items"]:
            self.not_empty.add(label)

    def well(self, label: str) -> int:
        """Count the successes of an operation."""
        return sum(n for status, n in self.counts[label].items() if 200 <= status < 300)


def named(label: str, verb: str) -> str:
    return label.replace("{verb}", verb) if label == VERB else label


def operation(label: str) -> dict[str, Any]:
    method, path = label.split(" ")
    found: dict[str, Any] = DOCUMENT["paths"][path][method.lower()]
    return found


def labels() -> list[str]:
    """Name every operation of the document; of one with several verbs each."""
    found = [f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods]
    [verb] = [p for p in operation(VERB)["parameters"] if p["name"] == "verb"]
    return [named(label, v) for label in found for v in (verb["schema"]["enum"] if label == VERB else [""])]


def is_list(label: str) -> bool:
    content = operation(label)["responses"].get("200", {}).get("content", {})
    return "Page_" in content.get("application/json", {}).get("schema", {}).get("$ref", "")


def is_described(label: str, response: schemathesis.Response) -> bool:
    """Tell whether the document says of this very status what the answer is: of JSON, by a schema."""
    told = operation(label)["responses"].get(str(response.status_code))
    if told is None:
        return False
    sent = response.headers.get("content-type", [""])[0].partition(";")[0]
    if not sent:
        return not told.get("content")
    return sent in told["content"] and (sent != "application/json" or bool(told["content"][sent]["schema"]))


@pytest.fixture(scope="module")
def author(system: System, place: Place) -> Iterator[tuple[Stock, str]]:
    """Give the stock, and the token of somebody who may do everything with it."""
    scene = Scene(system, "fuzz", list(system.processes))
    system.create_tenant(scene.namespace, {})
    token = rights(place, scene)
    with Kubelet(scene, decide), Scribe(scene) as scribe, place.client(token) as client:
        stock = Stock(place, scene, scribe, client)
        stock.fill()
        yield stock, token
        stock.empty()
    scene.check()
    system.api.request("DELETE", f"/api/v1/namespaces/{scene.namespace}")


@pytest.fixture(scope="module")
def answers() -> Answers:
    return Answers()


def keeps_to_the_document(case: schemathesis.Case, place: Place, author: tuple[Stock, str], answers: Answers) -> None:
    stock, token = author
    stock.aim(case)
    case.headers["Authorization"] = f"Bearer {token}"
    response = case.call(base_url=place.gateways["gateway"].url)
    case.validate_response(response, checks=CHECKS)
    label = case.operation.label
    if (label, response.status_code) not in ELSEWHERE:
        case.validate_response(response, checks=[not_a_server_error])
    if 200 <= response.status_code < 300:
        assert is_described(label, response), f"{response.status_code} of {label} is not in the document"
    answers.take(case, response)


def each(label: str) -> Callable[..., None]:
    """Give the test of one operation, a function of its own.

    schemathesis gives all operations of one function the same id, and pytest-xdist runs one test of an id.
    """

    # The explicit phase has the document's examples, and what schemathesis calls its coverage phase.
    @schema.include(name=label).parametrize()
    @settings(
        max_examples=8, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def test(case: schemathesis.Case, place: Place, author: tuple[Stock, str], answers: Answers) -> None:
        keeps_to_the_document(case, place, author, answers)

    return test


OPERATIONS = [found.ok().label for found in schema.get_all_operations()]
globals().update({f"test_{re.sub(r'[^a-z]+', '_', name.lower())}_keeps_to_it": each(name) for name in OPERATIONS})


@pytest.mark.parametrize("label", labels())
def test_every_operation_has_been_answered_well(label: str, answers: Answers) -> None:
    assert answers.counts[label], "run the whole module: this looks at what was answered above"
    assert answers.well(label), dict(answers.counts[label])
    if label.startswith("GET") and is_list(label):
        assert label in answers.not_empty, "every list was empty"
