from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import UpstreamsError, load_upstreams

GOOD = """
[[upstream]]
name = "one"
dialect = "moonshot"
base_url = "https://one.example/v1/"
key_env = "ONE_KEY"
model = "kimi-k2.6"
"""
ENVIRON = {"ONE_KEY": "secret-one"}


def problems(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    path = tmp_path / "upstreams.toml"
    path.write_text(text)
    with pytest.raises(UpstreamsError) as caught:
        load_upstreams(path, ENVIRON if environ is None else environ)
    assert "secret-one" not in str(caught.value)
    return [problem.id for problem in caught.value.problems]


def test_the_upstreams_come_in_the_order_of_their_priority(tmp_path: Path) -> None:
    path = tmp_path / "upstreams.toml"
    path.write_text(GOOD.replace('"one"', '"spare"') + "priority = 2\n" + GOOD)
    one, spare = load_upstreams(path, ENVIRON)
    assert (one.name, one.priority, spare.name, spare.priority) == ("one", 1, "spare", 2)
    assert (one.base_url, one.key, one.weight, one.concurrency) == ("https://one.example/v1", "secret-one", 100, 256)
    assert "secret-one" not in repr(one)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UpstreamsError, match=r"pylo\.E101"):
        load_upstreams(tmp_path / "no.toml", {})


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("nonsense", ["pylo.E101"]),
        ("", ["pylo.E102"]),
        ("upstream = 5", ["pylo.E102"]),
        ("upstream = [5]", ["pylo.E102"]),
        (GOOD + 'colour = "red"', ["pylo.E103"]),
        (GOOD.replace('model = "kimi-k2.6"', ""), ["pylo.E103"]),
        (GOOD.replace('"kimi-k2.6"', "5"), ["pylo.E103"]),
        (GOOD + "priority = 0", ["pylo.E104"]),
        (GOOD + "weight = true", ["pylo.E104"]),
        (GOOD + 'concurrency = "many"', ["pylo.E104"]),
        (GOOD.replace('"moonshot"', '"latin"'), ["pylo.E105"]),
        (GOOD.replace("https://", "http://"), ["pylo.E106"]),
        (GOOD.replace("https://one.example/v1/", "ftp://one"), ["pylo.E106"]),
        (GOOD + GOOD, ["pylo.E107"]),
        (GOOD.replace("ONE_KEY", "TWO_KEY"), ["pylo.E108"]),
        (GOOD + "cost = 5", ["pylo.E109"]),
        (GOOD + "cost = { input = 600, cached = 150 }", ["pylo.E109"]),
        (GOOD + "cost = { input = 600, cached = 150, output = 2500, fee = 1 }", ["pylo.E109"]),
        (GOOD + "cost = { input = 600, cached = 1.5, output = 2500 }", ["pylo.E109"]),
        (GOOD + "cost = { input = 600, cached = 150, output = -1 }", ["pylo.E109"]),
        (GOOD.replace("ONE_KEY", "TWO_KEY").replace("https", "http") + "weight = -1", ["E106", "E108", "E104"]),
    ],
)
def test_every_problem_is_told_by_its_number(tmp_path: Path, text: str, ids: list[str]) -> None:
    assert [problem.removeprefix("pylo.") for problem in problems(tmp_path, text)] == [
        name.removeprefix("pylo.") for name in ids
    ]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1", "http://localhost:9/v1", "http://[::1]:9/v1"])
def test_plain_http_is_for_loopback_only(tmp_path: Path, url: str) -> None:
    path = tmp_path / "upstreams.toml"
    path.write_text(GOOD.replace("https://one.example/v1/", url))
    assert load_upstreams(path, ENVIRON)[0].base_url == url


def test_the_example_that_ships_holds() -> None:
    example = Path(__file__).parents[2] / "deploy" / "upstreams.toml"
    (moonshot,) = load_upstreams(example, {"PYLO_UPSTREAM_MOONSHOT_KEY": "k"})
    assert (moonshot.name, moonshot.base_url, moonshot.model) == ("moonshot", "https://api.moonshot.ai/v1", "kimi-k2.6")


def test_what_an_upstream_takes_of_us_is_priced_by_the_token(tmp_path: Path) -> None:
    path = tmp_path / "upstreams.toml"
    path.write_text(GOOD + "cost = { input = 600, cached = 150, output = 2500 }")
    (one,) = load_upstreams(path, ENVIRON)
    assert one.cost is not None
    assert one.cost.nanos(prompt=1234, cached=1000, completion=567) == 234 * 600 + 1000 * 150 + 567 * 2500
