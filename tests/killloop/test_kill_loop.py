"""Whatever is killed, nobody is charged otherwise than served. The short form of it, and that it finds faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.sandbox import Call
from tests.killloop import loop
from tests.killloop.clients import Answer, Seen
from tests.killloop.mutants import MUTANTS
from tests.killloop.verdict import Row, judge

if TYPE_CHECKING:
    from pathlib import Path

UID = "01a21937-4623-778c-952a-c1206f4f222b"


@pytest.mark.timeout(240)
def test_rule_11_for_a_minute_of_kills_all_is_charged_as_it_was_served(tmp_path: Path) -> None:
    report = loop.run(tmp_path, seconds=60, seed=20261126)
    assert report.verdict.findings == [], str(report)
    figures = report.verdict.figures
    assert (figures["lost"], figures["double"]) == (0, 0)
    assert figures["records completed"] > 100, str(report)
    assert figures["records interrupted"] > 10, str(report)
    assert figures["records client_gone"] > 10, str(report)


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("name", "finding"), [("no-progress", "received ≤ metered"), ("settle-after-done", "client")])
def test_a_fault_of_the_journals_is_found(tmp_path: Path, name: str, finding: str) -> None:
    report = loop.run(tmp_path, seconds=8, seed=3, mutant=MUTANTS[name])
    assert {found.partition(":")[0] for found in report.verdict.findings} == {finding}, str(report)


@pytest.mark.timeout(180)
def test_rule_8_a_ledger_without_its_unique_key_is_found(tmp_path: Path) -> None:
    report = loop.run(tmp_path, seconds=8, seed=3, mutant=MUTANTS["no-unique-key"])
    assert report.verdict.figures["double"] > 0, str(report)


def seen(tokens: int = 3, *, finish: str = "stop", left: bool = False) -> Seen:
    return Seen("a", "w", streams=True, status=200, tokens=tokens, finish=finish, left=left, ids={UID})


def call(tokens: int = 3, reason: str = "finish") -> Call:
    return Call(f"req_{UID}", "a", 9, 0, tokens, 0, reason)


def row(outcome: str = "completed", completion: int = 3, uid: str = UID) -> Row:
    return Row(uid, "a", "w", outcome, "upstream", 9, completion, 5 if outcome in {"completed", "client_gone"} else 0)


def test_what_agrees_is_no_finding() -> None:
    assert judge([seen()], [call()], [row()]).findings == []
    gone = judge([seen(2, finish="", left=True)], [call(5, "gone")], [row("client_gone", 4)])
    assert gone.findings == []


@pytest.mark.parametrize(
    ("clients", "calls", "rows", "finding"),
    [
        ([], [call()], [], "lost"),
        ([], [call()], [row(), row()], "double"),
        ([seen()], [call(), call()], [row(), row(uid="b")], "double"),
        ([], [call(4)], [row()], "completed"),
        ([], [call(3, "gone")], [row()], "completed"),
        ([], [call(3)], [row("interrupted", 4)], "metered ≤ sent"),
        ([seen(4, finish="")], [call(5)], [row("interrupted", 3)], "received ≤ metered"),
        ([seen(4)], [call(4)], [row("interrupted", 4)], "client"),
        ([seen(6, finish="")], [call(5)], [row("interrupted", 5)], "received ≤ sent"),
    ],
)
def test_what_does_not_agree_is_found(clients: list[Seen], calls: list[Call], rows: list[Row], finding: str) -> None:
    assert finding in {found.partition(":")[0] for found in judge(clients, calls, rows).findings}


@pytest.mark.parametrize(
    ("bytes_", "again"),
    [
        (b"", True),
        (b"HTTP/1.1 503 X\r\nretry-after: 1\r\n\r\n", True),
        (b"HTTP/1.1 409 X\r\nx-should-retry: false\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\n\r\ndata: {}", False),
    ],
)
def test_a_client_asks_again_where_an_sdk_does(bytes_: bytes, *, again: bool) -> None:
    answer = Answer(Seen("a", "w", streams=False))
    answer.feed(bytes_)
    assert answer.again is again
