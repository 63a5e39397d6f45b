"""Auto top-up: the order for it, and finishing a charge that the bank wanted its holder for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.tenancy import MemberRequest, member
from billing.credit_form import AutoTopUpForm
from billing.credit_views import lead_away, the_provider
from billing.models import AutoTopUp, TopUpAttempt
from billing.payments import customers
from billing.payments.provider import Order, PaymentError, Purpose
from billing.views_invoices import PAYERS

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

    from billing.payments.provider import Card, Provider

CARDS_AWAY = "The saved cards cannot be read just now, so nothing was changed; try again in a minute."
FIRST = {"below": "5", "add": "25", "most_a_day": 2, "month": "200"}  # what the form proposes

log = structlog.stdlib.get_logger(__name__)


@require_http_methods(["GET", "POST"])
@member(*PAYERS)
def auto_top_up(request: MemberRequest) -> HttpResponse:
    """Show the order for automatic top-ups, or change it."""
    provider = the_provider()
    found = saved_cards(request, provider)
    order = AutoTopUp.objects.filter(workspace=request.workspace).first()
    form = AutoTopUpForm(
        request.POST if request.method == "POST" and found is not None else None,
        cards=found or (),
        initial=_shown(order),
    )
    if form.is_valid():
        _save(request, form)
        return redirect("billing")
    context = {
        "form": form,
        "order": order,
        "cards": found or (),
        "away": found is None,
        "attempts": TopUpAttempt.objects.filter(workspace=request.workspace).order_by("-started_at")[:5],
    }
    return render(request, "billing/auto_top_up.html", context, status=503 if found is None else 200)


@require_http_methods(["GET", "POST"])
@member(*PAYERS)
def auto_top_up_finish(request: MemberRequest, attempt_id: UUID) -> HttpResponse:
    """Lead the holder of the card to pay the attempt that waits for them; the mail has this address."""
    provider = the_provider()
    attempt = TopUpAttempt.objects.filter(id=attempt_id, workspace=request.workspace).first()
    if attempt is None:
        raise Http404
    waits = attempt.status == TopUpAttempt.Status.NEEDS_AUTHENTICATION
    if request.method == "POST" and waits:
        order = Order(
            workspace=str(request.workspace.id),
            amount_cents=attempt.amount_cents,
            purpose=Purpose.AUTO_TOP_UP,
            attempt=str(attempt.id),
        )
        leading = lead_away(request, order, provider, keep_card=True)
        if leading is not None:
            return leading
    return render(request, "billing/auto_top_up_finish.html", {"attempt": attempt, "waits": waits})


def saved_cards(request: MemberRequest, provider: Provider) -> tuple[Card, ...] | None:
    """Return the workspace's saved cards; None, and a message, when the provider cannot be asked."""
    try:
        return customers.cards(request.workspace, provider)
    except PaymentError as error:
        log.warning("saved cards not read", reason=str(error))
        messages.error(request, CARDS_AWAY)
        return None


def _shown(order: AutoTopUp | None) -> dict[str, Any]:
    if order is None:
        return dict(FIRST)
    return {
        "enabled": order.enabled,
        "below": _dollars(order.below_cents),
        "add": _dollars(order.add_cents),
        "most_a_day": order.most_a_day,
        "month": _dollars(order.most_cents_a_month),
        "card": order.card,
    }


def _dollars(cents: int) -> str:
    whole, rest = divmod(cents, 100)
    return f"{whole}.{rest:02d}" if rest else str(whole)


def _save(request: MemberRequest, form: AutoTopUpForm) -> None:
    """Keep the order; whoever saves it has seen the declines, so they count anew."""
    given, card = form.cleaned_data, form.chosen
    AutoTopUp.objects.update_or_create(
        workspace=request.workspace,
        defaults={
            "enabled": given["enabled"],
            "below_cents": given["below"],
            "add_cents": given["add"],
            "most_a_day": given["most_a_day"],
            "most_cents_a_month": given["month"],
            "card": card.id if card else "",
            "card_label": f"{card.brand} …{card.last_four}" if card else "",
            "declines": 0,
            "switched_off_at": None,
            "updated_at": timezone.now(),
        },
    )
    messages.success(request, "Auto top-up is on." if given["enabled"] else "Auto top-up is off.")
