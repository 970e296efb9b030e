"""Makes values from a JSON Schema: the largest that its bounds allow, and random ones."""

import json
from functools import cache
from typing import Annotated, Any

from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError

Json = dict[str, Any]

UUID = "6f2b0c1e-8a54-4c0e-9a57-2f1f3c9d7a10"

_HEAVY = '\x01"🎓語a'
"""One character each of what JSON and UTF-8 make longest."""

_SHAPED = {
    "key": (f"{UUID}/chapter/{'a' * 83}", f"{UUID}/a/b"),
    "duration": ("P9999DT9999H9999M99999S", "PT2H", "P1W"),
    "sha256": ("0" * 64,),
    "uuid": (UUID,),
    "language": ("abc-12345678-12345678-1234567",),
}
"""Values of patterns that no repeated character fits; the first of each is the longest."""

_UNBOUNDED = 10**12


def resolve(node: Json, defs: Json) -> Json:
    """Follow references and optional fields."""
    while "$ref" in node or "anyOf" in node or len(node.get("allOf", ())) == 1:
        if "$ref" in node:
            node = defs[node["$ref"].rsplit("/", 1)[1]]
        elif "anyOf" in node:
            node = next(b for b in node["anyOf"] if b.get("type") != "null")
        else:
            node = node["allOf"][0]
    return node


@cache
def _adapter(least: int | None, most: int | None, pattern: str | None) -> TypeAdapter[str]:
    return TypeAdapter(Annotated[str, Field(min_length=least, max_length=most, pattern=pattern)])


def _fits(node: Json, text: str) -> bool:
    try:
        _adapter(node.get("minLength"), node.get("maxLength"), node.get("pattern")).validate_python(text)
    except ValidationError:
        return False
    return True


def _weight(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode())


def largest_text(node: Json) -> str:
    """Give the string that takes most bytes as JSON; AssertionError if it has no bound."""
    size = node.get("maxLength")
    repeated = [c * size for c in _HEAVY] if size else []
    shaped = [text for texts in _SHAPED.values() for text in texts]
    fitting = [text for text in repeated + shaped if _fits(node, text)]
    assert size or node.get("pattern"), f"a string without a bound: {node}"
    assert fitting, f"no value is known for the pattern of {node}"
    return max(fitting, key=_weight)


def largest(node: Json, defs: Json, choices: dict[str, str] | None = None) -> Any:
    """Give the largest value that a schema allows; `choices` picks one of several types by its name."""
    if "oneOf" in node:
        wanted = (choices or {})[node["discriminator"]["propertyName"]]
        node = {"$ref": node["discriminator"]["mapping"][wanted]}
    node = resolve(node, defs)
    if "const" in node:
        return node["const"]
    if "enum" in node:
        return max(node["enum"], key=len)
    match node["type"]:
        case "object":
            return {name: largest(child, defs, choices) for name, child in node["properties"].items()}
        case "array":
            return [largest(node["items"], defs, choices)] * node["maxItems"]
        case "string":
            return largest_text(node)
        case "integer":
            return node.get("maximum", _UNBOUNDED)
        case "number":
            return node.get("maximum", 1e300) / 3
    return False


def texts(node: Json) -> st.SearchStrategy[str]:
    """Give random strings that fit a schema."""
    size = min(node.get("maxLength", 40), 40)
    shaped = [text for shape in _SHAPED.values() for text in shape if _fits(node, text)]
    alphabets = (st.characters(codec="utf-8"), st.sampled_from('abcz019-._ "\\$<&🎓'))
    free = st.one_of(*(st.text(alphabet, min_size=node.get("minLength", 0), max_size=size) for alphabet in alphabets))
    plain = st.text("abc", min_size=1, max_size=size) if _fits(node, "a") else st.nothing()
    known = st.sampled_from(shaped) if shaped else st.nothing()
    return st.one_of(known, plain, free if _fits(node, " a ") else st.nothing()).filter(lambda text: _fits(node, text))


def values(node: Json, defs: Json) -> st.SearchStrategy[Any]:
    """Give random values that fit a schema; optional fields come and go."""
    if "oneOf" in node:
        return st.one_of(*(values(choice, defs) for choice in node["oneOf"]))
    node = resolve(node, defs)
    if "const" in node:
        return st.just(node["const"])
    if "enum" in node:
        return st.sampled_from(node["enum"])
    match node["type"]:
        case "object" if "properties" in node:
            fields = {name: values(child, defs) for name, child in node["properties"].items()}
            required = set(node.get("required", ())) | {k for k, v in node["properties"].items() if "const" in v}
            return st.fixed_dictionaries(
                {k: v for k, v in fields.items() if k in required},
                optional={k: v for k, v in fields.items() if k not in required},
            )
        case "object":
            named = node.get("additionalProperties")
            inside = values(named, defs) if isinstance(named, dict) and "$ref" in named else st.text("abc", max_size=9)
            return st.dictionaries(st.text("abc", min_size=1, max_size=9), inside, max_size=3)
        case "array":
            items = values(node["items"], defs)
            return st.lists(items, min_size=node.get("minItems", 0), max_size=min(node.get("maxItems", 3), 3))
        case "string":
            return texts(node)
        case "integer":
            return st.integers(node.get("minimum", 0), node.get("maximum", _UNBOUNDED))
        case "number":
            return st.floats(node.get("minimum", -1e6), node.get("maximum", 1e6), allow_nan=False)
    return st.booleans()
