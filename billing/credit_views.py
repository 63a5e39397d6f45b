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

from accounts.tenancy import MemberRequest, member
from billing import money, topup
from billing.credit_form import AddCredit
from billing.payments import chosen, customers
from billing.payments.provider import BadEvent, NoSuchPayment, Order, PaymentError, ProviderAway, Purpose, State
from billing.signatures import BadSignature
from billing.views_invoices import PAYERS

if TYPE_CHECKING:
    from django.http import HttpRequest

    from billing.payments.provider import Event, Paid, Provider

FOLLOWED = frozenset(  # docs/operations.md "Payments" lists them
    {
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "payment_intent.succeeded",
        "payment_intent.payment_failed",
        "charge.refunded",
        "refund.created",
        "refund.updated",
        "refund.failed",
    }
)
AWAY = "The payment page cannot be reached just now. Nothing was charged; try again in a minute."
LATER = "Your payment could not be confirmed yet. It is credited as soon as it is; there is no need to pay again."
SOMEBODY_LOOKS = "You paid, and we could not tell what for. Somebody will look; quote when you paid to support."
NOT_PAID = "The payment was not completed. Nothing was charged."

log = structlog.stdlib.get_logger(__name__)


@require_http_methods(["GET", "POST"])
@member(*PAYERS)
def credit_add(request: MemberRequest) -> HttpResponse:
    """Ask for the amount; then send the payer to the provider's page."""
    provider = the_provider()
    form = AddCredit(request.POST if request.method == "POST" else None, initial={"keep_card": "keep" in request.GET})
    if not form.is_valid():
        return render(request, "billing/add_credit.html", {"form": form})
    order = Order(workspace=str(request.workspace.id), amount_cents=form.cents)
    leading = lead_away(request, order, provider, keep_card=form.cleaned_data["keep_card"])
    return leading or render(request, "billing/add_credit.html", {"form": form}, status=503)


def lead_away(
    request: MemberRequest, order: Order, provider: Provider, *, keep_card: bool = False
) -> HttpResponseRedirect | None:
    """Send the payer to the page to pay on. None, and a message, when there is no such page now."""
    back = settings.PYLO_PUBLIC_URL + reverse("credit_return")
    try:
        url = customers.begin(order, request.workspace, provider, return_url=back, keep_card=keep_card)
    except PaymentError as error:
        log.warning("no checkout session", reason=str(error))
        messages.error(request, AWAY)
        return None
    return HttpResponseRedirect(url)


@require_GET
@member()
def credit_return(request: MemberRequest) -> HttpResponse:
    """Credit at once what the payer comes back from paying; the webhook may be first, or late."""
    provider = the_provider()
    try:
        session = provider.session(request.GET.get("session", ""))
        if session.workspace != str(request.workspace.id):
            raise Http404
        paid = provider.payment(session.payment_intent) if session.payment_intent else None
    except NoSuchPayment:
        raise Http404 from None
    except ProviderAway:
        messages.warning(request, LATER)
        return redirect("billing")
    try:
        if paid is not None:
            topup.settle(paid, provider=provider.name, at=timezone.now())
    except topup.UnknownPayer as error:
        log.error("unknown payer", reason=str(error))  # noqa: TRY400 - expected, no traceback
        messages.warning(request, SOMEBODY_LOOKS)
        return redirect("billing")
    return _welcome(request, paid)


def _welcome(request: MemberRequest, paid: Paid | None) -> HttpResponse:
    """Say what came of it, where it shows."""
    if paid is None or paid.state is not State.SUCCEEDED:
        messages.info(request, NOT_PAID)
        return redirect("billing")
    amount = money.cents(paid.order.amount_cents)
    if paid.order.purpose is Purpose.INVOICE:
        messages.success(request, f"{amount} was paid.")
        return redirect("invoices")
    messages.success(request, f"{amount} was added to your balance.")
    return redirect("billing")


@csrf_exempt
@require_POST
def payments_webhook(request: HttpRequest) -> HttpResponse:
    """Take the provider's word only for what to look at: what was paid is fetched from it (rules 19 and 20)."""
    provider = the_provider()
    now = timezone.now()
    try:
        event = provider.read_event(request.body, request.headers, now.timestamp())
        paid = _looked_up(provider, event)
        if paid is not None:
            topup.settle(paid, provider=provider.name, at=now)
    except (BadSignature, BadEvent) as error:
        log.warning("webhook refused", reason=str(error))
        return HttpResponseBadRequest("The signature or the event does not hold.", content_type="text/plain")
    except (NoSuchPayment, topup.UnknownPayer) as error:
        log.error("webhook about an unknown payment", reason=str(error))  # noqa: TRY400 - expected, no traceback
        return HttpResponse("The payment is unknown here.", status=404, content_type="text/plain")
    except ProviderAway as error:
        log.warning("webhook not settled", reason=str(error))
        return HttpResponse("Try again.", status=503, content_type="text/plain")
    return HttpResponse("OK", content_type="text/plain")


def _looked_up(provider: Provider, event: Event) -> Paid | None:
    """Return the payment that an event is about, as it stands now; None when it is about nothing that we follow."""
    if event.type not in FOLLOWED:
        return None
    payment_intent = event.payment_intent
    if event.session_id:
        payment_intent = provider.session(event.session_id).payment_intent
    return provider.payment(payment_intent) if payment_intent else None


def the_provider() -> Provider:
    """Return the provider; where there is none, there are no pages about payments."""
    provider = chosen.provider()
    if provider is None:
        raise Http404
    return provider
