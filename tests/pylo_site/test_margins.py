"""What an upstream took and what its answers were sold for, to the nano-dollar."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command

from billing.periods import month_of
from gateway.config import UpstreamCost
from gateway.usage import Outcome, Tokens
from pylo_site.margins import Margin, margins
from tests.billing.factories import NOON, make_key, make_request, make_workspace, record

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from pytest_django import Settings

pytestmark = pytest.mark.django_db
COST = UpstreamCost(input_nanos=600, cached_nanos=150, output_nanos=2500)
FILE = """
[[upstream]]
name = "one"
dialect = "moonshot"
base_url = "https://one.example/v1"
key_env = "PATH"
model = "m"
cost = { input = 5000, cached = 5000, output = 5000 }
"""


def served(upstream: str = "one", *, at: datetime = NOON, outcome: Outcome = Outcome.COMPLETED) -> None:
    key = make_key(make_workspace())
    tokens = Tokens(prompt=100, cached=40, completion=10)
    record(make_request(key, upstream=upstream, tokens=tokens, outcome=outcome, at=at))


def test_what_broke_costs_us_and_is_not_charged() -> None:
    served()
    served(outcome=Outcome.STALLED)
    charged = 60 * 900 + 40 * 180 + 10 * 3900
    (margin,) = margins(month_of(NOON), {"one": COST})
    assert margin == Margin(
        upstream="one",
        requests=2,
        prompt_tokens=200,
        cached_tokens=80,
        completion_tokens=20,
        charged_nanos=charged,
        waived_nanos=charged,
        cost_nanos=2 * (60 * 600 + 40 * 150 + 10 * 2500),
    )
    assert margin.margin_nanos == charged - 2 * 67_000


def test_without_a_cost_there_is_no_margin_and_other_months_do_not_count() -> None:
    served()
    served(at=NOON + timedelta(days=31))
    (margin,) = margins(month_of(NOON), {})
    assert (margin.requests, margin.cost_nanos, margin.margin_nanos) == (1, None, None)


def test_the_command_shows_a_month_and_says_where_money_is_lost(tmp_path: Path, settings: Settings) -> None:
    settings.PYLO_UPSTREAMS = tmp_path / "upstreams.toml"
    settings.PYLO_UPSTREAMS.write_text(FILE)
    served()
    out, err = StringIO(), StringIO()
    call_command("margin", "--month", f"{NOON:%Y-%m}", stdout=out, stderr=err)
    assert out.getvalue().splitlines()[2].split() == [
        *("one", "1", "100", "40", "10"),
        *("$0.0001002", "$0.00", "$0.00055", "−$0.0004498"),
    ]
    assert err.getvalue() == "one took more than its answers were sold for.\n"


def test_a_month_that_is_none_is_refused() -> None:
    with pytest.raises(CommandError, match="give one as 2026-11"):
        call_command("margin", "--month", "November")
