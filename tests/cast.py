"""The people of the tests: plain functions that make a user, a workspace, a key. A suite's own fixtures name them."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING

from allauth.account.models import EmailAddress
from django.test import Client

from accounts import keys
from accounts.models import Membership, Role, User, Workspace
from billing import ledger

if TYPE_CHECKING:
    from accounts.models import ApiKey
    from accounts.tokens import Token

PASSWORD = "five loud green otters"
NOW = datetime(2026, 11, 23, 14, 3, tzinfo=UTC)
_numbers = count(1)


def make_user(email: str = "", *, verified: bool = True, password: str | None = None) -> User:
    """Make a user; without a password (a slow hash) they can be signed in with `signed_in` only."""
    user = User.objects.create_user(email or f"user{next(_numbers)}@example.com", password)
    EmailAddress.objects.create(user=user, email=user.email, verified=verified, primary=True)
    return user


def make_workspace(owner: User | None = None, *, name: str = "Acme", credit_nanos: int = 0) -> Workspace:
    """Make a workspace with its owner (a new user when none is given) and its balance."""
    workspace = Workspace.objects.create(name=name, created_at=NOW)
    join(workspace, owner or make_user(), Role.OWNER)
    ledger.open_balance(workspace=workspace, credit_nanos=credit_nanos, at=NOW)
    return workspace


def join(workspace: Workspace, user: User, role: Role) -> User:
    Membership.objects.create(workspace=workspace, user=user, role=role)
    return user


def make_key(
    workspace: Workspace, *, name: str = "laptop", at: datetime = NOW, expires_at: datetime | None = None
) -> tuple[ApiKey, Token]:
    """Make a key of the workspace's owner."""
    owner = User.objects.get(memberships__workspace=workspace, memberships__role=Role.OWNER)
    return keys.issue(workspace=workspace, name=name, created_by=owner, expires_at=expires_at, at=at)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client
