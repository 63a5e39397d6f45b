"""The forms about money that comes in: an amount of credit, and the order to add some by itself."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from django import forms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.payments.provider import Card

OFFERED = (10, 25, 50, 100)  # dollars
LEAST, MOST = 5, 1000  # dollars
OTHER = "other"
RANGE = f"Enter an amount from ${LEAST} to ${MOST:,}."
WHOLE_CENTS = "Enter dollars and whole cents, such as 37.50."
MOST_A_DAY = 10
MOST_A_MONTH = 10_000  # dollars


class AddCredit(forms.Form):
    """`amount` is dollars, or "other" and then `other` is. Read `cents` when it is valid."""

    amount = forms.CharField(required=False, max_length=16, initial="25")
    other = forms.CharField(required=False, max_length=16)
    keep_card = forms.BooleanField(required=False)

    offered = OFFERED

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        # Who typed an amount means it, whatever is still chosen above it.
        field = "other" if cleaned.get("other") or cleaned.get("amount", "") in ("", OTHER) else "amount"
        if not self.has_error(field):
            try:
                cleaned["cents"] = cents(str(cleaned.get(field, "")), least=LEAST, most=MOST)
            except forms.ValidationError as error:
                self.add_error(field, error)
        return cleaned

    @property
    def cents(self) -> int:
        return int(self.cleaned_data["cents"])


class Dollars(forms.CharField):
    """An amount in dollars, from `least` to `most`; its value is cents."""

    def __init__(self, *, least: int, most: int, label: str) -> None:
        super().__init__(max_length=16, label=label, error_messages={"required": "Enter an amount."})
        self._least, self._most = least, most

    def clean(self, value: Any) -> int:
        return cents(str(super().clean(value)), least=self._least, most=self._most)


class AutoTopUpForm(forms.Form):
    """When the balance falls below this, add that, within these bounds, from this card."""

    enabled = forms.BooleanField(required=False)
    below = Dollars(least=1, most=MOST, label="When the balance falls below, USD")
    add = Dollars(least=LEAST, most=MOST, label="Add, USD")
    most_a_day = forms.IntegerField(
        min_value=1,
        max_value=MOST_A_DAY,
        label="Top-ups a day, at most",
        error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), f"Enter 1 to {MOST_A_DAY}."),
    )
    month = Dollars(least=LEAST, most=MOST_A_MONTH, label="USD a month, at most")
    card = forms.CharField(required=False, max_length=80)

    def __init__(self, *args: Any, cards: Sequence[Card], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._cards = {card.id: card for card in cards}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("enabled") and cleaned.get("card") not in self._cards:
            self.add_error("card", "Choose the card to charge.")
        if not self.errors and cleaned["month"] < cleaned["add"]:
            self.add_error("month", "This is less than one top-up.")
        return cleaned

    @property
    def chosen(self) -> Card | None:
        return self._cards.get(str(self.cleaned_data.get("card")))


def cents(typed: str, *, least: int, most: int) -> int:
    """Read an amount in dollars as it is typed; raises what a form shows."""
    wrong = RANGE if (least, most) == (LEAST, MOST) else f"Enter an amount from ${least:,} to ${most:,}."
    try:
        dollars = Decimal(typed.strip().removeprefix("$").replace(",", ""))
    except InvalidOperation:
        raise forms.ValidationError(wrong) from None
    if not dollars.is_finite() or not least <= dollars <= most:
        raise forms.ValidationError(wrong)
    exact = dollars * 100
    if exact != exact.to_integral_value():
        raise forms.ValidationError(WHOLE_CENTS)
    return int(exact)
