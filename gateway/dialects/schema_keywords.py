"""The keywords of Moonshot's flavour of JSON Schema: which it has, and how others are said in it or let go. Pure."""

from __future__ import annotations

from typing import Any

from gateway.dialects.schema_merging import NUMBERS, Schema

CHOICES = ("anyOf", "oneOf")
KINDS = ("string", "number", "integer", "boolean", "null", "object", "array")
ANY_KIND = ("string", "number", "boolean", "null", "object", "array")
NAMES_REFUSED = frozenset({"$defs", "$ref", "anyOf", "required", "additionalProperties"})
BOUNDS = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "number": ("minimum", "maximum"),
    "integer": ("minimum", "maximum"),
}
UNSPEAKABLE = frozenset(  # they constrain, and the flavour has nothing for them
    {
        *("pattern", "multipleOf", "uniqueItems", "minProperties", "maxProperties", "patternProperties"),
        *("propertyNames", "dependentRequired", "dependentSchemas", "dependencies", "unevaluatedProperties"),
        *("prefixItems", "contains", "minContains", "maxContains", "additionalItems", "unevaluatedItems"),
        *("not", "if", "then", "else", "$dynamicRef", "$recursiveRef"),
    }
)
CONSTRAINTS = frozenset(
    {
        "additionalProperties",
        "exclusiveMinimum",
        "exclusiveMaximum",
        *(name for names in BOUNDS.values() for name in names),
    }
)
SAID_IN_WORDS = (
    *("format", "pattern", "multipleOf", "uniqueItems", "minProperties", "maxProperties"),
    *("exclusiveMinimum", "exclusiveMaximum"),
)


def has_unspeakable(schema: Schema) -> bool:
    return not UNSPEAKABLE.isdisjoint(schema)


def types_of(schema: Schema) -> list[str]:
    """Return the types a schema allows; one that has properties or items means objects or arrays."""
    given = schema.get("type")
    kinds = [kind for kind in (given if isinstance(given, list) else [given]) if kind in KINDS]
    if not kinds:
        for keyword, kind in (("properties", "object"), ("required", "object"), ("items", "array")):
            if keyword in schema:
                return [kind]
    return list(dict.fromkeys(kinds))


def any_value(schema: Schema) -> Schema:
    """Return the schema of any value; an empty one is not taken for that inside another."""
    return described(schema, {"anyOf": [{"type": kind} for kind in ANY_KIND]}, annotated=False)


def described(schema: Schema, document: Schema, *, annotated: bool) -> Schema:
    """Give `document` the notes of `schema`, and in words what the flavour has no keyword for.

    Beside `anyOf` and `$ref` only title and description may stand, and a default not.
    """
    notes: Schema = {}
    if isinstance(schema.get("title"), str):
        notes["title"] = schema["title"]
    said = [f"{keyword}: {schema[keyword]}" for keyword in SAID_IN_WORDS if _is_word(schema.get(keyword))]
    text = schema.get("description")
    words = [text] if isinstance(text, str) else []
    if said:
        words.append(f"({', '.join(said)})")
    if words:
        notes["description"] = " ".join(words)
    if annotated and "default" in schema:
        notes["default"] = schema["default"]
    return document | notes


def _is_word(value: object) -> bool:
    return isinstance(value, str | int | float) and value is not False


def additional(schema: Schema, *, refused: bool) -> Any:
    """Return what further properties may be, None where anything; `refused` are some that cannot be named."""
    given = schema.get("additionalProperties")
    if "patternProperties" in schema or refused:
        return None
    return given if isinstance(given, bool | dict) else None


def exclusive_bounds(schema: Schema, kind: str) -> tuple[Schema, bool]:
    """Return `schema` with its exclusive bounds made inclusive: the same for whole numbers, a bit wider for others."""
    narrowed = dict(schema)
    exact = True
    for exclusive, inclusive, step in (("exclusiveMinimum", "minimum", 1), ("exclusiveMaximum", "maximum", -1)):
        value = schema.get(exclusive)
        if kind not in NUMBERS or value is None:
            continue
        if not is_number(value):  # true and false, as of draft 4
            exact &= value is False
            continue
        whole = kind == "integer" and value == int(value)
        exact &= whole
        bound = int(value) + step if whole else value
        known: Any = narrowed.get(inclusive)
        both = [bound, known] if is_number(known) else [bound]
        narrowed[inclusive] = max(both) if step > 0 else min(both)
    return narrowed, exact


def bounds(schema: Schema, kind: str) -> tuple[Schema, bool]:
    """Return the bounds of a type that can be written, and whether those are all."""
    names = BOUNDS.get(kind, ())
    given = {name: schema[name] for name in names if schema.get(name) is not None}
    said = {name: value for name, value in given.items() if _is_bound(value, kind)}
    low, high = (said.get(name) for name in names) if names else (None, None)
    if low is not None and high is not None and low > high:
        return {}, False
    return said, len(said) == len(given)


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_bound(value: object, kind: str) -> bool:
    if kind in NUMBERS:
        return is_number(value) and _is_plain(value)
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_plain(value: object) -> bool:
    """Numbers are written without an exponent."""
    return "e" not in repr(value)


def literals(schema: Schema) -> tuple[Schema, bool]:
    """Return a schema of the allowed values, and whether it allows only those. An enum is of one type of three."""
    given = schema["enum"] if isinstance(schema.get("enum"), list) else [schema.get("const")]
    kinds = types_of(schema)
    values = [value for value in given if not kinds or any(kind in kinds for kind in _kinds(value))]
    groups: dict[str, list[Any]] = {}
    for value in values:
        groups.setdefault(_kinds(value)[0], []).append(value)
    written = [_group(kind, group) for kind, group in groups.items()]
    if not written:
        return any_value(schema), False
    exact = all("enum" in one or one["type"] == "null" for one in written) or set(map(repr, values)) == {
        "True",
        "False",
    }
    if len(written) == 1:
        return described(schema, written[0], annotated=True), exact
    return described(schema, {"anyOf": written}, annotated=False), exact


def _group(kind: str, values: list[Any]) -> Schema:
    speakable = kind in {"string", "integer", "number"} and all(map(_is_plain_literal, values))
    return {"type": kind} | ({"enum": list(_distinct(values))} if speakable else {})


def _is_plain_literal(value: object) -> bool:
    return isinstance(value, str) or _is_plain(value)


def _distinct(values: list[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


def _kinds(value: object) -> tuple[str, ...]:
    """Return the types a value has, the narrowest first."""
    match value:
        case None:
            return ("null",)
        case bool():
            return ("boolean",)
        case str():
            return ("string",)
        case int():
            return ("integer", "number")
        case float():
            return ("number", "integer") if value == int(value) else ("number",)
        case dict():
            return ("object",)
        case _:
            return ("array",)
