"""A receipt's bytes, which never change: the example is the one of docs/receipts.md."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import receipts
from billing.receipts import Facts

FACTS = Facts(
    uid=UUID("01990e6b-b7c8-7000-8000-000000000001"),
    workspace_id=UUID("4f1d2c3b-0000-4000-8000-000000000001"),
    key_id=UUID("4f1d2c3b-0000-4000-8000-000000000002"),
    model="moonshotai/kimi-k2.6",
    admitted_at=datetime(2026, 10, 14, 12, 0, 0, 123_000, tzinfo=UTC),
    outcome="completed",
    prompt_tokens=1234,
    cached_tokens=1000,
    completion_tokens=567,
    reasoning_tokens=500,
    usage_source="upstream",
    price_id=UUID("01946f4e-0000-7000-8000-000000000001"),
    input_nanos=900,
    cached_nanos=180,
    output_nanos=3900,
    cost_nanos=2_601_900,
    waived_nanos=0,
)
BYTES = (
    b'{"admitted_at":"2026-10-14T12:00:00.123000Z",'
    b'"arithmetic":"(1234 - 1000) * 900 + 1000 * 180 + 567 * 3900 = 2601900",'
    b'"cached_nanos_per_token":180,"cached_tokens":1000,"completion_tokens":567,"cost_nanos":2601900,'
    b'"format":"pylo-receipt-1","id":"req_01990e6b-b7c8-7000-8000-000000000001","input_nanos_per_token":900,'
    b'"key_id":"4f1d2c3b-0000-4000-8000-000000000002","model":"moonshotai/kimi-k2.6","outcome":"completed",'
    b'"output_nanos_per_token":3900,"price_id":"01946f4e-0000-7000-8000-000000000001","prompt_tokens":1234,'
    b'"reasoning_tokens":500,"usage_source":"upstream","waived_nanos":0,'
    b'"workspace_id":"4f1d2c3b-0000-4000-8000-000000000001"}'
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))  # no lone surrogate comes out of Postgres
NUMBERS = [field.name for field in fields(Facts) if field.type == "int"]


def test_the_bytes_of_a_receipt_are_these_for_ever() -> None:
    assert receipts.receipt(FACTS) == BYTES


def test_anybody_gets_the_same_bytes_from_the_members() -> None:
    members = json.loads(BYTES)
    shuffled = dict(sorted(members.items(), key=lambda item: item[0][::-1]))
    assert json.dumps(shuffled, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() == BYTES


@given(TEXT, TEXT, st.datetimes(timezones=st.just(UTC)))
def test_the_bytes_are_the_canonical_form_of_the_members_whatever_they_are(
    model: str, outcome: str, at: datetime
) -> None:
    facts = replace(FACTS, model=model, outcome=outcome, admitted_at=at)
    members = receipts.content(facts)
    assert (members["model"], members["outcome"]) == (model, outcome)
    assert receipts.canonical(members) == receipts.receipt(facts)


def test_what_is_signed_is_the_receipt_with_the_clients_id() -> None:
    assert receipts.signed_text(FACTS, "job-17") == b'{"receipt":' + BYTES + b',"request_id":"job-17"}'


def test_the_sum_is_written_out_for_people_too() -> None:
    assert receipts.written_out(FACTS) == "(1234 − 1000) × 900 + 1000 × 180 + 567 × 3900 = 2 601 900 n$"


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_the_sum_written_out_is_true(fresh: int, cached: int, completion: int) -> None:
    facts = replace(FACTS, prompt_tokens=fresh + cached, cached_tokens=cached, completion_tokens=completion)
    terms, _, total = receipts.arithmetic(facts).partition(" = ")
    assert eval(terms) == int(total) == facts.total_nanos  # noqa: S307 - our own text
    assert facts.total_nanos == fresh * 900 + cached * 180 + completion * 3900


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_that_is_off_by_one_is_another_receipt(name: str) -> None:
    assert receipts.receipt(replace(FACTS, **{name: getattr(FACTS, name) + 1})) != BYTES


def test_a_microsecond_is_another_receipt() -> None:
    assert receipts.receipt(replace(FACTS, admitted_at=FACTS.admitted_at + timedelta(microseconds=1))) != BYTES


@pytest.mark.parametrize(
    ("cost", "waived", "adds_up"),
    [(2_601_900, 0, True), (0, 2_601_900, True), (2_601_899, 0, False), (2_601_899, 1, False)],
)
def test_a_record_adds_up_when_its_tokens_cost_what_was_charged_or_waived(
    cost: int, waived: int, *, adds_up: bool
) -> None:
    assert replace(FACTS, cost_nanos=cost, waived_nanos=waived).adds_up is adds_up


def test_text_is_spelled_as_rfc_8785_does() -> None:
    assert (
        receipts.canonical({"b": 'é"\n\x01/', "a": 2**70})
        == '{"a":1180591620717411303424,"b":"é\\"\\n\\u0001/"}'.encode()
    )
