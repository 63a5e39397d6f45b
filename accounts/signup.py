"""Opening an account: a new user gets a workspace of their own. The caller holds the transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accounts.models import Membership, Role, User, Workspace

if TYPE_CHECKING:
    from datetime import datetime

NAME_LENGTH = 80


def open_workspace(*, owner: User, at: datetime) -> Workspace:
    """Make "<local part>'s workspace", owned by `owner`."""
    suffix = "'s workspace"
    local_part = owner.email.partition("@")[0][: NAME_LENGTH - len(suffix)]
    workspace = Workspace.objects.create(name=local_part + suffix, created_at=at)
    Membership.objects.create(workspace=workspace, user=owner, role=Role.OWNER, created_at=at)
    return workspace
