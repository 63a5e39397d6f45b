from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pylo_site.env import Environment, Misconfigured


def refusal(**values: str) -> str:
    """Read every kind of setting out of `values`; return what was refused."""
    env = Environment(values)
    env.flag("FLAG", "pylo.E901", default=False)
    env.secrets("SECRETS", "pylo.E902", "a hint", shortest=4)
    env.url("STORE", "pylo.E903", schemes=("postgres", "unix"), default="postgres://db/pylo")
    env.url("SITE", "pylo.E904", schemes=("http", "https"), default="http://localhost:8000")
    env.number("NUMBER", "pylo.E905", default=5, least=1, most=9)
    env.dollars("DOLLARS", "pylo.E906", default="0")
    env.date("DAY", "pylo.E908")
    env.choice("CHOICE", "pylo.E907", default="a", among=("a", "b"))
    try:
        env.refuse()
    except Misconfigured as error:
        return str(error)
    return ""


def test_what_holds_is_not_refused() -> None:
    assert refusal(SECRETS="abcd, efgh", FLAG="Yes", NUMBER="9", DOLLARS="0.25", CHOICE="b") == ""
    assert refusal(SECRETS="abcd", STORE="unix:///run/redis.sock", SITE="https://[::1]:8443/") == ""


@pytest.mark.parametrize(
    ("name", "value", "check"),
    [
        ("FLAG", "maybe", "pylo.E901"),
        ("SECRETS", "", "pylo.E902"),
        ("SECRETS", "abcd,abc", "pylo.E902"),
        ("STORE", "mysql://db/pylo", "pylo.E903"),
        ("STORE", "postgres:///", "pylo.E903"),
        ("STORE", "postgres://u:hun/ter2@db/pylo", "pylo.E903"),
        ("STORE", "postgres://u:hunter2@db:port/pylo", "pylo.E903"),
        ("SITE", "localhost:8000", "pylo.E904"),
        ("SITE", "https:example.com", "pylo.E904"),
        ("SITE", "http://[::1", "pylo.E904"),
        ("NUMBER", "10", "pylo.E905"),
        ("NUMBER", "five", "pylo.E905"),
        ("DAY", "2026-02-30", "pylo.E908"),
        ("DAY", "soon", "pylo.E908"),
        ("DOLLARS", "-1", "pylo.E906"),
        ("DOLLARS", "NaN", "pylo.E906"),
        ("DOLLARS", "sNaN", "pylo.E906"),
        ("DOLLARS", "0.0000000001", "pylo.E906"),
        ("DOLLARS", "9223372037", "pylo.E906"),
        ("DOLLARS", "1e999999", "pylo.E906"),
        ("CHOICE", "c", "pylo.E907"),
    ],
)
def test_nonsense_is_refused_by_its_number(name: str, value: str, check: str) -> None:
    said = refusal(**({"SECRETS": "abcd"} | {name: value}))
    assert f"\n{check}: {name}" in said
    assert said.count("hint: ") == 1


@pytest.mark.parametrize("url", ["mysql://u:hunter2@db/pylo", "postgres://u:hunter2@db:x/pylo", "postgres:hunter2"])
def test_a_refusal_does_not_tell_what_a_url_holds(url: str) -> None:
    assert "hunter2" not in refusal(SECRETS="abcd", STORE=url)


def test_a_refusal_does_not_tell_a_secret() -> None:
    assert "abc" not in refusal(SECRETS="abc")


def test_all_that_is_wrong_is_told_at_once() -> None:
    said = refusal(FLAG="x", NUMBER="x")
    assert said.startswith("Pylo does not start: 3 setting(s) do not hold.\n")
    assert [line[:9] for line in said.splitlines() if line.startswith("pylo.")] == [
        "pylo.E901",
        "pylo.E902",
        "pylo.E905",
    ]


def test_a_path_is_absolute_wherever_it_was_given() -> None:
    env = Environment({"HERE": "some/where"})
    assert env.path("HERE", Path("/x")) == Path.cwd() / "some/where"
    assert env.path("THERE", Path("/x")) == Path("/x")


def test_a_day_is_a_date_or_none() -> None:
    env = Environment({"DAY": "2026-12-31"})
    assert (env.date("DAY", "pylo.E908"), env.date("NONE", "pylo.E908")) == (date(2026, 12, 31), None)
