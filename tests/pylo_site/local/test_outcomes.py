from __future__ import annotations

import json

import pytest

from pylo_site.local.clients import Run
from pylo_site.local.outcomes import Check, Outcome, details, failures, read, table

VERSION = json.dumps({"version": "1.2.3"})
PASSED = json.dumps({"check": "create", "ok": True, "detail": "a poem"})
FAILED = json.dumps({"check": "stream", "ok": False, "detail": "no chunk"})


def said(*lines: str, code: int | None = 0, stderr: str = "") -> Outcome:
    return read("sdk", Run(code, "\n".join(lines), stderr), 1.25)


def test_a_scripts_lines_are_its_version_and_its_checks() -> None:
    outcome = said(VERSION, PASSED)
    assert (outcome.version, outcome.checks) == ("1.2.3", (Check("create", ok=True, detail="a poem"),))
    assert (outcome.ok, outcome.trouble) == (True, "")


@pytest.mark.parametrize("talk", ["Hello.", "{", "[1]", '"text"', "null", '{"else": 1}', ""])
def test_a_clients_own_talk_is_passed_over(talk: str) -> None:
    assert said(talk, VERSION, talk, PASSED, talk) == said(VERSION, PASSED)


def test_one_failed_check_fails_the_client_and_is_told_with_its_detail() -> None:
    outcome = said(VERSION, PASSED, FAILED, code=1, stderr="Traceback")
    assert not outcome.ok
    assert list(failures(outcome)) == ["sdk: stream: no chunk"]


def test_only_true_is_a_pass() -> None:
    assert not said(json.dumps({"check": "create", "ok": "yes"})).ok


def test_a_script_without_a_check_has_not_passed() -> None:
    assert not said(VERSION).ok
    assert said(VERSION).cells[-1] == "no check ran"


@pytest.mark.parametrize(
    ("code", "trouble"),
    [(1, "ended with 1; it said last:\nboom"), (None, "took too long; it said last:\nboom")],
)
def test_a_script_that_breaks_off_fails_whatever_it_had_passed(code: int | None, trouble: str) -> None:
    outcome = said(VERSION, PASSED, code=code, stderr="boom\n")
    assert (outcome.ok, outcome.trouble) == (False, trouble)
    assert list(failures(outcome)) == [f"sdk: {trouble}"]


def test_a_failed_install_is_a_failure_that_says_why() -> None:
    outcome = Outcome("sdk", 2.0, trouble="sdk: installing failed: no index.\n    no route")
    assert not outcome.ok
    assert outcome.cells == ("sdk", "–", "0 of 0", "2.0", "sdk: installing failed: no index.")


def test_the_table_has_a_row_for_each_client() -> None:
    assert table([said(VERSION, PASSED), said(VERSION, PASSED, FAILED, code=1)]) == (
        "| client | version | checks | seconds | failed |\n"
        "|--------|---------|--------|---------|--------|\n"
        "| sdk    | 1.2.3   | 1 of 1 | 1.2     |        |\n"
        "| sdk    | 1.2.3   | 1 of 2 | 1.2     | stream |\n"
    )


def test_the_details_are_a_line_for_each_check() -> None:
    outcome = Outcome(
        "sdk", 1.0, "1.2.3", (Check("create", ok=True, detail="a poem\nof lines"), Check("stream", ok=False))
    )
    assert details([outcome]) == "## sdk 1.2.3\n\n- create: a poem\n- stream: \n"
