"""The form of a workspace's billing profile."""

from __future__ import annotations

from typing import Any

from django import forms

from billing import tax_ids
from billing.countries import COUNTRIES
from billing.models import BillingProfile

MOST_LINES = 6


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]  # the stubs' only
    country = forms.ChoiceField(
        required=False, choices=[("", "–"), *sorted(COUNTRIES.items(), key=lambda country: country[1])]
    )

    class Meta:
        model = BillingProfile
        fields = ("legal_name", "address", "country", "tax_id", "reference", "email")
        labels = {
            "legal_name": "Legal name",
            "tax_id": "Tax id",
            "reference": "Your reference or purchase order",
            "email": "E-mail for invoices",
        }
        widgets = {"address": forms.Textarea(attrs={"rows": 4, "autocomplete": "street-address"})}

    def clean_address(self) -> str:
        lines = [" ".join(line.split()) for line in self.cleaned_data["address"].splitlines()]
        lines = [line for line in lines if line]
        if len(lines) > MOST_LINES:
            raise forms.ValidationError(f"At most {MOST_LINES} lines fit on an invoice.")
        return "\n".join(lines)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        number, country = cleaned.get("tax_id", ""), cleaned.get("country", "")
        if number and "country" in cleaned and not country:
            self.add_error("country", "Choose the country of the tax id.")
        elif number:
            try:
                cleaned["tax_id"] = tax_ids.normalised(country, number)
            except tax_ids.Mistyped as error:
                self.add_error("tax_id", str(error))
        return cleaned
