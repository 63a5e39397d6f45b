"""A valid document for a simple JSON schema: what structured outputs and tool arguments are made of here."""

from __future__ import annotations

from typing import Any, cast

DEPTH = 12
SAMPLE = "sandbox"

SAMPLES: dict[str, Any] = {"boolean": True, "null": None}

Schema = dict[str, Any]


def document(schema: object) -> Any:
    """Return a document that satisfies `schema`; what is beyond simple schemas comes out as null."""
    root = cast("Schema", schema) if isinstance(schema, dict) else {}
    return _value(root, root, DEPTH)


def _value(schema: Schema, root: Schema, depth: int) -> Any:
    if depth == 0:
        return None
    if "$ref" in schema:
        return _value(_resolve(str(schema["$ref"]), root), root, depth - 1)
    for chosen in ("const", "default"):
        if chosen in schema:
            return schema[chosen]
    if schema.get("enum"):
        return schema["enum"][0]
    for choices in ("anyOf", "oneOf"):
        if schema.get(choices):
            return _value(schema[choices][0], root, depth - 1)
    return _typed(schema, root, depth)


def _typed(schema: Schema, root: Schema, depth: int) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = kind[0] if kind else "null"
    if kind == "object":
        named: Schema = schema.get("properties", {})
        return {name: _value(part, root, depth - 1) for name, part in named.items() if isinstance(part, dict)}
    if kind == "array":
        item = _value(schema.get("items", {}), root, depth - 1)
        return [item] * max(1, int(schema.get("minItems", 1)))
    if kind == "string":
        return SAMPLE.ljust(int(schema.get("minLength", 0)), ".")[: int(schema.get("maxLength", 1024))]
    if kind in {"integer", "number"}:
        return _number(schema)
    return SAMPLES.get(str(kind))


def _number(schema: Schema) -> int | float:
    least = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
    most = schema.get("maximum", schema.get("exclusiveMaximum", least + 2) - 1)
    return cast("int | float", min(max(1, least), most))


def _resolve(ref: str, root: Schema) -> Schema:
    found: Any = root
    for step in ref.removeprefix("#").strip("/").split("/"):
        if not step:
            continue
        found = found.get(step, {}) if isinstance(found, dict) else {}
    return found if isinstance(found, dict) else {}
