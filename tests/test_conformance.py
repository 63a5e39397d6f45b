from __future__ import annotations

import pytest

from tests import conformance

COVERED = set("ABCDEFGHIKLMN")  # the sections of the API itself


def test_the_page_is_what_the_tests_say() -> None:
    assert conformance.PAGE.read_text(encoding="utf-8") == conformance.page(), "run: python -m tests.conformance"


def test_every_statement_about_the_api_has_a_test_or_is_open() -> None:
    tests = conformance.marked()
    listed = conformance.checklist().statements
    assert [one.number for one in listed if one.section in COVERED and not one.open and not tests.get(one.number)] == []


def test_no_test_carries_an_unknown_number() -> None:
    known = {one.number for one in conformance.checklist().statements}
    assert {number: tests for number, tests in conformance.marked().items() if number not in known} == {}


def test_the_statements_are_numbered_in_a_row_and_each_has_a_section() -> None:
    listed = conformance.checklist()
    assert [one.number for one in listed.statements] == list(range(1, len(listed.statements) + 1))
    assert {one.section for one in listed.statements} == set(listed.sections)
    assert [one.number for one in listed.statements if one.open and one.differently] == []


@pytest.mark.parametrize(
    ("decorators", "numbers"),
    [
        ("@pytest.mark.conformance(3, 1)", [1, 3]),
        ("@mark.conformance(1)\n@mark.conformance(1, 2)", [1, 2]),
        ("@mark.parametrize('x', [param(1, marks=mark.conformance(7))])", [7]),
        ("@mark.timeout(5)", []),
    ],
)
def test_a_mark_is_seen(decorators: str, numbers: list[int]) -> None:
    source = f"{decorators}\nasync def test_x(): ...\n{decorators}\ndef helper(): ..."
    assert list(conformance.marks(source)) == [(number, "test_x") for number in numbers]
