"""The portal's pages of keys there are. Making one is billing's, which knows budgets: `billing.key_views`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts import keys
from accounts.forms import KeyLimitsForm, RenameForm
from accounts.models import ApiKey, Role
from accounts.tenancy import member

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

    from accounts.tenancy import MemberRequest

KEY_ROLES = (Role.OWNER, Role.ADMIN, Role.DEVELOPER)


@dataclass(frozen=True, slots=True)
class Row:
    """A key as the table shows it."""

    key: ApiKey
    state: str


@require_safe
@member()
def key_list(request: MemberRequest) -> HttpResponse:
    now = timezone.now()
    found = ApiKey.objects.of(request.workspace).select_related("created_by").order_by("-created_at")
    rows = [Row(key, key.state(now)) for key in found]
    shown = {"rows": rows, "may_change": request.role in KEY_ROLES, "tier": request.workspace.tier}
    return render(request, "accounts/keys.html", shown)


@require_http_methods(["GET", "HEAD", "POST"])
@member(*KEY_ROLES)
def key_rename(request: MemberRequest, key_id: UUID) -> HttpResponse:
    key = get_object_or_404(ApiKey.objects.of(request.workspace), pk=key_id)
    form = RenameForm(request.POST if request.method == "POST" else None, initial={"name": key.name})
    if not form.is_valid():
        return render(request, "accounts/key_rename.html", {"form": form, "key": key})
    keys.rename(key, form.cleaned_data["name"])
    messages.success(request, f"{key.masked} is now called {key.name}.")
    return redirect("keys")


@require_http_methods(["GET", "HEAD", "POST"])
@member(*KEY_ROLES)
def key_limits(request: MemberRequest, key_id: UUID) -> HttpResponse:
    key = get_object_or_404(ApiKey.objects.of(request.workspace), pk=key_id)
    initial = {name: getattr(key, name) for name, _, _ in KeyLimitsForm.LIMITS}
    posted = request.POST if request.method == "POST" else None
    form = KeyLimitsForm(posted, initial=initial, tier=request.workspace.tier)
    if not form.is_valid():
        return render(request, "accounts/key_limits.html", {"form": form, "key": key})
    keys.limit(key, form.limits)
    messages.success(request, f"The limits of {key.name} hold within half a minute.")
    return redirect("keys")


@require_http_methods(["GET", "HEAD", "POST"])
@member(*KEY_ROLES)
def key_revoke(request: MemberRequest, key_id: UUID) -> HttpResponse:
    now = timezone.now()
    key = get_object_or_404(ApiKey.objects.of(request.workspace), pk=key_id)
    if request.method != "POST":
        return render(request, "accounts/key_revoke.html", {"row": Row(key, key.state(now))})
    if keys.revoke(key, now):
        messages.success(request, f"Key {key.name} ({key.masked}) revoked. New requests with it are refused.")
    else:
        messages.info(request, f"Key {key.name} ({key.masked}) was revoked before.")
    return redirect("keys")
