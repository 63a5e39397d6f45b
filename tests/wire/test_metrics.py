"""What the operator is shown, of the running product."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from openai import APIError, OpenAI
from prometheus_client.parser import text_string_to_metric_families as read

from tests.fakes.process import free_port
from tests.wire.asking import HAIKU, MODEL

if TYPE_CHECKING:
    from tests.fakes.stack import Stack

KINDS = ("input", "cached", "output", "reasoning")
SUMS = """
SELECT sum(prompt_tokens), sum(cached_tokens), sum(completion_tokens), sum(reasoning_tokens)
FROM billing_requestrecord WHERE workspace_id = %s HAVING count(*) = %s
"""


def scraped(stack: Stack, url: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    token = stack.env["PYLO_METRICS_TOKEN"]
    answer = httpx.get(f"{url}/metrics", headers={"Authorization": f"Bearer {token}"}, timeout=20)
    assert answer.status_code == 200
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for metric in read(answer.text):
        for sample in metric.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def tokens(stack: Stack) -> list[float]:
    """What the metrics say were used until now, of each kind."""
    sums = scraped(stack, stack.base_url).get("gen_ai_client_token_usage_sum", [])
    by_kind = {labels["gen_ai_token_type"]: value for labels, value in sums}
    return [by_kind.get(kind, 0.0) for kind in KINDS]


def used(client: OpenAI, number: int) -> list[int]:
    """Ask for an answer of a length of its own, every third one streamed; return what it says was used."""
    asked: Any = {"model": MODEL, "messages": HAIKU, "max_completion_tokens": 5 + number}
    try:
        if number % 3:
            usage = client.chat.completions.create(**asked).usage
        else:
            chunks = list(client.chat.completions.create(stream=True, stream_options={"include_usage": True}, **asked))
            usage = chunks[-1].usage
    except APIError:  # free
        return [0] * 4
    assert usage is not None
    assert usage.prompt_tokens_details is not None
    details = usage.completion_tokens_details
    reasoned = details.reasoning_tokens if details is not None else 0
    return [
        usage.prompt_tokens,
        usage.prompt_tokens_details.cached_tokens or 0,
        usage.completion_tokens,
        reasoned or 0,
    ]


@pytest.mark.conformance(163)
def test_metrics_records_and_answers_count_the_same_tokens_under_load(stack: Stack) -> None:
    customer, before, count = stack.member(), tokens(stack), 60
    stack.upstream.heal()
    client = OpenAI(base_url=stack.api_base, api_key=customer.key, max_retries=0, timeout=20)
    with client, ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda number: used(client, number), range(count)))
    (recorded,) = stack.eventually(lambda: stack.sql(SUMS, customer.workspace, count))
    metered = [after - first for after, first in zip(tokens(stack), before, strict=True)]
    assert metered == [float(total) for total in recorded] == [sum(each) for each in zip(*told, strict=True)]
    assert metered[0] > 0 < metered[2]


@pytest.mark.conformance(160)
def test_any_process_of_a_host_tells_of_all_of_them(stack: Stack) -> None:
    port, folder = free_port(), str(stack.var / "metrics-of-two")
    url = f"http://127.0.0.1:{port}"
    server = stack.serve("two", port, {"PYLO_METRICS_DIR": folder}, "--processes", "2")

    def health() -> float:
        found = scraped(stack, url)["pylo_requests_total"]
        return sum(value for labels, value in found if labels["route"] == "/health")

    for _ in range(40):  # each on a connection of its own, which the kernel deals out
        assert httpx.get(f"{url}/health").status_code == 200
    assert [health() for _ in range(8)] == [40.0] * 8
    assert scraped(stack, url)["pylo_processes"] == [({}, 2.0)]
    server.stop()


def test_the_log_has_a_line_for_the_scrape_that_names_no_token(stack: Stack) -> None:
    scraped(stack, stack.base_url)
    (server,) = [process for process in stack.processes if process.name == "server"]
    text = server.log.read_text()
    assert '"route":"/metrics"' in text
    assert stack.env["PYLO_METRICS_TOKEN"] not in text
