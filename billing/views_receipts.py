"""Receipts for people and their programs: one as a file, an invoice's statement, the keys, and what verifies them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.tenancy import member
from billing.api import api
from billing.api_schemas import request_out
from billing.receipts import canonical
from billing.reports import receipt
from billing.signing import ALGORITHM
from billing.statements import content

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest

    from accounts.tenancy import MemberRequest

VERIFIER = Path(__file__).parent / "offline" / "pylo_verify.py"
AN_HOUR = "public, max-age=3600"


@require_safe
@member()
def request_receipt(request: MemberRequest, uid: UUID) -> HttpResponse:
    """Send what the API answers for the request, as a file."""
    found = receipt.of(request.workspace, uid)
    if found is None:
        raise Http404
    headers = {"Content-Disposition": f'attachment; filename="req_{uid}.json"'}
    return JsonResponse(request_out(found).model_dump(), json_dumps_params={"indent": 2}, headers=headers)


@require_safe
@member()
def invoice_statement(request: MemberRequest, number: str) -> HttpResponse:
    """Send the signed statement of an invoice, as a file."""
    signed = receipt.signed_statement(request.workspace, number)
    if signed is None:
        raise Http404
    document = {
        "statement": content(signed.statement),
        "signature": signed.signature.text,
        "signing_key_id": signed.signature.key_id,
    }
    headers = {"Content-Disposition": f'attachment; filename="{number}-statement.json"'}
    return HttpResponse(canonical(document), content_type="application/json", headers=headers)


@require_safe
def receipt_keys(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - a view is given it
    """Publish the public halves: the first signs now."""
    public = receipt.keys().public
    shown = [
        {"key_id": key.id, "algorithm": ALGORITHM, "public_key": key.text, "signs": key is public[0]} for key in public
    ]
    return JsonResponse({"keys": shown}, headers={"Cache-Control": AN_HOUR, "Access-Control-Allow-Origin": "*"})


@require_safe
def receipts_page(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/receipts.html", {"keys": receipt.keys().public, "algorithm": ALGORITHM})


@require_safe
def verifier(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - as above
    headers = {"Content-Disposition": 'attachment; filename="pylo_verify.py"', "Cache-Control": AN_HOUR}
    return HttpResponse(VERIFIER.read_bytes(), content_type="text/x-python; charset=utf-8", headers=headers)


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - as above
    """Describe the management API, for generators and readers."""
    return JsonResponse(api.get_openapi_schema(path_prefix="/v1/"), headers={"Cache-Control": AN_HOUR})
