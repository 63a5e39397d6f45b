"""The amount of a top-up: one of the offered ones, or another within the limits."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms

OFFERED = (10, 25, 50, 100)  # dollars
LEAST, MOST = 5, 1000  # dollars
OTHER = "other"
RANGE = f"Enter an amount from ${LEAST} to ${MOST:,}."


class AddCredit(forms.Form):
    """`amount` is dollars, or "other" and then `other` is. Read `cents` when it is valid."""

    amount = forms.CharField(required=False, max_length=16, initial="25")
    other = forms.CharField(required=False, max_length=16)

    offered = OFFERED

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        # Who typed an amount means it, whatever is still chosen above it.
        field = "other" if cleaned.get("other") or cleaned.get("amount", "") in ("", OTHER) else "amount"
        if not self.has_error(field):
            cleaned["cents"] = self._cents(field, str(cleaned.get(field, "")))
        return cleaned

    @property
    def cents(self) -> int:
        return int(self.cleaned_data["cents"])

    def _cents(self, field: str, typed: str) -> int:
        try:
            dollars = Decimal(typed.strip().removeprefix("$").replace(",", ""))
        except InvalidOperation:
            self.add_error(field, RANGE)
            return 0
        if not dollars.is_finite() or not LEAST <= dollars <= MOST:
            self.add_error(field, RANGE)
            return 0
        cents = dollars * 100
        if cents != cents.to_integral_value():
            self.add_error(field, "Enter dollars and whole cents, such as 37.50.")
            return 0
        return int(cents)
