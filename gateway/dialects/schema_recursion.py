"""A schema whose every document would contain another of itself, as Moonshot judges it: cut where it closes. Pure.

An array counts as if it had an item, so a tree whose children are required is one: its items become free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.dialects.schema_keywords import any_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.dialects.schema_merging import Schema

ROOT = "#"
DEFINITIONS = "#/$defs/"
PASSES = 8


def referred(root: Schema, definitions: Schema) -> Schema:
    """Return the definitions that a root refers to, by however many steps. Others are left over from what is gone."""
    reached: set[str] = set()
    waiting: list[Any] = [root]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            waiting += part.values()
            name = str(part.get("$ref", "")).removeprefix(DEFINITIONS)
            if name in definitions and name not in reached:
                reached.add(name)
                waiting.append(definitions[name])
    return {name: part for name, part in definitions.items() if name in reached}


def cut(document: Schema) -> tuple[Schema, bool]:
    """Return a document in the flavour without endless recursion, and whether it is the same."""
    if finite(document) == _parts(document).keys():
        return document, True
    for change in (_without_items, _without_references):
        document = _changed(document, change, finite(document))
    return document, False


def finite(document: Schema) -> set[str]:
    """Return the references that lead to something with an end, as far as a few passes find them.

    A definition mostly refers to later ones, so the passes begin at the end; one that is missed is cut, and not wrong.
    """
    waiting = list(reversed(_parts(document).items()))
    found: set[str] = set()
    for _ in range(PASSES):
        before = len(found)
        for name, part in waiting:
            if _ends(part, found):
                found.add(name)
        waiting = [(name, part) for name, part in reversed(waiting) if name not in found]
        if len(found) == before or not waiting:
            break
    return found


def _parts(document: Schema) -> dict[str, Schema]:
    return {ROOT: document} | {f"#/$defs/{name}": part for name, part in document.get("$defs", {}).items()}


def _ends(schema: Schema, found: set[str]) -> bool:
    if "$ref" in schema:
        return schema["$ref"] in found
    if "anyOf" in schema:
        return any(_ends(branch, found) for branch in schema["anyOf"])
    needed = [schema["properties"][name] for name in schema.get("required", ())]
    if "items" in schema:
        needed.append(schema["items"])
    return all(_ends(part, found) for part in needed)


def _without_items(schema: Schema, found: set[str]) -> Schema:
    if "items" not in schema or _ends(schema["items"], found):
        return schema
    return {keyword: value for keyword, value in schema.items() if keyword != "items"}


def _without_references(schema: Schema, found: set[str]) -> Schema:
    return any_value(schema) if "$ref" in schema and schema["$ref"] not in found else schema


def _changed(schema: Schema, change: Callable[[Schema, set[str]], Schema], found: set[str]) -> Schema:
    """Return `schema` with the change made to it and to all below it."""
    changed = dict(change(schema, found))
    for keyword in ("properties", "$defs"):
        if keyword in changed:
            changed[keyword] = {name: _changed(part, change, found) for name, part in changed[keyword].items()}
    for keyword in ("items", "additionalProperties"):
        if isinstance(changed.get(keyword), dict):
            changed[keyword] = _changed(changed[keyword], change, found)
    if "anyOf" in changed:
        changed["anyOf"] = [_changed(branch, change, found) for branch in changed["anyOf"]]
    return changed
