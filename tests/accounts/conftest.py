"""The fixed cast: Alice owns Acme, Bob develops there, Victor may look; Charlie has a workspace of his own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from django.core.cache import cache

from accounts.models import Role
from tests import cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from accounts.models import ApiKey, User, Workspace
    from accounts.tokens import Token


NAMES = ("alice", "bob", "victor", "charlie")


@dataclass(frozen=True, slots=True)
class Cast:
    acme: Workspace
    alice: User
    bob: User
    victor: User
    charlie: User
    key: ApiKey
    token: Token


@pytest.fixture
def people(db: None) -> Cast:
    alice, bob, victor, charlie = (cast.make_user(f"{name}@example.com") for name in NAMES)
    acme = cast.make_workspace(alice)
    cast.join(acme, bob, Role.DEVELOPER)
    cast.join(acme, victor, Role.VIEWER)
    cast.make_workspace(charlie, name="Elsewhere")
    key, token = cast.make_key(acme)
    return Cast(acme=acme, alice=alice, bob=bob, victor=victor, charlie=charlie, key=key, token=token)


@pytest.fixture
def fresh_limits() -> Iterator[None]:
    """Rate limits live in the real cache, longer than a test."""
    cache.clear()
    yield
    cache.clear()
