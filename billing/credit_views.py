"""Adding credit: choose an amount, pay on the provider's page, come back; and the provider's webhook."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import Role
from accounts.tenancy import MemberRequest, member
from billing import money, topup
from billing.credit_form import AddCredit
from billing.payments import BadEvent, NoSuchSession, Provider, ProviderAway, SandboxProvider
from billing.signatures import BadSignature

if TYPE_CHECKING:
    from django.http import HttpRequest

COMPLETED = "checkout.session.completed"
AWAY = "The payment page cannot be reached just now. Nothing was charged; try again in a minute."
LATER = "Your payment could not be confirmed yet. It is credited as soon as it is; there is no need to pay again."

log = structlog.stdlib.get_logger(__name__)


@require_http_methods(["GET", "POST"])
@member(Role.OWNER, Role.ADMIN, Role.BILLING)
def credit_add(request: MemberRequest) -> HttpResponse:
    """Ask for the amount; then send the payer to the provider's page."""
    provider = _provider()
    form = AddCredit(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return render(request, "billing/add_credit.html", {"form": form})
    try:
        url = provider.begin(
            amount_cents=form.cents,
            reference=str(request.workspace.id),
            return_url=settings.PYLO_PUBLIC_URL + reverse("credit_return"),
        )
    except (ProviderAway, NoSuchSession) as error:
        log.warning("no checkout session", reason=str(error))
        messages.error(request, AWAY)
        return render(request, "billing/add_credit.html", {"form": form}, status=503)
    return HttpResponseRedirect(url)


@require_GET
@member()
def credit_return(request: MemberRequest) -> HttpResponse:
    """Credit at once what the payer comes back from paying; the webhook may be first, or late."""
    try:
        session = _provider().fetch(request.GET.get("session", ""))
    except NoSuchSession:
        raise Http404 from None
    except ProviderAway:
        messages.warning(request, LATER)
        return redirect("billing")
    if session.reference != str(request.workspace.id):
        raise Http404
    if session.paid:
        topup.settle(session, at=timezone.now())
        messages.success(request, f"{money.cents(session.amount_cents)} was added to your balance.")
    else:
        messages.info(request, "The payment was not completed. Nothing was charged.")
    return redirect("billing")


@csrf_exempt
@require_POST
def payments_webhook(request: HttpRequest) -> HttpResponse:
    """Take the provider's word only for what to look at: what was paid is fetched from it."""
    provider = _provider()
    now = timezone.now()
    try:
        event = provider.read_event(request.body, request.headers, now.timestamp())
        if event.type == COMPLETED:
            topup.settle(provider.fetch(event.session_id), at=now)
    except (BadSignature, BadEvent) as error:
        log.warning("webhook refused", reason=str(error))
        return HttpResponseBadRequest("The signature or the event does not hold.", content_type="text/plain")
    except (NoSuchSession, topup.UnknownPayer) as error:
        log.error("webhook about an unknown payment", reason=str(error))  # noqa: TRY400 - expected, no traceback
        return HttpResponse("The payment is unknown here.", status=404, content_type="text/plain")
    except ProviderAway as error:
        log.warning("webhook not settled", reason=str(error))
        return HttpResponse("Try again.", status=503, content_type="text/plain")
    return HttpResponse("OK", content_type="text/plain")


def _provider() -> Provider:
    if not settings.PYLO_PAYMENTS_URL:
        raise Http404
    return SandboxProvider(settings.PYLO_PAYMENTS_URL, settings.PYLO_PAYMENTS_SECRET)
