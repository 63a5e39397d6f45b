"""Writes docs/conformance.md: each statement of tests/wire/statements.toml with the tests that carry its number.

`python -m tests.conformance` writes it. The marks are read from the source, so no test has to be collected or run, and
branches that each add marks need the page written once, after they are merged.
"""

from __future__ import annotations

import ast
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "conformance.md"
HEAD: Final = """\
# Conformance

What a client of an OpenAI-compatible API may rely on, statement by statement, and the tests that hold us to it. This
page is written by `python -m tests.conformance`, from `tests/wire/statements.toml` and the tests' marks, never by hand.

- **held**: the tests beside it pass only if it is true.
- **held differently**: true in a way that may surprise; the reason is beside it.
- **open**: not true yet, or not of all of it; the reason is beside it.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    number: int
    section: str
    text: str
    differently: str = ""
    open: str = ""
    by: str = ""  # the command that holds it, where it is no test of pytest's


@dataclass(frozen=True, slots=True)
class Checklist:
    sections: Mapping[str, str]  # letter → title
    statements: Sequence[Statement]


def checklist() -> Checklist:
    document = tomllib.loads((ROOT / "tests" / "wire" / "statements.toml").read_text(encoding="utf-8"))
    return Checklist(document["sections"], [Statement(**entry) for entry in document["statement"]])


def marked() -> dict[int, list[str]]:
    """Return the tests by the numbers they carry, each as pytest names it."""
    found = defaultdict(list)
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        for number, test in marks(file.read_text(encoding="utf-8")):
            found[number].append(f"{file.relative_to(ROOT)}::{test}")
    return found


def marks(source: str) -> Iterator[tuple[int, str]]:
    """Yield each number that a test of `source` carries, once, with the test's name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            for number in sorted({number for decorator in node.decorator_list for number in _numbers(decorator)}):
                yield number, node.name


def _numbers(decorator: ast.expr) -> Iterator[int]:
    for call in ast.walk(decorator):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "conformance":
            yield from (int(ast.literal_eval(argument)) for argument in call.args)


def page() -> str:
    listed, tests = checklist(), marked()
    parts = [HEAD, _summary(listed, tests)]
    for letter, title in listed.sections.items():
        rows = [_row(entry, tests.get(entry.number, [])) for entry in listed.statements if entry.section == letter]
        parts.append(
            "\n".join([f"## {letter}. {title}\n", "| # | Statement | State | Held by |", "|--|--|--|--|", *rows, ""])
        )
    return "\n".join(parts)


def _summary(listed: Checklist, tests: Mapping[int, list[str]]) -> str:
    states = [_state(entry, tests.get(entry.number, [])).partition(":")[0] for entry in listed.statements]
    counts = [f"{states.count(state)} {state}" for state in ("held", "held differently", "open")]
    return f"Of {len(states)} statements: {', '.join(counts)}.\n"


def _state(entry: Statement, tests: list[str]) -> str:
    if entry.open or not (tests or entry.by):
        return f"open: {entry.open or 'no test yet'}"
    return f"held differently: {entry.differently}" if entry.differently else "held"


def _row(entry: Statement, tests: list[str]) -> str:
    held = [*([entry.by] if entry.by else []), *(test.removeprefix("tests/") for test in tests)]
    names = "<br>".join(f"`{name}`" for name in held)
    return f"| {entry.number} | {entry.text} | {_state(entry, tests)} | {names} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
