"""The budgets of a workspace and its keys: a list, a form for one more, a page to change or remove each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.tenancy import member
from billing import balance_alerts, budgets, money
from billing.budget_form import BalanceAlertForm, BudgetForm, LimitForm
from billing.models import Budget, BudgetPeriod
from billing.views_invoices import PAYERS

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

    from accounts.tenancy import MemberRequest

QUARTER = 4  # a raise is by one


@require_http_methods(["GET", "HEAD"])
@member()
def budgets_page(request: MemberRequest) -> HttpResponse:
    now = timezone.now()
    return _page(request, BudgetForm(workspace=request.workspace, at=now))


@require_POST
@member(*PAYERS)
def budget_put(request: MemberRequest) -> HttpResponse:
    """Set a budget; one of the same holder and period is replaced."""
    now = timezone.now()
    form = BudgetForm(request.POST, workspace=request.workspace, at=now)
    if not form.is_valid():
        return _page(request, form)
    budget = budgets.put(
        workspace=request.workspace,
        key=form.key,
        period=BudgetPeriod(form.cleaned_data["period"]),
        limit_nanos=form.limit_nanos,
        by=request.user,
        at=now,
    )
    messages.success(request, f"{_name(budget)} may spend {money.exact(budget.limit_nanos)} {_every(budget)}.")
    return redirect("budgets")


@require_http_methods(["GET", "HEAD", "POST"])
@member(*PAYERS)
def budget_change(request: MemberRequest, budget_id: UUID) -> HttpResponse:
    budget = _found(request, budget_id)
    now = timezone.now()
    (stands,) = budgets.standings([budget], now)
    raised = budget.limit_nanos + budget.limit_nanos // QUARTER
    initial = {"limit": money.exact(raised if "raise" in request.GET else budget.limit_nanos).removeprefix("$")}
    form = LimitForm(request.POST if request.method == "POST" else None, initial=initial)
    if not form.is_valid():
        return render(
            request, "billing/budget.html", {"stands": stands, "form": form, "raises": "raise" in request.GET}
        )
    budgets.put(
        workspace=request.workspace,
        key=budget.key,
        period=BudgetPeriod(budget.period),
        limit_nanos=form.limit_nanos,
        by=request.user,
        at=now,
    )
    messages.success(request, f"{_name(budget)} may spend {money.exact(form.limit_nanos)} {_every(budget)}.")
    return redirect("budgets")


@require_POST
@member(*PAYERS)
def budget_remove(request: MemberRequest, budget_id: UUID) -> HttpResponse:
    budget = _found(request, budget_id)
    budgets.remove(budget, request.user)
    messages.success(request, f"{_name(budget)} has no budget {_every(budget)} any more.")
    return redirect("budgets")


@require_POST
@member(*PAYERS)
def balance_alert_put(request: MemberRequest) -> HttpResponse:
    """Set below which balance to send a mail; nothing or 0 switches it off."""
    now = timezone.now()
    form = BalanceAlertForm(request.POST)
    if not form.is_valid():
        return _page(request, BudgetForm(workspace=request.workspace, at=now), form)
    balance_alerts.put(request.workspace, form.below_nanos, by=request.user, at=now)
    if form.below_nanos:
        said = f"You are told by mail when the balance falls below {money.exact(form.below_nanos)}."
    else:
        said = "You are not told when the balance is low."
    messages.success(request, said)
    return redirect("budgets")


def _page(request: MemberRequest, form: BudgetForm, alert: BalanceAlertForm | None = None) -> HttpResponse:
    below = balance_alerts.below(request.workspace)
    set_to = {"below": money.exact(below).removeprefix("$") if below else ""}
    context = {
        "rows": budgets.standing(request.workspace, timezone.now()),
        "form": form,
        "alert_form": alert or BalanceAlertForm(initial=set_to),
        "below_nanos": below,
        "may_change": request.role in PAYERS,
    }
    return render(request, "billing/budgets.html", context)


def _found(request: MemberRequest, budget_id: UUID) -> Budget:
    return get_object_or_404(Budget.objects.select_related("key"), workspace=request.workspace, pk=budget_id)


def _name(budget: Budget) -> str:
    return f"Key {budget.key.name}" if budget.key else "The workspace"


def _every(budget: Budget) -> str:
    return str(BudgetPeriod(budget.period).label)
