from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing.exceptions import Unresolvable

from gateway.dialects.schemas import Budget, flavoured
from sandbox import flavour

ANY = {"anyOf": [{"type": kind} for kind in ("string", "number", "boolean", "null", "object", "array")]}
TEXT = {"type": "string"}


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    ("given_part", "written", "exact"),
    [
        (TEXT, TEXT, True),
        ({"type": "string", "title": "T", "default": "d"}, {"type": "string", "title": "T", "default": "d"}, True),
        ({"type": "string", "examples": [], "x-y": 1, "$comment": ""}, TEXT, True),
        ({"type": "string", "format": "date"}, {"type": "string", "description": "(format: date)"}, True),
        (
            {"type": "string", "pattern": "^a", "description": "An a."},
            {"type": "string", "description": "An a. (pattern: ^a)"},
            False,
        ),
        ({"const": "x"}, {"type": "string", "enum": ["x"]}, True),
        ({"const": None}, {"type": "null"}, True),
        ({"type": "string", "enum": ["a", "b", 3]}, {"type": "string", "enum": ["a", "b"]}, True),
        (
            {"enum": ["a", 1, None]},
            {"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "integer", "enum": [1]}, {"type": "null"}]},
            True,
        ),
        ({"enum": [True]}, {"type": "boolean"}, False),
        ({"type": ["string", "null"], "minLength": 2}, {"anyOf": [TEXT | {"minLength": 2}, {"type": "null"}]}, True),
        ({"oneOf": [TEXT, {"type": "null"}]}, {"anyOf": [TEXT, {"type": "null"}]}, False),
        (
            {"type": "string", "anyOf": [{"minLength": 3}, {"enum": ["a"]}]},
            {"anyOf": [TEXT | {"minLength": 3}, TEXT | {"enum": ["a"]}]},
            True,
        ),
        ({"allOf": [{"type": "string", "minLength": 1}, {"minLength": 2}]}, TEXT | {"minLength": 2}, True),
        ({"type": "integer", "exclusiveMinimum": 0}, None, True),
        ({"type": "number", "exclusiveMinimum": 0}, None, False),
        ({}, ANY, True),
        ({"type": "array", "items": {}}, {"type": "array"}, True),
        ({"type": "array", "prefixItems": [TEXT], "minItems": 1}, {"type": "array", "minItems": 1}, False),
        ({"type": "array", "items": TEXT, "uniqueItems": True}, None, False),
        ({"type": "object", "additionalProperties": TEXT}, {"type": "object", "additionalProperties": TEXT}, True),
        (
            {"type": "object", "patternProperties": {"^a": TEXT}, "additionalProperties": False},
            {"type": "object"},
            False,
        ),
        (
            {"type": "object", "required": ["a"]},
            {"type": "object", "properties": {"a": ANY}, "required": ["a"]},
            True,
        ),
        ({"$ref": "https://example.com/schema"}, ANY, False),
    ],
)
def test_each_keyword_is_said_in_the_flavour_or_let_go(
    given_part: dict[str, Any],
    written: dict[str, Any] | None,
    exact: bool,  # noqa: FBT001
) -> None:
    result = flavoured(of(a=given_part))
    assert result.exact is exact
    if written is not None:
        assert result.document == of(a=written)


def test_exclusive_bounds_become_inclusive_ones() -> None:
    part = flavoured(of(a={"type": "integer", "exclusiveMinimum": 0, "maximum": 9})).document["properties"]["a"]
    assert part == {"type": "integer", "minimum": 1, "maximum": 9, "description": "(exclusiveMinimum: 0)"}


@pytest.mark.conformance(114)
def test_what_zod_and_pydantic_write_is_taken() -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Answer",
        "type": "object",
        "properties": {
            "city": {"title": "City", "anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
            "when": {"allOf": [{"$ref": "#/definitions/When"}], "description": "The day."},
        },
        "required": ["city", "when"],
        "additionalProperties": False,
        "definitions": {"When": {"type": "object", "properties": {"day": TEXT}, "title": "When"}},
    }
    result = flavoured(schema)
    assert result.exact
    assert result.document == {
        "type": "object",
        "title": "Answer",
        "properties": {
            "city": {"anyOf": [TEXT, {"type": "null"}], "title": "City"},
            "when": {"type": "object", "properties": {"day": TEXT}, "title": "When", "description": "The day."},
        },
        "required": ["city", "when"],
        "additionalProperties": False,
    }


def test_references_end_in_definitions_at_the_root() -> None:
    node = {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/definitions/Node"}, {"type": "null"}]}}}
    schema = {"type": "object", "properties": {"a": {"$ref": "#/definitions/Node"}, "b": {"$ref": "#/properties/a"}}}
    result = flavoured(schema | {"definitions": {"Node": node, "Unused": {"pattern": "x"}}})
    assert result.exact
    assert result.document["$defs"] == {
        "Node": {
            "type": "object",
            "properties": {"next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}},
        },
        "a": {"$ref": "#/$defs/Node"},
    }
    assert result.document["properties"] == {"a": {"$ref": "#/$defs/Node"}, "b": {"$ref": "#/$defs/a"}}


def test_a_reference_at_the_root_is_written_out_there() -> None:
    tree = {"type": "object", "properties": {"left": {"$ref": "#/$defs/Tree"}}}
    result = flavoured({"$ref": "#/$defs/Tree", "$defs": {"Tree": tree}})
    assert result.exact
    assert result.document == {"$defs": {"Tree": tree}} | tree


def test_a_tree_that_would_never_end_has_free_children() -> None:
    children = {"type": "array", "items": {"$ref": "#/$defs/Tree"}}
    tree = {"type": "object", "properties": {"children": children}, "required": ["children"]}
    result = flavoured({"type": "object", "properties": {"tree": {"$ref": "#/$defs/Tree"}}, "$defs": {"Tree": tree}})
    assert not result.exact
    assert result.document["$defs"]["Tree"]["properties"] == {"children": {"type": "array"}}


@pytest.mark.parametrize("schema", [{"type": "array", "items": TEXT}, {"type": "string"}, {"enum": ["a"]}])
def test_the_root_is_always_an_object(schema: dict[str, Any]) -> None:
    result = flavoured(schema)
    assert (result.document, result.exact) == ({"type": "object"}, False)


def test_words_of_the_language_cannot_name_a_property() -> None:
    schema = of(required={"type": "boolean"}, a=TEXT) | {"required": ["required", "a"], "additionalProperties": False}
    result = flavoured(schema)
    assert result.document == of(a=TEXT) | {"required": ["a"]}
    assert not result.exact


def test_parts_that_would_grow_without_end_are_given_up() -> None:
    parts: dict[str, Any] = {
        f"d{n}": {"allOf": [{"properties": {f"x{n}": {"$ref": f"#/$defs/d{n + 1}"}}}, {"$ref": f"#/$defs/d{n + 1}"}]}
        for n in range(40)
    }
    schema = {"type": "object", "allOf": [{"$ref": "#/$defs/d0"}], "$defs": parts | {"d40": {"type": "object"}}}
    assert flavour_of(schema)


def test_what_a_request_needs_beyond_its_budget_is_left_free() -> None:
    budget = Budget(20)
    first, second = (flavoured(of(a=TEXT, b=TEXT, c=TEXT, d=TEXT), budget) for _ in range(2))
    assert first.document == of(a=TEXT, b=TEXT, c=TEXT, d=TEXT)
    assert (second.document, second.exact) == ({"type": "object"}, False)


def test_references_to_many_parts_of_one_name_give_each_a_name_of_its_own() -> None:
    count = 5000
    schema = of(**{f"p{n}": {"$ref": f"#/parts/{n}/x"} for n in range(count)})
    document = flavour_of(schema | {"parts": [{"x": TEXT} for _ in range(count)]})
    assert list(document["$defs"])[:3] == ["x", "x_2", "x_3"]
    assert len(document["$defs"]) == count


def test_definitions_in_the_worst_order_are_written_in_a_few_passes() -> None:
    count = 1500
    every = {"anyOf": [{"$ref": f"#/$defs/d{n}"} for n in range(count)]}
    parts: dict[str, Any] = {"d0": TEXT}
    parts |= {f"d{n}": of(x={"$ref": f"#/$defs/d{n - 1}"}) | {"required": ["x"]} for n in range(1, count)}
    assert flavour_of(of(all=every) | {"$defs": parts})


def test_a_chain_of_references_a_thousand_long_is_no_trouble() -> None:
    parts = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}]} for n in range(2000)}
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": parts | {"d2000": TEXT}}
    assert flavour_of(schema)


def flavour_of(schema: dict[str, Any]) -> dict[str, Any]:
    document = flavoured(schema).document
    flavour.check(document, "it")
    Draft202012Validator.check_schema(document)
    return document


NAMES = st.sampled_from(["a", "b", "required", "$ref"])
LITERALS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "bc"]) | st.just(1.5)


def keywords(inner: st.SearchStrategy[Any], references: list[str]) -> dict[str, st.SearchStrategy[Any]]:
    lists = st.lists(inner, min_size=1, max_size=3)
    properties = st.dictionaries(NAMES, inner, max_size=3)
    size = st.integers(0, 3)
    return {
        "type": st.sampled_from(["string", "integer", "number", "boolean", "null", "object", "array"])
        | st.lists(st.sampled_from(["string", "integer", "null", "object"]), min_size=1, max_size=2, unique=True),
        "properties": properties,
        "patternProperties": st.dictionaries(st.sampled_from(["^a", "^b"]), inner, max_size=1),
        "required": st.lists(NAMES, max_size=2, unique=True),
        "additionalProperties": inner | st.booleans(),
        "items": inner | st.booleans(),
        "prefixItems": lists,
        "anyOf": lists,
        "oneOf": lists,
        "allOf": lists,
        "not": inner,
        "enum": st.lists(LITERALS, min_size=1, max_size=4),
        "const": LITERALS,
        "$ref": st.sampled_from(references),
        **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties"), size),
        **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), st.integers(-2, 2)),
        "multipleOf": st.integers(1, 3),
        "pattern": st.just("^a"),
        "format": st.just("date"),
        "uniqueItems": st.booleans(),
        "default": LITERALS,
        "title": st.just("T"),
        "description": st.just("D."),
        "$comment": st.just("c"),
    }


def schemas(*references: str) -> st.SearchStrategy[Any]:
    """Few keywords at once: most of all of them together allow nothing."""

    def some(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
        every = keywords(inner, [*references, "#/nowhere", "http://x/y"])
        return st.lists(st.sampled_from(sorted(every)), max_size=4, unique=True).flatmap(
            lambda names: st.fixed_dictionaries({name: every[name] for name in names}).map(typed)
        )

    return st.recursive(some(st.just({"type": "string"})) | st.booleans(), some, max_leaves=6)


def typed(schema: dict[str, Any]) -> dict[str, Any]:
    """Say the type that one with these keywords is taken to mean."""
    kinds = {"properties": "object", "required": "object", "items": "array"}
    meant = [kind for keyword, kind in kinds.items() if keyword in schema]
    return {"type": meant[0]} | schema if meant else schema


def roots(a: st.SearchStrategy[Any], b: st.SearchStrategy[Any], c: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    bodies = schemas("#/$defs/A", "#/$defs/B", "#/definitions/C").filter(lambda body: isinstance(body, dict))
    return st.builds(
        lambda body, a, b, c: {"type": "object"} | body | {"$defs": {"A": a, "B": b}, "definitions": {"C": c}},
        *(bodies, a, b, c),
    )


ANYWHERE = schemas("#", "#/$defs/A", "#/$defs/B", "#/definitions/C", "#/properties/a")
ROOTS = roots(ANYWHERE, ANYWHERE, ANYWHERE)
ENDING_ROOTS = roots(schemas("#/$defs/B", "#/definitions/C"), schemas("#/definitions/C"), schemas())
DOCUMENTS = st.dictionaries(
    NAMES,
    st.recursive(
        LITERALS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=2),
        max_leaves=5,
    ),
    max_size=3,
)


# What its root refers to goes with what cannot be said of a root, and so does its definition.
LIST_OF_ANYTHING = {"type": "array", "items": {"$comment": "c", "$ref": "#/$defs/A"}, "$defs": {"A": {}}}


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(ROOTS)
@example(LIST_OF_ANYTHING)
def test_any_schema_becomes_one_that_moonshot_takes_and_stays_it(schema: dict[str, Any]) -> None:
    document = flavour_of(schema)
    again = flavoured(document)
    assert again.document == document


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(ENDING_ROOTS, DOCUMENTS)
def test_what_a_schema_allows_stays_allowed_and_an_exact_one_allows_nothing_else(
    schema: dict[str, Any], document: dict[str, Any]
) -> None:
    result = flavoured(schema)
    allowed = is_valid(schema, document)
    assume(allowed is not None)
    if allowed:
        assert is_valid(result.document, document)
    elif result.exact:
        assert not is_valid(result.document, document)


def is_valid(schema: dict[str, Any], document: dict[str, Any]) -> bool | None:
    """Return None where the schema refers to nothing."""
    try:
        return bool(Draft202012Validator(schema).is_valid(document))
    except Unresolvable:
        return None
