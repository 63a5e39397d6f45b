"""The page as a scraper sees it, of a gateway in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families as read

from gateway.breaker.rules import Reason
from gateway.errors import RateLimitExceeded
from gateway.faults import FaultKind
from gateway.metrics.families import FAMILIES
from gateway.overload import Sign
from gateway.routes import Route
from gateway.routing import ShedReason
from gateway.telemetry import Access
from gateway.usage import Outcome
from tests.fakes.asgi import Caller
from tests.fakes.clock import skipping
from tests.fakes.metrics import unseen
from tests.fakes.upstream import DONE, Turn, content, finish, good
from tests.gateway.conftest import METRICS_TOKEN, MODEL, World, make_world

if TYPE_CHECKING:
    from tests.fakes.asgi import Answer

RIGHT = ("Authorization", f"Bearer {METRICS_TOKEN}")
USAGE = "gen_ai_client_token_usage_sum"


def ask(world: World, *headers: tuple[str, str], method: str = "GET") -> Answer:
    return skipping(Caller(world.gateway)(method, "/metrics", headers=headers))


def samples(world: World) -> dict[str, list[tuple[dict[str, str], float]]]:
    """The samples of each name, with their labels."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for metric in read(ask(world, RIGHT).body.decode()):
        for sample in metric.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def value(world: World, name: str, **labels: str) -> float:
    return sum(value for found, value in samples(world)[name] if labels.items() <= found.items())


def test_the_page_is_for_who_has_the_token(world: World) -> None:
    assert ask(world, RIGHT).status == 200
    for wrong in ("Bearer ", "Bearer x", METRICS_TOKEN, f"bearer {METRICS_TOKEN}", "Bearer é"):
        answer = ask(world, ("Authorization", wrong))
        assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Bearer realm="pylo"')
        assert answer.error["code"] == "invalid_api_key"
    assert ask(world).status == 401


def test_a_customers_key_does_not_open_it(world: World) -> None:
    assert skipping(world.call("GET", "/metrics")).status == 401


def test_without_a_token_there_is_no_page() -> None:
    world = make_world(metrics_token="")
    for headers in ([], [("Authorization", "Bearer ")], [RIGHT]):
        answer = ask(world, *headers)
        assert (answer.status, answer.error["code"]) == (404, "unknown_url")


def test_head_has_the_pages_length_and_no_more(world: World) -> None:
    answer = ask(world, RIGHT, method="HEAD")
    assert (answer.status, answer.body, int(answer.headers["content-length"]) > 100) == (200, b"", True)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")


@pytest.mark.conformance(160)
@pytest.mark.parametrize("stream", [True, False])
def test_a_request_is_counted_with_its_times_and_tokens(world: World, *, stream: bool) -> None:
    skipping(world.chat(stream=stream))
    of_model = {"gen_ai_operation_name": "chat", "gen_ai_request_model": MODEL}
    assert value(world, "gen_ai_server_request_duration_seconds_count", error_type="none", **of_model) == 1
    assert value(world, "gen_ai_server_time_to_first_token_seconds_count", upstream="first", **of_model) == 1
    assert value(world, "gen_ai_server_time_per_output_token_seconds_count", upstream="first", **of_model) == 1
    counted = {kind: value(world, USAGE, gen_ai_token_type=kind) for kind in ("input", "cached", "output", "reasoning")}
    assert counted == {"input": 10, "cached": 4, "output": 3, "reasoning": 0}
    asked = {"route": "/v1/chat/completions", "outcome": "completed", "status": "2xx", "code": "none"}
    assert value(world, "pylo_requests_total", **asked) == 1


def test_times_are_those_of_the_record() -> None:
    world = make_world(good("a", "b", "c", gap=1.0))
    skipping(world.chat())
    assert (value(world, "pylo_gateway_seconds_count"), value(world, "pylo_gateway_seconds_sum")) == (1, 0.0)
    assert value(world, "pylo_upstream_first_token_seconds_sum", upstream="first") == 1.0
    assert value(world, "gen_ai_server_time_to_first_token_seconds_sum") == 1.0
    assert value(world, "gen_ai_server_request_duration_seconds_sum") == 3.0
    assert value(world, "gen_ai_server_time_per_output_token_seconds_sum") == 1.0


@pytest.mark.conformance(160)
def test_an_error_is_counted_by_its_code(world: World) -> None:
    skipping(world.chat(model="another"))
    refused = {"route": "/v1/chat/completions", "outcome": "none", "status": "4xx", "code": "model_not_found"}
    assert value(world, "pylo_requests_total", **refused) == 1
    assert "gen_ai_server_request_duration_seconds_count" not in samples(world)


def test_a_broken_answer_is_counted_by_its_code_and_outcome() -> None:
    world = make_world(Turn([content("a")]))
    skipping(world.chat(stream=True))
    assert value(world, "gen_ai_server_request_duration_seconds_count", error_type="upstream_truncated") == 1
    assert value(world, "pylo_requests_total", outcome="upstream_cut", code="upstream_truncated", status="2xx") == 1


def test_a_failover_is_counted_by_the_upstream_that_was_left() -> None:
    world = make_world(Turn(status=503), good("Hel", "lo"), upstreams=("first", "second"))
    skipping(world.chat())
    assert value(world, "pylo_upstream_attempts_total", upstream="first", fault="status") == 1
    assert value(world, "pylo_upstream_attempts_total", upstream="second", fault="none") == 1
    assert samples(world)["pylo_failovers_total"] == [({"upstream": "first"}, 1.0)]
    assert "pylo_sheds_total" not in samples(world)


def test_a_shed_is_counted_by_its_reason(world: World) -> None:
    world.overload.disk(0, 100)
    skipping(world.chat())
    assert value(world, "pylo_sheds_total", reason="journal_disk") == 1


def test_a_customers_limit_is_counted_by_what_it_is_on(world: World) -> None:
    async def over(_: object) -> None:
        raise RateLimitExceeded("Too many.", retry_after=1)

    world.keys.find = over  # type: ignore[method-assign,assignment]  # where it is raised makes no difference
    skipping(world.chat())
    assert samples(world)["pylo_limit_refusals_total"] == [({"limit": "requests"}, 1.0)]


@pytest.mark.parametrize(
    ("code", "outcome"),
    [("idempotency_key_in_progress", "running"), ("request_already_completed", "charged"), ("none", "")],
)
def test_a_request_that_came_again_is_counted(code: str, outcome: str) -> None:
    board = unseen()
    board.metrics.answered(Access(pylo_request_id="", x_request_id="", status=409, error_code=code))
    (reading,) = board.readings()
    assert [name[1] for name in reading.series if name[0] == "pylo_idempotency"] == ([outcome] if outcome else [])


def test_a_journal_that_fails_is_counted(world: World) -> None:
    world.journal.full = True
    skipping(world.chat())
    assert value(world, "pylo_journal_failures_total") == 1


@pytest.mark.conformance(163)
def test_metrics_records_and_answers_count_the_same_tokens() -> None:
    turns = [Turn([*map(content, "abcdefgh"[:size]), finish(), DONE]) for size in range(1, 9)]
    world = make_world(*turns, *[good("Hel", "lo")] * 8)
    told = {"prompt_tokens": 0, "completion_tokens": 0}
    for _ in range(16):
        usage = skipping(world.chat()).json().get("usage") or {}
        told = {name: count + usage.get(name, 0) for name, count in told.items()}
    recorded = [record.tokens for record in world.journal.settled]
    assert value(world, USAGE, gen_ai_token_type="output") == sum(tokens.completion for tokens in recorded)
    assert value(world, USAGE, gen_ai_token_type="input") == sum(tokens.prompt for tokens in recorded)


SAID: dict[str, set[str]] = {
    "route": {*Route, "none"},
    "outcome": {*Outcome, "none"},
    "status": {"2xx", "4xx", "5xx"},
    "fault": {*FaultKind, "none", "abandoned"},
    "reason": {*ShedReason, *Sign, *Reason, "draining"},
    "upstream": {"first", "second"},
    "gen_ai_operation_name": {"chat"},
    "gen_ai_request_model": {MODEL},
    "gen_ai_token_type": {"input", "output", "cached", "reasoning"},
    "state": {"closed", "open", "half_open"},
}


@pytest.mark.conformance(164)
def test_labels_are_bounded_whatever_clients_send() -> None:
    world = make_world(upstreams=("first", "second"))
    bodies: list[Any] = [{"model": f"m{number}", "user": f"user{number}"} for number in range(20)]
    for body in [*bodies, *[{"n": number} for number in range(20)], {}]:
        skipping(world.chat(**body))
    for path in [f"/v1/{number}" for number in range(20)]:
        headers = [("X-Request-Id", f"trace-{path[4:]}"), ("Authorization", f"Bearer pylo_sk_{path[4:]}")]
        skipping(Caller(world.gateway)("PATCH", path, headers=headers))
    for name, found in samples(world).items():
        for labels, _ in found:
            bound = {label: values for label, values in SAID.items() if label in labels}
            assert {label: labels[label] for label in bound if labels[label] not in bound[label]} == {}, name
    every = {labels["code"] for labels, _ in samples(world)["pylo_requests_total"]}
    assert every == {"none", "model_not_found", "unsupported_value", "unknown_url"}
    assert len(samples(world)["pylo_requests_total"]) < 10


def test_no_family_has_a_label_for_who_asked() -> None:
    labels = {label for family in FAMILIES for label in family.labels}
    assert labels == {*SAID, "code", "error_type", "limit"}
    assert not any(word in label for label in labels for word in ("key", "user", "workspace", "request_id"))
