"""CSV that is safe to open."""

from __future__ import annotations

import pytest

from billing.reports import sheets


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_text_that_looks_like_a_formula_is_defused(text: str) -> None:
    assert sheets.cell(text) == f"'{text}"


@pytest.mark.parametrize(("value", "text"), [(-5, "-5"), (None, ""), ("req_1", "req_1"), ("a=b", "a=b")])
def test_all_else_is_written_as_it_is(value: str | int | None, text: str) -> None:
    assert sheets.cell(value) == text


def test_cells_with_commas_quotes_and_line_ends_are_quoted() -> None:
    assert sheets.lines([("a,b", 'say "x"', 1), ("two\nlines", None, "é")]) == (
        '"a,b","say ""x""",1\r\n"two\nlines",,é\r\n'
    )


@pytest.mark.parametrize(
    ("nanos", "text"), [(2_601_900, "0.002601900"), (0, "0.000000000"), (-(10**9), "-1.000000000")]
)
def test_money_for_machines_has_every_digit(nanos: int, text: str) -> None:
    assert sheets.usd(nanos) == text
