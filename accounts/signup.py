"""Opening an account: a new user gets a workspace of their own, in the first tier. The caller holds the transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accounts.models import Membership, Role, Tier, User, Workspace

if TYPE_CHECKING:
    from datetime import datetime

NAME_LENGTH = 80


def open_workspace(*, owner: User, at: datetime) -> Workspace:
    """Make "<local part>'s workspace", owned by `owner`."""
    suffix = "'s workspace"
    local_part = owner.email.partition("@")[0][: NAME_LENGTH - len(suffix)]
    tier = Tier.objects.filter(is_first=True).first()
    workspace = Workspace.objects.create(name=local_part + suffix, created_at=at, tier=tier)
    Membership.objects.create(workspace=workspace, user=owner, role=Role.OWNER, created_at=at)
    return workspace
