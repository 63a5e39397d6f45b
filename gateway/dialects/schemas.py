"""JSON Schema → Moonshot's flavour of it, which Moonshot refuses anything else than. Pure.

The rules are those of MoonshotAI/walle, docs/mfjs-walle-vs-draft-2020-12.md. Whatever a schema allowed stays allowed;
where the flavour cannot forbid all that the schema forbade, it is no longer `exact`, and the description says what was
lost.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from gateway.dialects.schema_keywords import (
    CHOICES,
    CONSTRAINTS,
    NAMES_REFUSED,
    additional,
    any_value,
    bounds,
    described,
    exclusive_bounds,
    has_unspeakable,
    literals,
    types_of,
)
from gateway.dialects.schema_merging import NOTES, Schema, merged, size
from gateway.dialects.schema_recursion import cut, referred

MOST_NODES = 30_000  # in one request; merging may multiply what a short document says, and the event loop waits
PLAIN = frozenset({"type", "description"})
SCALARS = frozenset({"string", "integer", "number", "boolean", "null"})
FREE: Schema = {"type": "object"}


@dataclass(frozen=True, slots=True)
class Flavoured:
    document: Schema = field(repr=False)
    exact: bool  # it forbids all that the original forbade


class Budget:
    """The nodes that may still be written for one request; what would need more is left free."""

    def __init__(self, left: int = MOST_NODES) -> None:
        self._left = left

    def spend(self, nodes: int) -> None:
        self._left -= nodes
        if self._left < 0:
            raise _TooLarge


def flavoured(schema: Schema, budget: Budget | None = None) -> Flavoured:
    """Write `schema`, of a tool's parameters or of an answer, in Moonshot's flavour. Its root is always an object."""
    writing = _Writing(schema, budget or Budget())
    try:
        document = writing.document()
    except (_TooLarge, RecursionError):
        return Flavoured(dict(FREE), exact=False)
    return Flavoured(document, exact=writing.exact)


class _TooLarge(Exception):  # noqa: N818 - names what happened
    """Written out, the schema would have more nodes than anybody means."""


class _Writing:
    def __init__(self, root: Schema, budget: Budget) -> None:
        self._root = root
        self._budget = budget
        self._names: dict[str, str] = {}  # pointer → name in $defs
        self._numbers: dict[str, int] = {}  # name → the number of the next one like it
        self._waiting: deque[tuple[str, object]] = deque()
        self._inlining: tuple[str, ...] = ()
        self.exact = True

    def document(self) -> Schema:
        root = self._rooted(self._node({"allOf": [self._root]}))
        definitions: Schema = {}
        while self._waiting:  # not by recursion: a chain of references may be long
            name, schema = self._waiting.popleft()
            definitions[name] = self._node(schema)
        definitions = referred(root, definitions)
        document, same = cut(root | {"$defs": definitions} if definitions else root)
        self.exact &= same
        return document

    def _rooted(self, root: Schema) -> Schema:
        """Return a root that is an object, or a choice among objects: nothing else is wanted of a root."""
        if root.get("type") == "object":
            return root
        objects = _objects(root)
        self.exact &= objects == root or root.get("anyOf") == any_value({})["anyOf"]
        if objects is None or objects == FREE:
            return FREE | {keyword: root[keyword] for keyword in ("title", "description") if keyword in root}
        return objects

    def _node(self, schema: object) -> Schema:
        self._budget.spend(1)
        if not isinstance(schema, dict):
            self.exact &= schema is True
            return any_value({})
        if _is_plain(schema):
            return schema
        whole = self._without_all_of(schema)
        self.exact &= not has_unspeakable(whole)
        if "$ref" in whole:
            return self._reference(whole)
        for keyword in CHOICES:
            if isinstance(whole.get(keyword), list) and whole[keyword]:
                return self._choice(whole, keyword)
        if "enum" in whole or "const" in whole:
            self._budget.spend(size(whole))
            document, exact = literals(whole)
            self.exact &= exact
            return document
        return self._by_type(whole)

    def _by_type(self, whole: Schema) -> Schema:
        kinds = types_of(whole)
        if not kinds:  # a bound that would hold for one type only
            self.exact &= CONSTRAINTS.isdisjoint(whole)
            return any_value(whole)
        if len(kinds) == 1:
            return self._typed(whole, kinds[0])
        return described(whole, {"anyOf": [self._typed(_bare(whole), kind) for kind in kinds]}, annotated=False)

    def _without_all_of(self, schema: Schema) -> Schema:
        """Return `schema` with its `allOf` merged into it, and what that refers to written out."""
        parts = schema.get("allOf")
        if not isinstance(parts, list):
            return {keyword: value for keyword, value in schema.items() if keyword != "allOf"}
        siblings = {keyword: value for keyword, value in schema.items() if keyword != "allOf"}
        before = self._inlining
        try:
            inlined = [self._inlined(part) for part in (siblings, *parts)]
            self._budget.spend(sum(map(size, inlined)))
            whole, exact = merged(inlined)
        finally:
            self._inlining = before
        self.exact &= exact
        return whole

    def _inlined(self, part: object) -> Schema:
        """Return what a part of `allOf` says, following its reference once; one back to itself is let go."""
        if not isinstance(part, dict):
            self.exact &= part is True
            return {}
        pointer = part.get("$ref")
        if not isinstance(pointer, str):
            return self._without_all_of(part)
        rest = {keyword: value for keyword, value in part.items() if keyword != "$ref"}
        target = self._target(pointer)
        if pointer in self._inlining or not isinstance(target, dict):
            self.exact = False
            return self._without_all_of(rest)
        self._inlining += (pointer,)
        return self._without_all_of({"allOf": [rest, target]})

    def _choice(self, whole: Schema, keyword: str) -> Schema:
        """Return an `anyOf` whose branches say themselves what stood beside it."""
        self.exact &= keyword == "anyOf" and "oneOf" not in whole
        beside = {name: value for name, value in whole.items() if name not in NOTES and name not in CHOICES}
        beside.pop("$defs", None)
        beside.pop("definitions", None)
        branches = [branch for branch in whole[keyword] if branch is not False]
        written = [self._node({"allOf": [beside, branch]} if beside else branch) for branch in branches]
        return described(whole, {"anyOf": written or [any_value({})]}, annotated=False)

    def _reference(self, whole: Schema) -> Schema:
        pointer = whole["$ref"]
        self.exact &= not (set(whole) - NOTES - {"$ref", "$defs", "definitions"})
        if pointer == "#":
            return described(whole, {"$ref": "#"}, annotated=False)
        if not isinstance(pointer, str) or self._target(pointer) is None:
            self.exact = False
            return any_value(whole)
        if pointer not in self._names:
            name = self._name(pointer)
            self._names[pointer] = name
            self._waiting.append((name, self._target(pointer)))
        return described(whole, {"$ref": f"#/$defs/{self._names[pointer]}"}, annotated=False)

    def _name(self, pointer: str) -> str:
        base = pointer.rpartition("/")[2].replace("~1", "_").replace("~0", "~") or "part"
        name = base
        while name in self._numbers:
            self._numbers[base] += 1
            name = f"{base}_{self._numbers[base]}"
        self._numbers[name] = 1
        return name

    def _target(self, pointer: str) -> object:
        """Follow a JSON Pointer inside the document (RFC 6901); None where it leads nowhere."""
        if not pointer.startswith("#/"):
            return None
        found: Any = self._root
        for step in pointer.removeprefix("#/").split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict) and name in found:
                found = found[name]
            elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
                found = found[int(name)]
            else:
                return None
        return found if isinstance(found, dict | bool) else None

    def _typed(self, whole: Schema, kind: str) -> Schema:
        document: Schema = {"type": kind}
        if kind == "object":
            document |= self._object(whole)
        elif kind == "array":
            document |= self._items(whole)
        narrowed, exact = exclusive_bounds(whole, kind)
        said, spoken = bounds(narrowed, kind)
        self.exact &= exact and spoken
        return described(whole, document | said, annotated=True)

    def _object(self, whole: Schema) -> Schema:
        given = whole.get("properties")
        properties = given if isinstance(given, dict) else {}
        written = {name: self._node(part) for name, part in properties.items() if self._speakable(name, part)}
        wanted = whole.get("required")
        required = [name for name in dict.fromkeys(_strings(wanted)) if self._speakable(name, properties.get(name))]
        sealed = additional(whole, refused=bool(NAMES_REFUSED & set(properties)))
        self._budget.spend(len(required))
        for name in required:
            if name not in written:  # what is required has to be named
                self.exact &= sealed is not False
                written[name] = self._node(sealed) if isinstance(sealed, dict) else any_value({})
        document: Schema = {"properties": written} if written or "properties" in whole else {}
        if required:
            document["required"] = required
        if sealed is not None:
            document["additionalProperties"] = self._node(sealed) if isinstance(sealed, dict) and sealed else sealed
        return document

    def _speakable(self, name: str, part: object) -> bool:
        """Whether a property can be named: some words of the schema language cannot, and a forbidden one need not."""
        if name not in NAMES_REFUSED and part is not False:
            return True
        self.exact = False
        return False

    def _items(self, whole: Schema) -> Schema:
        items = whole.get("items")
        if isinstance(items, dict) and items and "prefixItems" not in whole:
            return {"items": self._node(items)}
        self.exact &= items in (None, True, {})
        return {}


def _objects(schema: Schema) -> Schema | None:
    """Return what of a schema's choices can be an object, None where nothing can."""
    if "anyOf" not in schema:
        return schema if schema.get("type") == "object" or "$ref" in schema else None
    branches = [branch for branch in map(_objects, schema["anyOf"]) if branch is not None]
    if not branches or FREE in branches:
        return FREE if branches else None
    return schema | {"anyOf": branches}


def _is_plain(schema: Schema) -> bool:
    """Whether there is only a scalar's type, with or without a description: most nodes are such."""
    kind = schema.get("type")
    plain = isinstance(kind, str) and kind in SCALARS and schema.keys() <= PLAIN
    return plain and isinstance(schema.get("description", ""), str)


def _bare(schema: Schema) -> Schema:
    return {keyword: value for keyword, value in schema.items() if keyword not in NOTES and keyword != "format"}


def _strings(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
