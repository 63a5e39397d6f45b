"""Runs inside Pylo's own Django, through `manage.py shell`: makes a workspace with credit and prints its key."""

from __future__ import annotations

import secrets
import sys

from allauth.account.models import EmailAddress
from django.utils import timezone

from accounts import keys
from accounts.models import Membership, Role, Tier, User, Workspace
from billing import ledger

CREDIT_NANOS = 10**15
LIMITS = ("requests_per_minute", "tokens_per_minute", "concurrent_requests")
UNREACHED = 2**31 - 1


def make() -> None:
    now = timezone.now()
    user = User.objects.create_user(f"bench-{secrets.token_hex(6)}@example.com", secrets.token_urlsafe(16))
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    tier, _ = Tier.objects.get_or_create(name="bench", defaults=dict.fromkeys(LIMITS, UNREACHED))
    workspace = Workspace.objects.create(name="bench", tier=tier)
    Membership.objects.create(workspace=workspace, user=user, role=Role.OWNER)
    ledger.open_balance(workspace=workspace, credit_nanos=CREDIT_NANOS, at=now)
    _, token = keys.issue(workspace=workspace, name="bench", created_by=user, expires_at=None, at=now)
    sys.stdout.write(f"{token.secret}\n")
