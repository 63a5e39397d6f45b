"""The usage page: the numbers of the report, in one workspace, with its state in the address."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from accounts.models import Role
from gateway.usage import Outcome, Tokens
from tests.billing.factories import make_key
from tests.billing.seed import NOW, Tenant, member, record, tenant

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]


@pytest.fixture
def alice(client: Client) -> Tenant:
    made = tenant("alice")
    client.force_login(made.owner)
    return made


def test_the_page_shows_spend_requests_tokens_and_failures(client: Client, alice: Tenant) -> None:
    record(alice.key, NOW - timedelta(hours=2))
    record(alice.key, NOW, Tokens(100, 0, 10), Outcome.UPSTREAM_CUT)
    page = client.get("/usage/").content.decode()
    for words in ("$0.0026019", "$0.000129 more was waived", "334 in · 1,000 cached · 577 out", "50.0% of requests"):
        assert words in page
    assert "Complete up to 2026-11-23 14:03:20 UTC" in page


def test_the_chart_and_the_table_have_the_same_buckets(client: Client, alice: Tenant) -> None:
    record(alice.key, NOW - timedelta(hours=2))
    page = client.get("/usage/", {"metric": "spend"}).content.decode()
    assert "<title>2026-11-23 12:00 UTC: $0.0026019, 1 request (0 failed), " in page
    assert page.count('class="slot"') == 24
    assert page.count('class="bar-a"') == 1
    assert "?since=2026-11-23T12:00Z&amp;until=2026-11-23T13:00Z" in page


def test_the_table_lists_the_hours_with_requests_and_counts_the_others(client: Client, alice: Tenant) -> None:
    record(alice.key, NOW - timedelta(hours=2))
    record(alice.key, NOW)
    page = client.get("/usage/").content.decode()
    rows = re.findall(r"<th class=\"nowrap\" scope=\"row\".*?>\s*(2026-[0-9 :-]+?)\s*</a>", page, re.DOTALL)
    assert rows == ["2026-11-23 14:00", "2026-11-23 12:00"]
    assert "22 hours without requests" in page


def test_another_workspaces_requests_are_not_counted(client: Client, alice: Tenant) -> None:
    record(tenant("mallory").key, NOW)
    page = client.get("/usage/").content.decode()
    assert "No requests in this window" in page
    assert "$0.0026019" not in page


def test_a_key_narrows_the_page_and_stays_in_its_links(client: Client, alice: Tenant) -> None:
    other = make_key(alice.workspace, "other")
    record(alice.key, NOW)
    record(other, NOW, Tokens(100, 0, 10))
    page = client.get("/usage/", {"key": str(other.id), "window": "7d"}).content.decode()
    assert "100 in · 0 cached · 10 out" in page
    assert f"key={other.id}&amp;window=month" in page or f"window=month&amp;key={other.id}" in page


@pytest.mark.parametrize(
    "query", ["window=1y", "metric=joy", "format=xml", "key=nonsense", f"key={uuid4()}", "key={theirs}"]
)
def test_an_address_that_no_page_makes_is_not_found(client: Client, alice: Tenant, query: str) -> None:
    theirs = tenant("mallory").key.id
    assert client.get(f"/usage/?{query.format(theirs=theirs)}").status_code == 404


@pytest.mark.parametrize("role", Role)
def test_everybody_in_the_workspace_may_read_it(client: Client, alice: Tenant, role: Role) -> None:
    client.force_login(member(alice.workspace, role))
    answer = client.get("/usage/")
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")


def test_a_visitor_is_sent_to_sign_in(client: Client) -> None:
    assert client.get("/usage/")["Location"].startswith("/accounts/login/")


def test_the_csv_has_the_rows_of_the_table(client: Client, alice: Tenant) -> None:
    record(alice.key, NOW - timedelta(hours=1))
    answer = client.get("/usage/", {"format": "csv"})
    rows = answer.content.decode().split("\r\n")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="pylo-usage-24h-2026-11-23.csv"'
    assert rows[0].startswith("start_utc,end_utc,requests,failed,input_tokens,cached_tokens,")
    assert rows[2] == "2026-11-23T13:00:00Z,2026-11-23T14:00:00Z,1,0,234,1000,567,0,2601900,0.002601900,0"
    assert len(rows) == 24 + 2


def test_the_page_asks_as_many_questions_for_many_requests_as_for_one(
    client: Client, alice: Tenant, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(40):
        record(make_key(alice.workspace, f"key {number}"), NOW - timedelta(minutes=number * 30))
    with django_assert_max_num_queries(8):
        client.get("/usage/", {"window": "30d"})
