"""Budgets in templates of pages that are not billing's: `{% load budgets %}{% budgets_of workspace as budgets %}`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template
from django.utils import timezone

from billing import budgets as book

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from accounts.models import Workspace
    from billing.budgets import Standing

register = template.Library()


@register.simple_tag
def budgets_of(workspace: Workspace) -> dict[UUID, list[Standing]]:
    """Return how the budgets of its usable keys stand, by the key."""
    found: dict[UUID, list[Standing]] = {}
    for each in book.standing(workspace, timezone.now()):
        if each.budget.key_id is not None:
            found.setdefault(each.budget.key_id, []).append(each)
    return found


@register.filter
def of_key(budgets: Mapping[UUID, list[Standing]], key_id: UUID) -> list[Standing]:
    return budgets.get(key_id, [])
