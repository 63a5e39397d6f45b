"""Moonshot's flavour of JSON Schema, as MoonshotAI/walle judges it: the first thing in a schema that it refuses."""

from __future__ import annotations

from typing import Any, Final

from sandbox.refusals import invalid

Schema = dict[str, Any]

ROOT_ONLY: Final = {"$defs", "$id"}
NOTES: Final = {"title", "description"}
SIBLINGS: Final = NOTES | ROOT_ONLY
ANYWHERE: Final = {"type", "enum", "default"} | SIBLINGS
OF_TYPE: Final = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"minLength", "maxLength"},
    "number": {"minimum", "maximum"},
    "integer": {"minimum", "maximum"},
    "boolean": set[str](),
    "null": set[str](),
}
PROPERTIES_REFUSED: Final = {"$defs", "$ref", "anyOf", "required", "additionalProperties"}


def check(schema: object, where: str) -> None:
    """Raise the refusal of a schema that is not in the flavour; `where` names it."""
    problem = _root(schema)
    if problem:
        raise invalid(f"Invalid request: {where} is not a valid moonshot flavored json schema: {problem}")


def _root(schema: object) -> str:
    if not isinstance(schema, dict):
        return "the schema must be an object"
    definitions = schema.get("$defs", {})
    if not isinstance(definitions, dict) or any("/" in name for name in definitions):
        return "$defs must be an object whose names have no /"
    if not schema:
        return ""
    if schema.get("type") != "object" and not schema.keys() & {"anyOf", "$ref"}:
        return "the root schema must be of type object"
    problems = [_node(schema, root=schema, at_root=True)]
    problems += [_node(part, root=schema) for part in definitions.values()]
    return next(filter(None, problems), "") or _recursion(schema, definitions)


def _node(schema: object, *, root: Schema, at_root: bool = False) -> str:
    if not isinstance(schema, dict) or not schema:
        return "a subschema must be an object that is not empty"
    if not at_root and schema.keys() & ROOT_ONLY:
        return "$defs and $id are allowed at the root only"
    if not isinstance(schema.get("description", ""), str):
        return "description must be a string"
    for keyword in ("$ref", "anyOf"):
        if keyword in schema:
            beside = schema.keys() - SIBLINGS - {keyword}
            if beside:
                return f"{min(beside)} is not allowed at the same level as {keyword}"
            return _reference(schema["$ref"], root) if keyword == "$ref" else _choice(schema["anyOf"], root)
    return _typed(schema, root)


def _reference(ref: object, root: Schema) -> str:
    if ref == "#":
        return ""
    if not isinstance(ref, str) or not ref.startswith("#/$defs/"):
        return "references must start with #/$defs/"
    return "" if ref.removeprefix("#/$defs/") in root.get("$defs", {}) else "$defs not found for reference"


def _choice(branches: object, root: Schema) -> str:
    if not isinstance(branches, list) or not branches:
        return "anyOf must be a list that is not empty"
    return next(filter(None, (_node(branch, root=root) for branch in branches)), "")


def _typed(schema: Schema, root: Schema) -> str:
    kind = schema.get("type")
    if kind is None and "enum" not in schema:
        return "type is missing"
    if kind is not None and str(kind) not in OF_TYPE:
        return "type must be one of the seven"
    unknown = schema.keys() - ANYWHERE - OF_TYPE.get(str(kind), set())
    if unknown:
        return f"invalid keywords: {min(unknown)}"
    if "enum" in schema and not _is_enum(schema["enum"]):
        return "enum must be literals of one type"
    for low, high in (("minimum", "maximum"), ("minItems", "maxItems"), ("minLength", "maxLength")):
        if low in schema and high in schema and schema[low] > schema[high]:
            return f"{high} must not be less than {low}"
    return _below(schema, root)


def _is_enum(values: object) -> bool:
    if not isinstance(values, list) or not values:
        return False
    kinds = {type(value) for value in values}
    return len(kinds) == 1 and kinds <= {str, int, float}


def _below(schema: Schema, root: Schema) -> str:
    properties = schema.get("properties", {})
    if not isinstance(properties, dict) or PROPERTIES_REFUSED & properties.keys():
        return "a property has a reserved name"
    if not set(schema.get("required", ())) <= properties.keys():
        return "a required property is not in properties"
    below = [*properties.values(), *([schema["items"]] if "items" in schema else ())]
    further = schema.get("additionalProperties")
    if isinstance(further, dict) and further:
        below.append(further)
    return next(filter(None, (_node(part, root=root) for part in below)), "")


def _recursion(root: Schema, definitions: Schema) -> str:
    """Look for a schema whose every document would contain another of itself."""
    parts = {"#": root} | {f"#/$defs/{name}": part for name, part in definitions.items()}
    finite: set[str] = set()
    while more := {name for name, part in parts.items() if name not in finite and _ends(part, finite)}:
        finite |= more
    return "" if finite == parts.keys() else "infinite recursion"


def _ends(schema: Schema, finite: set[str]) -> bool:
    if "$ref" in schema:
        return schema["$ref"] in finite
    if "anyOf" in schema:
        return any(_ends(branch, finite) for branch in schema["anyOf"])
    needed = [schema["properties"][name] for name in schema.get("required", ())]
    return all(_ends(part, finite) for part in [*needed, *([schema["items"]] if "items" in schema else ())])
