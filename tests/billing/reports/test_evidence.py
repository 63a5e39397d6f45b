"""The sheet of an invoice's requests."""

from __future__ import annotations

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync

from billing import receipt_trees
from billing.models import RequestRecord
from billing.reports import evidence
from tests.billing.factories import LAUNCH_PRICE
from tests.billing.seed import NOW, record, tenant

pytestmark = pytest.mark.django_db


async def gathered() -> list[str]:
    records = RequestRecord.objects.select_related("key", "price")
    return [chunk async for chunk in evidence.chunks(records)]


def test_a_line_has_the_tokens_the_prices_and_the_exact_cost() -> None:
    alice = tenant("alice")
    made = record(alice.key, NOW, request_id='=cmd|"x"', model="moonshotai/kimi-k2.6")
    rows = "".join(async_to_sync(gathered)()).split("\r\n")
    assert rows[0] == ",".join(evidence.HEADER)
    assert rows[1] == (
        f'2026-11-23T14:03:20.000000Z,"\'=cmd|""x""",{made.uid},alice key,moonshotai/kimi-k2.6,completed,'
        "234,1000,567,0,900,180,3900,2601900,0.002601900,0,"
        f"{alice.key.id},upstream,{LAUNCH_PRICE},{receipt_trees.leaf(receipt_trees.facts(made, made.price)).hex()}"
    )


@pytest.mark.parametrize(("requests", "expected"), [(3, [1, 3]), (4, [1, 4]), (9, [1, 4, 4, 1])])
def test_many_requests_come_in_several_pieces_each_once_and_in_order(
    monkeypatch: pytest.MonkeyPatch, requests: int, expected: list[int]
) -> None:
    monkeypatch.setattr(evidence, "CHUNK", 4)
    alice = tenant("alice")
    made = [record(alice.key, NOW + timedelta(seconds=number)).uid for number in range(requests)]
    pieces = async_to_sync(gathered)()
    assert [piece.count("\r\n") for piece in pieces] == expected
    rows = "".join(pieces).split("\r\n")[1:-1]
    assert [row.split(",")[2] for row in rows] == [str(uid) for uid in sorted(made)]


def test_without_requests_there_is_a_header() -> None:
    assert async_to_sync(gathered)() == [",".join(evidence.HEADER) + "\r\n"]
