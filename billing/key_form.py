"""The form of a new key with its limits, and a budget for it."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.forms import KeyForm
from billing.budget_form import PERIODS, nanos
from billing.models import BudgetPeriod


class BudgetedKeyForm(KeyForm):
    """A new key. Read `budget_nanos` when it is valid: None is no budget."""

    budget = forms.CharField(label="Budget, in dollars", max_length=24, required=False)
    budget_period = forms.ChoiceField(
        label="Budget for", choices=PERIODS, initial=BudgetPeriod.MONTH.value, required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["budget"].widget.attrs |= {"inputmode": "decimal", "autocomplete": "off", "placeholder": "None"}

    @property
    def budget_nanos(self) -> int | None:
        found: int | None = self.cleaned_data["budget"]
        return found

    @property
    def period(self) -> BudgetPeriod:
        return BudgetPeriod(self.cleaned_data["budget_period"] or BudgetPeriod.MONTH)

    def clean_budget(self) -> int | None:
        typed = str(self.cleaned_data["budget"]).strip()
        return nanos(typed) if typed else None
