from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.pricing import Rates, charge
from gateway.deltas import Delta, ToolFragment
from gateway.errors import ApiError, ClientGone, InvalidRequest, Overloaded, UpstreamStalled, UpstreamTruncated
from gateway.meter import Admitted, Meter
from gateway.tries import Tries
from gateway.usage import CHARGED, Outcome, RequestRecord, Tokens, Try, UsageSource

ADMITTED = Admitted(
    uid=UUID(int=1),
    request_id="mine",
    workspace_id=UUID(int=2),
    key_id=UUID(int=3),
    price_id=UUID(int=4),
    model="m",
    stream=True,
    admitted_at_ms=1000,
)
USAGE = Tokens(prompt=10, cached=4, completion=3, reasoning=1)


def meter(*deltas: Delta, text_bytes: int = 100) -> Meter:
    tries = Tries()
    made = Meter(ADMITTED, lambda: text_bytes, tries)
    tries.asks("first", 1.0)
    tries.answered(1.25)
    for at_ms, delta in enumerate(deltas, 1500):
        made.saw(delta, at_ms)
    return made


def ended(record: RequestRecord | None) -> RequestRecord:
    assert record is not None
    return record


def test_the_upstreams_own_usage_is_the_bill() -> None:
    record = ended(meter(Delta(content="a"), Delta(finish_reason="stop", usage=USAGE)).completed(at_ms=2000))
    assert (record.outcome, record.tokens, record.usage_source) == (Outcome.COMPLETED, USAGE, UsageSource.UPSTREAM)
    assert (record.first_token_ms, record.duration_ms, record.finish_reason) == (500, 1000, "stop")
    assert (record.upstream, record.attempts, record.request_id) == ("first", 1, "mine")
    assert record.tries == (Try("first", "", 200, 250),)


def test_rule_5_without_usage_the_deltas_are_counted_and_the_prompt_is_estimated_low() -> None:
    deltas = [Delta(reasoning="r"), Delta(content="a"), Delta(tools=(ToolFragment(0),)), Delta(usage=None)]
    record = ended(meter(*deltas).completed(at_ms=2000))
    assert record.tokens == Tokens(prompt=12, cached=12, completion=3, reasoning=1)
    assert record.usage_source is UsageSource.COUNTED


@given(st.text(max_size=90), st.integers(0, 30), st.data())
def test_what_is_counted_never_costs_more_than_what_was_used(text: str, deltas: int, data: st.DataObject) -> None:
    size = len(text.encode())
    prompt = data.draw(st.integers(-(-size // 8), size))  # no token has more than eight bytes on the average
    used = Tokens(prompt, data.draw(st.integers(0, prompt)), data.draw(st.integers(deltas, 2 * deltas)))
    made = meter(*[Delta(content="a")] * deltas, text_bytes=size)
    counted = ended(made.broke(ClientGone(), sent=200, at_ms=2000)).tokens
    price = Rates(input_nanos=900, cached_nanos=180, output_nanos=3900)
    assert charge(counted, price).total <= charge(used, price).total


def test_an_explicit_zero_is_zero() -> None:
    record = ended(meter(Delta(content="a"), Delta(usage=Tokens())).completed(at_ms=2000))
    assert (record.tokens, record.usage_source) == (Tokens(), UsageSource.UPSTREAM)


def test_the_last_usage_wins_and_is_not_summed() -> None:
    made = meter(Delta(content="a", usage=Tokens(prompt=10, completion=1)), Delta(content="b", usage=USAGE))
    assert ended(made.completed(at_ms=2000)).tokens == USAGE


def test_nothing_generated_is_free() -> None:
    record = ended(meter(Delta(finish_reason="content_filter")).completed(at_ms=2000))
    assert record.outcome is Outcome.NO_TOKENS
    assert record.outcome not in CHARGED


@pytest.mark.conformance(68, 124)
@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        (Delta(finish_reason="length", usage=USAGE), Outcome.COMPLETED),
        (Delta(finish_reason="length", usage=Tokens(prompt=10)), Outcome.NO_TOKENS),
        (Delta(finish_reason="length"), Outcome.NO_TOKENS),
        (Delta(finish_reason="content_filter", usage=USAGE), Outcome.NO_TOKENS),
    ],
)
def test_a_limit_that_unseen_reasoning_used_up_was_used(end: Delta, outcome: Outcome) -> None:
    assert ended(meter(end).completed(at_ms=2000)).outcome is outcome


@pytest.mark.parametrize(
    ("deltas", "outcome"), [([Delta(content="a")], Outcome.CLIENT_GONE), ([], Outcome.CLIENT_GONE_EARLY)]
)
def test_a_client_that_leaves_pays_for_what_was_generated(deltas: list[Delta], outcome: Outcome) -> None:
    record = ended(meter(*deltas).broke(ClientGone(), sent=0, at_ms=2000))
    assert (record.outcome, record.status, record.error_code) == (outcome, 499, "")
    assert record.tokens.completion == len(deltas)


@pytest.mark.parametrize(
    ("error", "outcome", "status", "code"),
    [
        (UpstreamStalled("m"), Outcome.STALLED, 504, "upstream_timeout"),
        (UpstreamTruncated("m"), Outcome.UPSTREAM_CUT, 502, "upstream_truncated"),
        (InvalidRequest("m", code="request_rejected"), Outcome.UPSTREAM_REFUSED, 400, "request_rejected"),
        (Overloaded("m"), Outcome.SHED, 503, "server_is_overloaded"),
    ],
)
def test_each_error_has_its_outcome(error: ApiError, outcome: Outcome, status: int, code: str) -> None:
    record = ended(meter().broke(error, sent=0, at_ms=2000))
    assert (record.outcome, record.status, record.error_code) == (outcome, status, code)
    assert record.outcome not in CHARGED


def test_a_bug_and_a_shutdown_are_our_own_interruption() -> None:
    record = ended(meter(Delta(content="a")).broke(KeyError("CANARY"), sent=200, at_ms=2000))
    assert (record.outcome, record.status, record.error_code) == (Outcome.INTERRUPTED, 200, "internal_error")


ENDS = st.sampled_from([ClientGone(), UpstreamStalled("m"), KeyError(), None])


@given(st.lists(st.sampled_from([Delta(content="a"), Delta(usage=USAGE)]), max_size=5), st.lists(ENDS, min_size=1))
def test_rule_12_whatever_happens_a_request_ends_exactly_once(
    deltas: list[Delta], ends: list[BaseException | None]
) -> None:
    made = meter(*deltas)
    records = [made.completed(at_ms=2000) if end is None else made.broke(end, sent=200, at_ms=2000) for end in ends]
    assert records[0] is made.record
    assert records[1:] == [None] * (len(ends) - 1)
    tokens = ended(made.record).tokens
    assert 0 <= tokens.cached <= tokens.prompt
    assert 0 <= tokens.reasoning <= tokens.completion
