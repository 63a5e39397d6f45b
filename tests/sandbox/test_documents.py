from __future__ import annotations

from typing import Any

import pytest

from sandbox.documents import document


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, "sandbox"),
        ({"type": "string", "minLength": 9}, "sandbox.."),
        ({"type": "string", "maxLength": 3}, "san"),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "integer", "maximum": -2}, -2),
        ({"type": "number", "exclusiveMinimum": 3}, 4),
        ({"type": "boolean"}, True),
        ({"type": ["null", "string"]}, None),
        ({"enum": ["celsius", "kelvin"]}, "celsius"),
        ({"const": 7}, 7),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 1),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [1, 1]),
        (
            {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}},
            {"a": 1, "b": "sandbox"},
        ),
        ({}, "sandbox"),
        ("nonsense", "sandbox"),
    ],
)
def test_a_document_satisfies_its_schema(schema: object, expected: object) -> None:
    assert document(schema) == expected


def test_references_into_the_schema_are_followed() -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"$ref": "#/$defs/City"}},
        "$defs": {"City": {"type": "object", "properties": {"name": {"type": "string"}}}},
    }
    assert document(schema) == {"city": {"name": "sandbox"}}


def test_a_schema_that_refers_to_itself_ends() -> None:
    schema: dict[str, Any] = {"$ref": "#"}
    assert document(schema) is None
