"""What every script does with its checks: run them in order, print a line of JSON for each. Standard library only."""

from __future__ import annotations

import json
import os
import sys
import traceback
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

E = TypeVar("E", bound=BaseException)

MODEL: Final = "moonshotai/kimi-k2.6"
BASE_URL: Final = os.environ["PYLO_BASE_URL"]  # ends with /v1
API_KEY: Final = os.environ["PYLO_API_KEY"]
WRONG_KEY: Final = "pylo_sk_wrong"
HAIKU: Final = "Write a haiku about routing tables."
WEATHER: Final = "How is the weather? Ask in three rounds."  # the sandbox calls the tool again after each result
ROUNDS: Final = 3
REASONING: Final = os.environ.get("PYLO_UPSTREAM") != "openai"  # that one never shows what it thinks
LONGEST: Final = 2000  # characters of a check's detail
ANSWERED: Final = "The tool has answered"  # how the sandbox begins its words after a tool's last result


def same(got: object, wanted: object) -> None:
    assert got == wanted, f"{got!r} is not {wanted!r}"


def thought(text: object) -> None:
    """Assert that there is reasoning, or none where the upstream shows none."""
    same(bool(text), REASONING)


def holds(text: str, part: str) -> None:
    assert part in text, f"no {part!r} in {text!r}"


def raised(kind: type[E], call: Callable[[], Any]) -> E:
    """Return the error of this kind that `call` raises."""
    try:
        answer = call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}, but {answer!r}")


def poem(text: str | None) -> str:
    """Return what the sandbox wrote for HAIKU: three lines."""
    lines = (text or "").splitlines()
    assert len(lines) == 3, f"no haiku: {text!r}"
    return " / ".join(lines)


def run(package: str, *checks: Callable[[], object]) -> NoReturn:
    """Run the checks; what one returns is its detail. Ends the script, with 1 if one failed."""
    tell(version=version(package))
    failed = False
    for check in checks:
        try:
            detail = check()
        except Exception as error:  # noqa: BLE001 - whatever a client raises is a failed check
            failed = True
            traceback.print_exc()
            tell(check=check.__name__, ok=False, detail=_where(error)[:LONGEST])
        else:
            tell(check=check.__name__, ok=True, detail="" if detail is None else str(detail)[:LONGEST])
    sys.exit(1 if failed else 0)


def tell(**line: object) -> None:
    print(json.dumps(line), flush=True)


def _where(error: Exception) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith("check.py")]
    at = f" (line {frames[-1].lineno}: {frames[-1].line})" if frames else ""
    return f"{type(error).__name__}: {error}{at}"
