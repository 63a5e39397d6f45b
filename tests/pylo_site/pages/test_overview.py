from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import time_machine

from gateway.usage import Outcome, Tokens
from pylo_site.pages.overview import look
from tests.billing.factories import make_request, record
from tests.cast import NOW, make_key, make_user, signed_in

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import Workspace
    from tests.pylo_site.pages.conftest import Cast


def spend(workspace: Workspace, requests: int) -> None:
    key, _ = make_key(workspace)
    tokens = Tokens(prompt=1234, cached=1000, completion=567)
    made = [make_request(key, at=NOW - timedelta(minutes=n), tokens=tokens) for n in range(requests)]
    record(*made, at=NOW, segment=str(workspace.id))


def overview(client: Client) -> str:
    with time_machine.travel(NOW, tick=False):
        response = client.get("/overview/")
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    return response.content.decode()


@pytest.mark.django_db
def test_a_visitor_is_sent_to_sign_in(client: Client) -> None:
    response = client.get("/overview/")
    assert (response.status_code, response.headers["Location"]) == (302, "/accounts/login/?next=/overview/")


def test_a_user_without_a_workspace_is_refused(cast: Cast) -> None:
    assert signed_in(make_user()).get("/overview/").status_code == 403


def test_a_new_owner_sees_what_is_left_to_do(cast: Cast) -> None:
    html = overview(signed_in(cast.ada))
    assert html.count('<li class="done">') == 1
    assert "Create your first key" in html
    assert 'data-copy="#sample-curl"' in html


def test_the_steps_are_gone_when_they_are_done(cast: Cast) -> None:
    spend(cast.adas, 1)
    assert look(cast.adas, cast.ada, NOW).start.done
    assert "Create your first key" not in overview(signed_in(cast.ada))


def test_the_steps_shrink_to_a_line_that_goes_away_with_use(cast: Cast) -> None:
    spend(cast.adas, 1)
    assert "First request answered" in overview(signed_in(cast.ada))
    spend(cast.adas, 5)
    assert "First request answered" not in overview(signed_in(cast.ada))


def test_thirty_days_are_drawn_once_there_is_something_to_draw(cast: Cast) -> None:
    assert look(cast.adas, cast.ada, NOW).chart is None
    spend(cast.adas, 2)
    chart = look(cast.adas, cast.ada, NOW).chart
    assert chart is not None
    assert [bool(bar.segments) for bar in chart.bars] == [False] * 29 + [True]
    assert "/usage/?window=30d&amp;metric=spend" in overview(signed_in(cast.ada))


def test_the_month_adds_up_and_the_last_five_are_listed(cast: Cast) -> None:
    spend(cast.adas, 7)
    seen = look(cast.adas, cast.ada, NOW)
    assert (seen.month.requests, seen.month.tokens, seen.month.cost_nanos) == (7, 7 * 1801, 7 * 2_601_900)
    assert [row.admitted_at for row in seen.last] == [NOW - timedelta(minutes=n) for n in range(5)]


def test_last_months_requests_are_not_in_this_months_numbers(cast: Cast) -> None:
    key, _ = make_key(cast.adas)
    record(make_request(key, at=NOW - timedelta(days=34)), at=NOW)
    assert look(cast.adas, cast.ada, NOW).month.requests == 0


def test_what_failed_costs_nothing_and_is_counted(cast: Cast) -> None:
    key, _ = make_key(cast.adas)
    record(make_request(key, at=NOW, outcome=Outcome.UPSTREAM_CUT, tokens=Tokens(prompt=10, completion=1)), at=NOW)
    month = look(cast.adas, cast.ada, NOW).month
    assert (month.failed, month.cost_nanos, month.waived_nanos) == (1, 0, 10 * 900 + 3_900)


def test_an_outsider_sees_their_own_numbers_alone(cast: Cast) -> None:
    spend(cast.adas, 3)
    html = overview(signed_in(cast.oskar))
    assert "Elsewhere" in html
    assert "Engines" not in html
    assert "No requests yet" in html
    assert look(cast.oskars, cast.oskar, NOW).month.requests == 0


def test_the_rail_marks_the_page_the_reader_is_on(cast: Cast) -> None:
    html = " ".join(overview(signed_in(cast.ada)).split())
    assert html.count('href="/overview/" aria-current="page"') == 2
    assert 'href="/keys/" aria-current="page"' not in html
