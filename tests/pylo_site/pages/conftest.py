"""The cast of the overview: Ada owns a workspace, Oskar another; a visitor has none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.cast import make_user, make_workspace

if TYPE_CHECKING:
    from accounts.models import User, Workspace


@dataclass(frozen=True, slots=True)
class Cast:
    ada: User
    oskar: User
    adas: Workspace
    oskars: Workspace


@pytest.fixture
def cast(db: None) -> Cast:
    ada, oskar = make_user("ada@example.com"), make_user("oskar@example.com")
    return Cast(ada, oskar, make_workspace(ada, name="Engines"), make_workspace(oskar, name="Elsewhere"))
