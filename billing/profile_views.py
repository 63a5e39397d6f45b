"""The page of a workspace's billing profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.tenancy import member
from billing.models import BillingProfile
from billing.profile_form import ProfileForm
from billing.views_invoices import PAYERS

if TYPE_CHECKING:
    from django.http import HttpResponse

    from accounts.tenancy import MemberRequest

log = structlog.get_logger(__name__)


@require_http_methods(["GET", "HEAD", "POST"])
@member()
def profile_page(request: MemberRequest) -> HttpResponse:
    """Show who is billed to every member; whoever pays may change it."""
    found = BillingProfile.objects.filter(workspace=request.workspace).first()
    profile = found or BillingProfile(workspace=request.workspace)
    may_change = request.role in PAYERS
    if request.method != "POST":
        form = ProfileForm(instance=profile)
        return render(request, "billing/profile.html", {"form": form, "may_change": may_change})
    if not may_change:
        raise PermissionDenied
    form = ProfileForm(request.POST, instance=profile)
    if not form.is_valid():
        return render(request, "billing/profile.html", {"form": form, "may_change": True})
    profile = form.save(commit=False)
    profile.updated_at = timezone.now()
    profile.save()
    log.info("billing_profile.set", workspace=str(request.workspace.id), user=request.user.pk)
    messages.success(request, "Saved. It is on your next invoice; those issued stay as they are.")
    return redirect("billing_profile")
