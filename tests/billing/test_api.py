"""The management API behind the gateway: what it answers for whom."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.test import AsyncRequestFactory
from django.urls import resolve

from billing import api as management
from billing import invoicing, merkle
from billing.models import RequestRecord
from billing.reports import receipt
from tests.billing.seed import NOW, Tenant, record, tenant, uuid7

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]


@pytest.fixture
def alice() -> Tenant:
    return tenant("alice")


def ask(name: str, workspace_id: UUID | None) -> HttpResponse:
    """Ask as the gateway does."""
    path = f"/v1/requests/{name}"
    request = AsyncRequestFactory().get(path)
    request.scope = {**request.scope, **({"pylo.workspace_id": workspace_id} if workspace_id else {})}
    view, words, values = resolve(path)
    answer: HttpResponse = view(request, *words, **values)
    return answer


def asked(name: str, workspace_id: UUID) -> Any:
    answer = ask(name, workspace_id)
    assert answer.status_code == 200, answer.content
    return json.loads(answer.content)


def error(answer: HttpResponse) -> tuple[int, str]:
    told = json.loads(answer.content)["error"]
    assert set(told) == {"message", "type", "param", "code"}
    return answer.status_code, told["code"]


def as_anybody(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_a_request_is_told_with_its_sum_written_out(alice: Tenant) -> None:
    made = record(alice.key, NOW, request_id="job/17")
    told = asked(f"req_{made.uid}", alice.workspace.id)
    assert (told["object"], told["id"], told["request_id"]) == ("request", f"req_{made.uid}", "job/17")
    assert told["arithmetic"] == "(1234 − 1000) × 900 + 1000 × 180 + 567 × 3900 = 2 601 900 n$"
    assert (told["record"]["cost_nanos"], told["record"]["outcome"], told["record"]["status"]) == (
        2_601_900,
        "completed",
        200,
    )
    assert (told["receipt"]["key_id"], told["invoice"]) == (str(alice.key.id), None)


def test_the_signature_holds_for_the_receipt_as_anybody_spells_it(alice: Tenant) -> None:
    told = asked(f"req_{record(alice.key, NOW).uid}", alice.workspace.id)
    (key,) = [key for key in receipt.keys().public if key.id == told["signing_key_id"]]
    signed = {"receipt": told["receipt"], "request_id": told["request_id"]}
    assert key.verifies(base64.b64decode(told["signature"]), as_anybody(signed))
    assert merkle.leaf(as_anybody(told["receipt"])).hex() == told["receipt_hash"]


def test_the_same_record_has_the_same_receipt_whenever_it_is_asked_for(alice: Tenant) -> None:
    made = record(alice.key, NOW)
    first = asked(f"req_{made.uid}", alice.workspace.id)
    invoicing.issue(workspace=alice.workspace, until=NOW + timedelta(seconds=1), now=NOW + timedelta(seconds=1))
    second = asked(f"req_{made.uid}", alice.workspace.id)
    assert [first[name] for name in ("receipt", "signature")] == [second[name] for name in ("receipt", "signature")]


def test_once_invoiced_the_proof_leads_to_the_invoices_root(alice: Tenant) -> None:
    uids = [record(alice.key, NOW - timedelta(seconds=back)).uid for back in range(10, 5, -1)]
    invoice = invoicing.issue(workspace=alice.workspace, until=NOW, now=NOW)
    told = asked(f"req_{uids[2]}", alice.workspace.id)
    proof = told["invoice"]["proof"]
    assert (told["invoice"]["number"], proof["index"], proof["leaves"]) == (invoice.number, 2, 5)
    path = [bytes.fromhex(text) for text in proof["path"]]
    led = merkle.root_by(bytes.fromhex(told["receipt_hash"]), 2, 5, path)
    assert led is not None
    assert led.hex() == told["invoice"]["merkle_root"] == invoice.merkle_root


def test_of_several_with_one_id_the_newest_is_told(alice: Tenant) -> None:
    for back in (3, 1, 2):
        record(alice.key, NOW - timedelta(minutes=back), request_id="job-17")
    newest = RequestRecord.objects.latest("admitted_at")
    assert asked("job-17", alice.workspace.id)["id"] == f"req_{newest.uid}"


def test_an_id_of_pylos_own_is_never_hidden_by_one_that_a_client_chose(alice: Tenant) -> None:
    old = record(alice.key, NOW - timedelta(minutes=3))
    record(alice.key, NOW, request_id=f"req_{old.uid}")
    assert asked(f"req_{old.uid}", alice.workspace.id)["id"] == f"req_{old.uid}"


def test_an_id_may_have_slashes_and_one_too_many(alice: Tenant) -> None:
    made = record(alice.key, NOW, request_id="a//b/")
    assert asked("a//b/", alice.workspace.id)["id"] == asked(f"req_{made.uid}/", alice.workspace.id)["id"]


def test_another_workspaces_request_is_not_found_as_if_it_were_not_there(alice: Tenant) -> None:
    made = record(alice.key, NOW - timedelta(hours=1), request_id="job-17")
    mallory = tenant("mallory").workspace.id
    there = [ask(name, mallory) for name in (f"req_{made.uid}", "job-17")]
    not_there = [ask(name, mallory) for name in (f"req_{uuid4()}", "job-18")]
    assert [answer.content for answer in there] == [answer.content for answer in not_there]
    assert {error(answer) for answer in there} == {(404, "request_not_found")}
    assert {answer["X-Should-Retry"] for answer in there} == {"false"}


def test_a_young_id_may_be_there_in_a_moment_whoever_asks(alice: Tenant) -> None:
    made = record(alice.key, NOW - timedelta(seconds=2))
    mallory = tenant("mallory").workspace.id
    answers = [ask(f"req_{uid}", mallory) for uid in (made.uid, uuid7(NOW - timedelta(seconds=2), 99))]
    assert answers[0].content == answers[1].content
    assert [(answer.status_code, answer["Retry-After"], answer["X-Should-Retry"]) for answer in answers] == [
        (404, "1", "true")
    ] * 2
    assert "Retry-After" not in ask(f"req_{uuid7(NOW - timedelta(minutes=2), 99)}", mallory)


def test_a_request_that_did_not_come_by_the_gateway_is_nobodys(alice: Tenant) -> None:
    assert error(ask(f"req_{record(alice.key, NOW).uid}", None)) == (401, "invalid_api_key")


def test_a_workspace_may_ask_so_often_a_minute_and_keeps_no_other_from_it(
    alice: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.clear()
    monkeypatch.setattr(management, "PER_MINUTE", 2)
    bob = tenant("bob").workspace.id
    answers = [ask("job-1", alice.workspace.id) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [404, 404, 429]
    assert error(answers[2]) == (429, "rate_limit_exceeded")
    assert (answers[2]["Retry-After"], answers[2]["X-Should-Retry"]) == ("40", "true")
    assert ask("job-1", bob).status_code == 404


def test_without_postgres_it_is_a_503_to_come_again(alice: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: object) -> None:
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(receipt, "find", away)
    answer = ask("job-1", alice.workspace.id)
    assert (error(answer), answer["Retry-After"]) == ((503, "unavailable"), "5")


def test_the_document_describes_the_endpoint_with_its_key_and_its_errors() -> None:
    document = management.api.get_openapi_schema(path_prefix="/v1/")
    one = document["paths"]["/v1/requests/{name}"]["get"]
    assert set(one["responses"]) == {200, 401, 404, 429, 503}
    assert document["components"]["securitySchemes"]["OfTheGateway"] == {"type": "http", "scheme": "bearer"}
