"""How deep free-form JSON is nested. Pure."""

from __future__ import annotations


def deeper_than(levels: int, value: object) -> bool:
    """Say whether lists and objects go deeper than that, without recursion: to write them could exhaust the stack."""
    level = [value]
    for _ in range(levels):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return False
    return True


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
