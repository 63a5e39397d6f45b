"""`allOf` put together into one schema, so that what all of it allowed is still allowed. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

Schema = dict[str, Any]

GREATER = frozenset({"minimum", "minLength", "minItems"})
SMALLER = frozenset({"maximum", "maxLength", "maxItems"})
NOTES = frozenset({"title", "description", "default"})
LONG = ("properties", "required", "enum", "anyOf", "oneOf")
MOST_PAIRS = 10_000  # of two enums, each value is looked for in the other
NUMBERS = frozenset({"integer", "number"})


class Lost(Exception):  # noqa: N818 - says what happened to the keyword
    """The two values have no common one that a single keyword could say."""


def merged(parts: Iterable[Schema]) -> tuple[Schema, bool]:
    """Return one schema for all the parts, and whether it says everything that they do."""
    whole: Schema = {}
    exact = True
    for part in parts:
        for keyword, value in part.items():
            if keyword not in whole or whole[keyword] is value or whole[keyword] == value or keyword in NOTES:
                whole.setdefault(keyword, value)
                continue
            try:
                whole[keyword] = _both(keyword, whole[keyword], value)
            except Lost:
                exact = False
                if keyword == "additionalProperties":
                    del whole[keyword]  # the stricter of two would refuse what the other part names
    return _unsealed(whole, list(parts), exact=exact)


def size(schema: Schema) -> int:
    """Return how much there is to merge of a schema: its keywords, and what the longest of them hold."""
    return len(schema) + sum(len(schema[name]) for name in LONG if isinstance(schema.get(name), list | dict))


def _unsealed(whole: Schema, parts: list[Schema], *, exact: bool) -> tuple[Schema, bool]:
    """Drop a bound on further properties that one part set without knowing the other's."""
    sealed = [part for part in parts if "additionalProperties" in part]
    if "additionalProperties" not in whole or all(_names(part) == _names(whole) for part in sealed):
        return whole, exact
    del whole["additionalProperties"]
    return whole, False


def _names(schema: Schema) -> set[str]:
    properties = schema.get("properties")
    return set(properties) if isinstance(properties, dict) else set()


def _both(keyword: str, one: Any, other: Any) -> Any:
    if keyword == "properties" and isinstance(one, dict) and isinstance(other, dict):
        return one | {name: {"allOf": [one[name], part]} if name in one else part for name, part in other.items()}
    if keyword == "required" and isinstance(one, list) and isinstance(other, list):
        return list(dict.fromkeys(name for name in (*one, *other) if isinstance(name, str)))
    if keyword in {"items", "additionalProperties"} and isinstance(one, dict) and isinstance(other, dict):
        return {"allOf": [one, other]}
    if keyword in GREATER | SMALLER and _is_number(one) and _is_number(other):
        return max(one, other) if keyword in GREATER else min(one, other)
    if keyword == "enum" and isinstance(one, list) and isinstance(other, list):
        return [value for value in one if value in other] or _lost() if len(one) * len(other) <= MOST_PAIRS else _lost()
    if keyword == "type":
        return _type(one, other)
    return _lost()


def _type(one: Any, other: Any) -> Any:
    ones, others = (kind if isinstance(kind, list) else [kind] for kind in (one, other))
    common = [kind for kind in ones if kind in others]
    if not common and NUMBERS & set(ones) and NUMBERS & set(others):
        common = ["integer"]
    return (common[0] if len(common) == 1 else common) if common else _lost()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _lost() -> Any:
    raise Lost
