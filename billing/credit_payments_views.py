"""The list of payments and saved cards: taking unused credit back, removing a card, paying an invoice that is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.tenancy import MemberRequest, member
from billing import dues, money, refunds
from billing.credit_auto_views import saved_cards
from billing.credit_views import lead_away, the_provider
from billing.models import AutoTopUp, Invoice, Refund
from billing.payments.provider import LEAST_CENTS, NotRefundable, Order, PaymentError, ProviderAway, Purpose
from billing.reports import payments as report
from billing.reports.account import funds
from billing.views_invoices import PAYERS

if TYPE_CHECKING:
    from django.http import HttpResponse

REFUND_LATER = "The refund is on its way: the payment provider could not answer yet, and is asked again until it does."
REFUSED = "The payment provider refused the refund, and nothing was taken off your balance. Write to support."
TOO_LITTLE = "Less than $0.50 cannot be paid by card. It stays on your balance; the next credit you add pays it."
CARD_STAYS = "The card could not be removed just now; try again in a minute."


@require_safe
@member()
def payments_page(request: MemberRequest) -> HttpResponse:
    provider = the_provider()
    may_pay = request.role in PAYERS
    context = {
        "payments": report.payments(request.workspace, at=timezone.now()),
        "cards": saved_cards(request, provider) if may_pay else (),
        "order": AutoTopUp.objects.filter(workspace=request.workspace).first(),
        "may_pay": may_pay,
        "days": refunds.WINDOW.days,
    }
    return render(request, "billing/payments.html", context)


@require_http_methods(["GET", "POST"])
@member(*PAYERS)
def payment_refund(request: MemberRequest, payment_intent: str) -> HttpResponse:
    """Ask once more, then give back what is unused of a payment."""
    provider = the_provider()
    payment = report.payment(request.workspace, payment_intent)
    if payment is None:
        raise Http404
    now = timezone.now()
    left = refunds.left_cents(payment) if refunds.within_window(payment, now) else 0
    again = _would_top_up_again(request, left)
    if request.method != "POST" or not left or again:
        context = {"payment": payment, "left_cents": left, "days": refunds.WINDOW.days, "again": again}
        return render(request, "billing/payment_refund.html", context)
    try:
        refund = refunds.ask(
            payment, cents=left, by=request.user.email, reason="Unused credit refunded", provider=provider, at=now
        )
    except ProviderAway:
        messages.warning(request, REFUND_LATER)
    except (NotRefundable, refunds.TooMuch):
        messages.error(request, REFUSED)
    else:
        messages.success(request, _said(refund))
    return redirect("payments")


def _would_top_up_again(request: MemberRequest, cents: int) -> bool:
    """Say whether auto top-up would charge the card for what is given back to it."""
    order = AutoTopUp.objects.filter(workspace=request.workspace, enabled=True).first()
    left_nanos = funds(request.workspace).nanos - cents * money.NANOS_PER_CENT
    return order is not None and left_nanos < order.below_cents * money.NANOS_PER_CENT


def _said(refund: Refund) -> str:
    amount = money.cents(refund.amount_cents)
    return f"{amount} goes back to the card that paid. Banks take up to ten days to show it."


@require_POST
@member(*PAYERS)
def card_remove(request: MemberRequest, card: str) -> HttpResponse:
    """Remove a saved card of this workspace; an order to charge it is switched off with it."""
    provider = the_provider()
    if all(each.id != card for each in saved_cards(request, provider) or ()):
        raise Http404
    AutoTopUp.objects.filter(workspace=request.workspace, card=card).update(card="", card_label="", enabled=False)
    try:
        provider.forget(card)
    except PaymentError:
        messages.error(request, CARD_STAYS)
    else:
        messages.success(request, "The card was removed.")
    return redirect("payments")


@require_POST
@member(*PAYERS)
def invoice_pay(request: MemberRequest, number: str) -> HttpResponse:
    """Lead to the page to pay what the balance did not pay of an invoice."""
    provider = the_provider()
    invoice = Invoice.objects.filter(workspace=request.workspace, number=number).first()
    if invoice is None:
        raise Http404
    rest = dues.payable_cents(invoice)
    if rest < LEAST_CENTS:
        messages.info(request, TOO_LITTLE if rest > 0 else "Nothing is due on this invoice.")
        return redirect("invoice", number)
    order = Order(
        workspace=str(request.workspace.id),
        amount_cents=rest,
        purpose=Purpose.INVOICE,
        invoice=str(invoice.id),
    )
    return lead_away(request, order, provider) or redirect("invoice", number)
