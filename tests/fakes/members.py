"""Runs inside a stack's own Django, through `manage.py shell`: makes a member with a workspace, credit and a key."""

from __future__ import annotations

import json
import sys
from uuid import UUID

from allauth.account.models import EmailAddress
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Membership, Role, Tier, User, Workspace
from billing import ledger


def make(email: str, password: str, credit_nanos: int) -> None:
    """Print the ids and the key, in clear, as a line of JSON."""
    now = timezone.now()
    user = User.objects.create_user(email, password)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    workspace = Workspace.objects.create(name=email, tier=Tier.objects.get(name="Scale"))
    Membership.objects.create(workspace=workspace, user=user, role=Role.OWNER)
    ledger.open_balance(workspace=workspace, credit_nanos=credit_nanos, at=now)
    key, token = keys.issue(workspace=workspace, name="test", created_by=user, expires_at=None, at=now)
    sys.stdout.write(json.dumps({"workspace": str(workspace.id), "key": str(key.id), "secret": token.secret}) + "\n")


def revoke(key_id: str) -> None:
    keys.revoke(ApiKey.objects.get(id=UUID(key_id)), timezone.now())
