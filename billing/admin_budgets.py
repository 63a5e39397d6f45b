"""Budgets for the staff: whose, how long, how much, and what is spent of it in its period now."""

# mypy: disable-error-code="type-arg"
# Django's admin takes type parameters in the stubs only.

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Case, DateField, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from billing import money, spends
from billing.admin_readonly import ReadOnly
from billing.models import Budget, BudgetPeriod, Spend

if TYPE_CHECKING:
    from datetime import date

    from django.http import HttpRequest


@admin.register(Budget)
class BudgetAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("workspace", "holder", "period", "limit", "spent")
    list_select_related = ("workspace", "key")
    list_filter = ("period",)
    search_fields = ("=workspace__id", "workspace__name", "=key__id", "key__name")
    ordering = ("workspace__name", "key__name", "period")
    fields = ("id", "workspace", "holder", "period", "limit", "spent", "left", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Read what is spent beside the page's rows, in the one statement."""
        return with_spent(super().get_queryset(request), timezone.now().astimezone(UTC).date())

    def holder(self, budget: Any) -> str:
        return f"key {budget.key.name} ({budget.key.masked})" if budget.key else "the workspace"

    def limit(self, budget: Any) -> str:
        return money.exact(budget.limit_nanos)

    def spent(self, budget: Any) -> str:
        return money.exact(budget.spent_nanos)

    def left(self, budget: Any) -> str:
        return money.exact(budget.limit_nanos - budget.spent_nanos)


def with_spent(budgets: QuerySet[Any], today: date) -> QuerySet[Any]:
    """Add `spent_nanos`, of the period that `today` is in."""
    starts = [When(period=each.value, then=Value(spends.starts_on(each, today))) for each in BudgetPeriod]
    spent = Spend.objects.filter(
        holder=OuterRef("holder_id"), period=OuterRef("period"), starts_on=OuterRef("starts_on")
    )
    whose = budgets.annotate(
        holder_id=Coalesce("key_id", "workspace_id"), starts_on=Case(*starts, output_field=DateField())
    )
    result: QuerySet[Any] = whose.annotate(spent_nanos=Coalesce(Subquery(spent.values("nanos")), Value(0)))
    return result
