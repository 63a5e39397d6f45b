"""The forms of budgets: whose, how long, how much."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from django import forms

from accounts.models import ApiKey
from billing.budgets import MOST_NANOS
from billing.models import BudgetPeriod
from billing.money import NANOS_PER_DOLLAR

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import Workspace

AMOUNT = "Enter an amount in dollars, such as 20 or 0.50, with nine decimals at most."
PERIODS = [(period.value, f"{period.label[0].upper()}{period.label[1:]}") for period in BudgetPeriod]


def nanos(typed: str) -> int:
    """Read dollars as people type them; raise `ValidationError`."""
    try:
        amount = Decimal(typed.strip().removeprefix("$").replace(",", "")) * NANOS_PER_DOLLAR
    except InvalidOperation:
        raise forms.ValidationError(AMOUNT) from None
    if not amount.is_finite() or not 0 <= amount < MOST_NANOS or amount != amount.to_integral_value():
        raise forms.ValidationError(AMOUNT)
    return int(amount)


class LimitForm(forms.Form):
    """A limit alone. Read `limit_nanos` when it is valid."""

    limit = forms.CharField(label="Limit, in dollars", max_length=24)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["limit"].widget.attrs |= {"inputmode": "decimal", "autocomplete": "off", "placeholder": "20"}

    @property
    def limit_nanos(self) -> int:
        return int(self.cleaned_data["limit"])

    def clean_limit(self) -> int:
        return nanos(self.cleaned_data["limit"])


class BudgetForm(LimitForm):
    """A budget: `key` is None for the whole workspace."""

    holder = forms.ChoiceField(label="For")
    period = forms.ChoiceField(choices=PERIODS, initial=BudgetPeriod.MONTH.value)

    field_order = ("holder", "period", "limit")

    def __init__(self, *args: Any, workspace: Workspace, at: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        keys = ApiKey.objects.of(workspace).usable(at).order_by("name", "created_at")
        self._keys = {str(key.id): key for key in keys}
        holders: Any = self.fields["holder"]
        holders.choices = [
            ("", "The whole workspace"),
            *((id_, f"{key.name} ({key.masked})") for id_, key in self._keys.items()),
        ]
        holders.required = False

    @property
    def key(self) -> ApiKey | None:
        return self._keys.get(self.cleaned_data["holder"])


class BalanceAlertForm(forms.Form):
    """When to be told that the balance is low; empty or 0: never. Read `below_nanos` when it is valid."""

    below = forms.CharField(label="Tell us below, in dollars", max_length=24, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["below"].widget.attrs |= {"inputmode": "decimal", "autocomplete": "off", "placeholder": "Never"}

    @property
    def below_nanos(self) -> int:
        return int(self.cleaned_data["below"])

    def clean_below(self) -> int:
        typed = str(self.cleaned_data["below"]).strip()
        return nanos(typed) if typed else 0
