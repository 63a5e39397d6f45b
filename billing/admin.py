"""Billing for the staff: everything to read, nothing to edit. A price can be added; that ends the one before it."""

# mypy: disable-error-code="type-arg"
# Django's admin and forms take type parameters in the stubs only.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.utils import timezone

from billing import (
    admin_budgets,  # noqa: F401 - it registers its models, as the next two do
    admin_invoices,  # noqa: F401
    admin_payments,  # noqa: F401
    money,
    prices,
)
from billing.admin_readonly import ReadOnly
from billing.errors import BillingError
from billing.models import Balance, Posting, Price, RequestRecord
from billing.pricing import Rates

if TYPE_CHECKING:
    from django.http import HttpRequest


class PriceForm(forms.ModelForm):
    class Meta:
        model = Price
        fields = ("model", "input_nanos", "cached_nanos", "output_nanos", "starts_at")

    def clean(self) -> dict[str, Any]:
        """Try the price book's own rules, so that a refusal is told beside the field."""
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                prices.check(model=cleaned["model"], starts_at=cleaned["starts_at"], now=timezone.now())
            except BillingError as error:
                self.add_error("starts_at", str(error))
        return cleaned


@admin.register(Price)
class PriceAdmin(ReadOnly, admin.ModelAdmin):
    form = PriceForm
    list_display = ("model", "starts_at", "ends_at", "a_million_in", "a_million_cached", "a_million_out")
    ordering = ("model", "-starts_at")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's signature
        return admin.ModelAdmin.has_add_permission(self, request)

    def save_model(self, request: HttpRequest, obj: Price, form: forms.ModelForm, change: Any) -> None:  # noqa: ARG002
        rates = Rates(obj.input_nanos, obj.cached_nanos, obj.output_nanos)
        made = prices.schedule(model=obj.model, rates=rates, starts_at=obj.starts_at, now=timezone.now())
        obj.id = made.id

    def a_million_in(self, price: Price) -> str:
        return money.per_million(price.input_nanos)

    def a_million_cached(self, price: Price) -> str:
        return money.per_million(price.cached_nanos)

    def a_million_out(self, price: Price) -> str:
        return money.per_million(price.output_nanos)


@admin.register(RequestRecord)
class RequestRecordAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("request_id", "workspace_id", "admitted_at", "outcome", "status", "cost")
    list_select_related = False
    show_full_result_count = False  # counting ten million rows takes longer than reading a page of them
    search_fields = ("uid__exact", "request_id__exact")
    ordering = ("-uid",)  # UUIDv7: by time

    def cost(self, record: RequestRecord) -> str:
        return money.exact(record.cost_nanos)


@admin.register(Balance)
class BalanceAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("workspace", "amount", "credit_line")
    list_select_related = ("workspace",)

    def amount(self, balance: Balance) -> str:
        return money.exact(balance.nanos)

    def credit_line(self, balance: Balance) -> str:
        return money.exact(balance.credit_line_nanos)


@admin.register(Posting)
class PostingAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("posted_at", "workspace", "kind", "amount", "key")
    list_select_related = ("workspace",)
    search_fields = ("key__exact",)
    ordering = ("-posted_at",)

    def amount(self, posting: Posting) -> str:
        return money.exact(posting.nanos)
