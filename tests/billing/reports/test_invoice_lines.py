"""A line of an invoice opens down to the requests that sum to it."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from asgiref.sync import async_to_sync

from accounts.models import Role
from billing import invoicing
from billing.models import Invoice, Price
from gateway.usage import Outcome, Tokens
from tests.billing.factories import MODEL, NOON, forged, make_request
from tests.billing.factories import record as append
from tests.billing.seed import Tenant, member, tenant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from django.test import Client

pytestmark = pytest.mark.django_db
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
SOON = NOON + timedelta(hours=1)


@pytest.fixture
def alice(client: Client) -> Tenant:
    made = tenant("alice")
    client.force_login(made.owner)
    return made


@pytest.fixture
def invoice(alice: Tenant, launch_price: Price) -> Invoice:
    """Two prices that ask the same for input; under the first, nothing was cached."""
    with forged():
        Price.objects.filter(id=launch_price.id).update(ends_at=SOON)
    dear = Price.objects.create(model=MODEL, input_nanos=900, cached_nanos=200, output_nanos=4001, starts_at=SOON)
    append(
        make_request(alice.key, tokens=Tokens(10, 0, 7)),
        make_request(alice.key, tokens=Tokens(20, 0, 0)),
        make_request(alice.key, tokens=Tokens(999, 0, 999), outcome=Outcome.UPSTREAM_CUT),
        make_request(alice.key, at=SOON, price_id=dear.id, tokens=Tokens(300, 100, 11)),
        make_request(alice.key, at=SOON, price_id=dear.id, tokens=Tokens(50, 50, 13)),
    )
    return invoicing.issue(workspace=alice.workspace, until=NOVEMBER, now=NOVEMBER)


async def whole(parts: AsyncIterator[bytes]) -> bytes:
    return b"".join([part async for part in parts])


def rows(client: Client, number: str, position: int) -> list[dict[str, str]]:
    answer = client.get(f"/invoices/{number}/lines/{position}.csv")
    assert answer["Content-Disposition"] == f'attachment; filename="{number}-line-{position}.csv"'
    text = async_to_sync(whole)(answer.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(text.splitlines()))


def test_the_requests_of_each_line_sum_to_it_to_the_nano_dollar(client: Client, invoice: Invoice) -> None:
    found = [rows(client, invoice.number, line.position) for line in invoice.lines.all()]
    assert [[int(row["tokens"]) for row in sorted(each, key=lambda row: int(row["tokens"]))] for each in found] == [
        [10, 20],  # input at the first price
        [7],
        [200],  # input at the second, the same for a token
        [50, 100],
        [11, 13],
    ]
    sums = [sum(int(row["exact_nanos"]) for row in each) for each in found]
    assert sums == list(invoice.lines.values_list("exact_nanos", flat=True))
    assert sum(sums) == invoice.usage_nanos


def test_lines_of_a_month_that_came_late_are_of_its_requests(client: Client, alice: Tenant, invoice: Invoice) -> None:
    december = datetime(2026, 12, 1, tzinfo=UTC)
    price = Price.objects.get(ends_at=None)
    late, new = Tokens(31, 0, 1), Tokens(77, 0, 2)
    append(make_request(alice.key, at=SOON, price_id=price.id, tokens=late))
    append(make_request(alice.key, at=NOVEMBER, price_id=price.id, tokens=new))
    second = invoicing.issue(workspace=alice.workspace, until=december, now=december)
    found = [[row["tokens"] for row in rows(client, second.number, position)] for position in range(1, 5)]
    assert found == [["31"], ["1"], ["77"], ["2"]]


def test_a_line_of_an_older_invoice_has_its_late_requests_too(client: Client, alice: Tenant, invoice: Invoice) -> None:
    december = datetime(2026, 12, 1, tzinfo=UTC)
    append(make_request(alice.key, tokens=Tokens(5, 0, 0)))  # of October, which is invoiced
    second = invoicing.issue(workspace=alice.workspace, until=december, now=december)
    with forged():
        second.lines.update(late_month=None)
    assert [row["tokens"] for row in rows(client, second.number, 1)] == ["5"]


def test_a_row_is_tokens_times_the_price_of_the_line(client: Client, invoice: Invoice) -> None:
    (row,) = rows(client, invoice.number, 2)
    assert (row["item"], row["tokens"], row["nanos_per_token"], row["exact_nanos"]) == ("output", "7", "3900", "27300")


def test_each_line_of_the_page_leads_to_its_requests(client: Client, invoice: Invoice) -> None:
    page = client.get(f"/invoices/{invoice.number}/").content.decode()
    for position in range(1, 6):
        assert f'href="/invoices/{invoice.number}/lines/{position}.csv"' in page


def test_a_line_that_is_not_there_is_not_found(client: Client, invoice: Invoice) -> None:
    paths = [f"/invoices/{invoice.number}/lines/{position}.csv" for position in (0, 6)]
    assert [client.get(path).status_code for path in [*paths, "/invoices/PYLO-2026-999999/lines/1.csv"]] == [404] * 3


def test_an_outsider_finds_no_line_and_every_member_does(client: Client, alice: Tenant, invoice: Invoice) -> None:
    path = f"/invoices/{invoice.number}/lines/1.csv"
    client.force_login(member(alice.workspace, Role.VIEWER))
    assert client.get(path).status_code == 200
    client.force_login(tenant("mallory").owner)
    assert client.get(path).status_code == 404
