from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx
import pytest
from openai import NotFoundError

from tests.wire.asking import HAIKU, MODEL, named

if TYPE_CHECKING:
    from openai import OpenAI

    from tests.fakes.stack import Member, Stack

BILL = """
SELECT prompt_tokens, cached_tokens, completion_tokens, cost_nanos FROM billing_requestrecord WHERE request_id = %s
"""


@pytest.mark.conformance(32)
def test_the_one_model_is_listed(client: OpenAI) -> None:
    assert [(model.id, model.object) for model in client.models.list()] == [(MODEL, "model")]


@pytest.mark.conformance(33)
def test_the_model_is_retrieved_by_its_slug_with_the_slash_escaped_as_the_client_does(client: OpenAI) -> None:
    assert client.models.retrieve(MODEL).id == MODEL


@pytest.mark.conformance(34)
def test_another_model_is_not_found(client: OpenAI) -> None:
    with pytest.raises(NotFoundError) as error:
        client.models.retrieve("gpt-9")
    assert error.value.code == "model_not_found"


@pytest.mark.conformance(33)
def test_the_model_is_found_with_its_slash_plain_and_escaped(stack: Stack, member: Member) -> None:
    paths = [MODEL, quote(MODEL, safe=""), f"{MODEL}/"]
    headers = {"Authorization": f"Bearer {member.key}"}
    answers = [httpx.get(f"{stack.api_base}/models/{path}", headers=headers, trust_env=False) for path in paths]
    assert [(answer.status_code, answer.json()["id"]) for answer in answers] == [(200, MODEL)] * 3


@pytest.mark.conformance(37)
def test_the_aggregators_list_is_there_for_anybody(stack: Stack) -> None:
    answer = httpx.get(f"{stack.api_base}/provider/models", trust_env=False)
    (document,) = answer.json()["data"]
    assert (answer.status_code, document["schema_version"], document["id"]) == (200, "2.4", MODEL)
    assert {"object", "owned_by"} & set(document) == set()


@pytest.mark.conformance(39, 121)
def test_the_lists_the_public_page_and_the_bill_have_the_same_prices(client: OpenAI, stack: Stack) -> None:
    (model,) = client.models.list()
    listed = {name: Decimal(price) for name, price in (model.model_extra or {})["pricing"].items()}
    (document,) = httpx.get(f"{stack.api_base}/provider/models", trust_env=False).json()["data"]
    entries = document["input_modalities"][0]["pricing"] + document["output_modalities"][0]["pricing"]
    provided = {entry["type"]: Decimal(entry["cost_usd"]) for entry in entries}
    assert (provided["prompt"], provided["cached_prompt"], provided["completion"]) == (
        *(listed["prompt"], listed["input_cache_read"], listed["completion"]),
    )
    page = httpx.get(f"{stack.base_url}/pricing/", trust_env=False).text
    assert all(f"{listed[name] * 10**6:.2f}" in page for name in ("prompt", "completion", "input_cache_read"))
    mine = named()
    client.chat.completions.create(model=MODEL, messages=HAIKU, extra_headers={"X-Request-Id": mine})
    ((prompt, cached, completion, nanos),) = stack.eventually(lambda: stack.sql(BILL, mine))
    dollars = (
        (prompt - cached) * listed["prompt"] + cached * listed["input_cache_read"] + completion * listed["completion"]
    )
    assert nanos == dollars * 10**9
