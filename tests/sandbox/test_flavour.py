from __future__ import annotations

from typing import Any

import pytest

from sandbox.flavour import check
from sandbox.refusals import Refusal

TEXT = {"type": "string"}


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        of(a=TEXT, b={"enum": ["x"]}) | {"required": ["a"], "additionalProperties": False},
        of(a={"anyOf": [TEXT, {"type": "null"}], "title": "A", "description": "d"}),
        of(a={"$ref": "#/$defs/N"}) | {"$defs": {"N": of(next={"anyOf": [{"$ref": "#/$defs/N"}, {"type": "null"}]})}},
        of(a={"type": "array", "items": {"type": "integer", "minimum": 1, "default": 2}, "minItems": 1}),
    ],
)
def test_what_is_in_the_flavour_passes(schema: dict[str, Any]) -> None:
    check(schema, "it")


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"type": "array"}, "must be of type object"),
        ({"$schema": "x", "type": "object"}, "invalid keywords: $schema"),
        (of(a={}), "not empty"),
        (of(a={"type": ["string", "null"]}), "one of the seven"),
        (of(a=TEXT | {"format": "date"}), "invalid keywords: format"),
        (of(a=TEXT | {"minItems": 1}), "invalid keywords: minItems"),
        (of(a={"const": "x"}), "type is missing"),
        (of(a={"type": "string", "anyOf": [TEXT]}), "type is not allowed at the same level as anyOf"),
        (of(a={"$ref": "#/definitions/A"}), "must start with #/$defs/"),
        (of(a={"$ref": "#/$defs/A"}), "not found"),
        (of(a=of(b=TEXT) | {"$defs": {}}), "at the root only"),
        (of(a={"enum": ["x", 1]}), "literals of one type"),
        (of(anyOf=TEXT), "reserved name"),
        ({"type": "object", "required": ["a"]}, "not in properties"),
        (of(a={"type": "integer", "minimum": 2, "maximum": 1}), "must not be less"),
        (of(a={"$ref": "#"}) | {"required": ["a"]}, "infinite recursion"),
    ],
)
def test_what_is_not_is_refused_with_its_reason(schema: dict[str, Any], says: str) -> None:
    with pytest.raises(Refusal) as raised:
        check(schema, "tools")
    assert raised.value.status == 400
    assert says in raised.value.message
