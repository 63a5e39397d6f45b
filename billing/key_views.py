"""Making a key, with a budget where one is wanted.

The secret is in the answer to the form's POST and nowhere else: no redirect, no session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts import keys
from accounts.models import ApiKey
from accounts.tenancy import member
from accounts.views import KEY_ROLES, Row
from billing import budgets
from billing.key_form import BudgetedKeyForm

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpResponse

    from accounts.tenancy import MemberRequest
    from accounts.tokens import Token

FIRST_NAME = "My first key"


@require_http_methods(["GET", "HEAD", "POST"])
@member(*KEY_ROLES)
def key_create(request: MemberRequest) -> HttpResponse:
    if not keys.may_issue(request.user):
        return render(request, "accounts/key_unverified.html", status=403)
    tier = request.workspace.tier
    if request.method != "POST":
        first = not ApiKey.objects.of(request.workspace).exists()
        form = BudgetedKeyForm(initial={"name": FIRST_NAME if first else ""}, tier=tier)
        return render(request, "accounts/key_create.html", {"form": form})
    form = BudgetedKeyForm(request.POST, tier=tier)
    if not form.is_valid():
        return render(request, "accounts/key_create.html", {"form": form})
    now = timezone.now()
    try:
        key, token = _issue(request, form, now)
    except keys.FormAlreadyUsed as refusal:
        used = Row(refusal.key, refusal.key.state(now))
        return render(request, "accounts/key_used.html", {"row": used}, status=409)
    return render(request, "accounts/key_reveal.html", {"key": key, "token": token})


def _issue(request: MemberRequest, form: BudgetedKeyForm, now: datetime) -> tuple[ApiKey, Token]:
    """Make the key and its budget, or neither: it is not used for a moment without its wall."""
    with transaction.atomic():
        key, token = keys.issue(
            workspace=request.workspace,
            name=form.cleaned_data["name"],
            created_by=request.user,
            expires_at=form.expires_at(now),
            at=now,
            form_token=form.cleaned_data["form_token"],
            limits=form.limits,
        )
        if form.budget_nanos is not None:
            budgets.put(
                workspace=request.workspace,
                key=key,
                period=form.period,
                limit_nanos=form.budget_nanos,
                by=request.user,
                at=now,
            )
    return key, token
