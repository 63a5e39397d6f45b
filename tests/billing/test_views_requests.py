"""The request log and one request, as pages."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from accounts.models import Role
from gateway.usage import Outcome, Try
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


def test_a_line_has_the_outcome_the_tokens_the_timing_and_the_cost(client: Client, alice: Tenant) -> None:
    made = record(alice.key, NOW, request_id="trace-1")
    page = client.get("/requests/").content.decode()
    for words in ("2026-11-23 14:03:20", "trace-1", "Completed", "alice key", "200 ms", "284", "$0.0026019"):
        assert words in page
    assert f"/requests/{made.uid}/" in page


def test_a_free_request_says_so_in_the_log(client: Client, alice: Tenant) -> None:
    record(alice.key, NOW, outcome=Outcome.SHED, first_token_ms=None)
    page = client.get("/requests/").content.decode()
    assert '<span class="muted">free</span>' in page
    assert '<span class="badge badge-warn">Shed</span>' in page


def test_pages_are_linked_and_keep_the_filters(client: Client, alice: Tenant) -> None:
    made = [record(alice.key, NOW - timedelta(seconds=number)) for number in range(51)]
    first = client.get("/requests/", {"outcome": "charged"}).content.decode()
    assert f"outcome=charged&amp;before={made[49].uid}" in first
    second = client.get("/requests/", {"outcome": "charged", "before": str(made[49].uid)}).content.decode()
    assert f"/requests/{made[50].uid}/" in second
    assert f"outcome=charged&amp;after={made[50].uid}" in second
    back = client.get("/requests/", {"outcome": "charged", "after": str(made[50].uid)}).content.decode()
    assert back.count('data-label="Request"') == 50


def test_a_search_that_finds_nothing_says_how_ids_are_matched(client: Client, alice: Tenant) -> None:
    record(alice.key, NOW)
    assert "No request matches. Ids are matched whole" in client.get("/requests/", {"id": "req_1"}).content.decode()


def test_what_was_searched_for_is_shown_back_escaped(client: Client, alice: Tenant) -> None:
    page = client.get("/requests/", {"id": '"><script>x'}).content.decode()
    assert "&quot;&gt;&lt;script&gt;x" in page
    assert "<script>x" not in page


def test_an_empty_log_offers_the_first_step(client: Client, alice: Tenant) -> None:
    assert "No requests yet." in client.get("/requests/").content.decode()


@pytest.mark.parametrize("query", ["outcome=lost", "key=x", "before=x", "since=yesterday", "until=2026-99-99T00:00Z"])
def test_an_address_that_no_page_makes_is_not_found(client: Client, alice: Tenant, query: str) -> None:
    assert client.get(f"/requests/?{query}").status_code == 404


def test_an_outsider_sees_neither_the_log_nor_a_request_nor_a_key(client: Client, alice: Tenant) -> None:
    made = record(alice.key, NOW, request_id="trace-1")
    client.force_login(tenant("mallory").owner)
    assert f"/requests/{made.uid}/" not in client.get("/requests/", {"id": "trace-1"}).content.decode()
    assert client.get(f"/requests/{made.uid}/").status_code == 404
    assert client.get("/requests/", {"key": str(alice.key.id)}).status_code == 404


def test_a_request_writes_its_cost_out(client: Client, alice: Tenant) -> None:
    made = record(alice.key, NOW)
    page = client.get(f"/requests/{made.uid}/").content.decode()
    for words in ("234 × $0.90/M", "1,000 × $0.18/M", "567 × $3.90/M", "= $0.0026019", "not on an invoice yet"):
        assert words in page
    assert "Charged: the answer was delivered to its end." in page


def test_a_waived_request_says_why_and_how_much(client: Client, alice: Tenant) -> None:
    made = record(alice.key, NOW, outcome=Outcome.STALLED)
    page = client.get(f"/requests/{made.uid}/").content.decode()
    assert "Not charged: the upstream fell silent after the first token" in page
    assert "= $0.0026019, waived" in page


def test_a_failover_shows_its_attempts_and_that_it_is_one_bill(client: Client, alice: Tenant) -> None:
    made = record(alice.key, NOW, tries=(Try("first", "status", 503, 1_012), Try("second", "", 200, 340)))
    page = client.get(f"/requests/{made.uid}/").content.decode()
    for words in ("first", "refused with an error", "503", "1,012 ms", "second", "340 ms", "is one bill"):
        assert words in page
    assert "Attempts</h2>" not in client.get(f"/requests/{record(alice.key, NOW).uid}/").content.decode()


def test_a_duplicate_says_that_another_is_charged_and_where(client: Client, alice: Tenant) -> None:
    record(alice.key, NOW, request_id="trace/1", digests=(b"digest",))
    made = record(alice.key, NOW, request_id="trace/1", digests=(b"digest",))
    page = client.get(f"/requests/{made.uid}/").content.decode()
    assert "Duplicate" in page
    assert "Not charged: it was sent again under the same id with the same body" in page
    assert "= $0.0026019, waived" in page
    assert 'href="/requests/?id=trace/1"' in page


def test_a_request_of_nobody_is_not_found(client: Client, alice: Tenant) -> None:
    assert client.get(f"/requests/{uuid4()}/").status_code == 404


@pytest.mark.parametrize("role", Role)
def test_everybody_in_the_workspace_may_read_both(client: Client, alice: Tenant, role: Role) -> None:
    made = record(alice.key, NOW)
    client.force_login(member(alice.workspace, role))
    for address in ("/requests/", f"/requests/{made.uid}/"):
        answer = client.get(address)
        assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")


def test_the_log_asks_as_many_questions_for_many_requests_as_for_one(
    client: Client, alice: Tenant, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(50):
        record(make_key(alice.workspace, f"key {number}"), NOW - timedelta(seconds=number))
    with django_assert_max_num_queries(7):
        client.get("/requests/")


@pytest.mark.parametrize(
    "path",
    [
        "/requests/?id=a%00b",
        "/requests/?invoice=PYLO%00",
        "/requests/?since=0001-01-01T00:00%2B14:00",
        "/requests/?until=9999-12-31T23:59-14:00",
        "/requests/?since=2026-13-01",
        "/requests/?before=00000000",
        "/billing/?before=99999999999999999999",
        "/invoices/PYLO%00/",
        "/invoices/PYLO%00/pdf/",
        "/invoices/PYLO%00/csv/",
    ],
)
def test_an_address_that_nothing_can_have_is_not_found(client: Client, alice: Tenant, path: str) -> None:
    assert client.get(path).status_code == 404
