"""The OpenAPI document: an example of all that is sent and answered, each as its own schema says."""

from collections.abc import Iterator
from typing import Any

import jsonschema
import kopf
import pytest

from coursegen_gateway import app
from coursegen_gateway.examples import ANSWERS, BODIES
from coursegen_gateway.gateway import Gateway
from coursegen_gateway.settings import Settings
from coursegen_operator.access import Access

NONE = {
    "GET /api/v1/tasks/{task_id}/artifact 200 application/octet-stream": "a file is no text that could be shown",
    "GET /livez 503 text/plain": "a failure",
    "GET /readyz 503 text/plain": "a failure",
}
"""What has no example, with the reason."""

DOCUMENT = app.build(Gateway(Settings(), Access(kopf.ConnectionInfo(server="http://127.0.0.1:1")))).openapi()


def places() -> Iterator[tuple[str, dict[str, Any]]]:
    """Give all that may have an example, by name: parameters, bodies, and answers other than errors."""
    for path, operations in DOCUMENT["paths"].items():
        for method, operation in operations.items():
            label = f"{method.upper()} {path}"
            for parameter in operation.get("parameters", ()):
                yield f"{label} ?{parameter['name']}", parameter
            for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
                yield f"{label} body {media_type}", content
            for status, answer in operation["responses"].items():
                for media_type, content in answer.get("content", {}).items() if status != "default" else ():
                    yield f"{label} {status} {media_type}", content


PLACES = dict(places())


def examples(place: dict[str, Any]) -> list[Any]:
    own = [place["example"]] if "example" in place else []
    return own + list(place.get("schema", {}).get("examples", ()))


@pytest.mark.parametrize("name", PLACES)
def test_whatever_is_sent_or_answered_has_an_example_as_its_schema_says(name: str) -> None:
    found = examples(PLACES[name])
    assert bool(found) != (name in NONE), "without an example"
    for example in found:
        jsonschema.validate(example, strict(PLACES[name]["schema"]))


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_each_fields_own_example_is_as_its_schema_says(name: str) -> None:
    for field in DOCUMENT["components"]["schemas"][name].get("properties", {}).values():
        for example in field.get("examples", ()):
            jsonschema.validate(example, strict(field))


def test_a_field_that_there_is_not_makes_an_example_a_bad_one() -> None:
    schema = PLACES["GET /demand 200 application/json"]["schema"]
    example = PLACES["GET /demand 200 application/json"]["example"]
    for wrong in (example | {"colour": "red"}, {k: v for k, v in example.items() if k != "pending"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, strict(schema))


def test_every_example_belongs_to_an_operation() -> None:
    operations = {f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert {*ANSWERS, *BODIES} <= operations


@pytest.mark.parametrize("path", ["courses", "chapters", "validations", "exports"])
@pytest.mark.parametrize("place", [{"namespace": ""}, {"namespace": "No Such"}, {"name": ""}, {"name": "Loops_1"}])
def test_a_place_that_kubernetes_has_not_is_none_in_the_document_either(path: str, place: dict[str, str]) -> None:
    content = DOCUMENT["paths"][f"/api/v1/{path}"]["post"]["requestBody"]["content"]["application/json"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content["example"] | place, strict(content["schema"]))


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """Give a schema with all that it refers to, in which an object has no fields but those that are named."""
    return {**closed(schema), "components": closed(DOCUMENT["components"])}


def closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [closed(v) for v in schema]
    if not isinstance(schema, dict):
        return schema
    out = {k: closed(v) for k, v in schema.items()}
    named = isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
    return {"additionalProperties": False} | out if named else out
