"""Payments for the staff: to read, and to refund with the permission "Can change payment"; the history says who did."""

# mypy: disable-error-code="type-arg"
# Django's admin takes type parameters in the stubs only.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils import timezone

from billing import credit_form, money, refunds
from billing.admin_readonly import ReadOnly
from billing.models import AutoTopUp, Payment, Refund, TopUpAttempt
from billing.payments import chosen
from billing.payments.provider import PaymentError, ProviderAway

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

MOST_DOLLARS = 1_000_000  # what is left of the payment is the real bound


class RefundForm(forms.Form):
    amount = credit_form.Dollars(least=0, most=MOST_DOLLARS, label="Amount in USD")
    reason = forms.CharField(max_length=200, help_text="The customer reads it on the billing page.")


class RefundInline(ReadOnly, admin.TabularInline):
    model = Refund
    extra = 0


@admin.register(Payment)
class PaymentAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("payment_intent", "workspace", "created_at", "purpose", "status", "amount")
    list_select_related = ("workspace",)
    search_fields = ("payment_intent__exact",)
    ordering = ("-created_at",)
    inlines = (RefundInline,)
    change_form_template = "admin/billing/payment/change_form.html"

    def amount(self, payment: Payment) -> str:
        return money.cents(payment.amount_cents)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.refund_view)
        own: list[URLPattern] = [path("<int:payment_id>/refund/", view, name="billing_payment_refund")]
        return own + super().get_urls()

    def refund_view(self, request: HttpRequest, payment_id: int) -> HttpResponse:
        """Ask how much and why, and give it back."""
        if not request.user.has_perm("billing.change_payment"):
            raise PermissionDenied
        provider = chosen.provider()
        payment = get_object_or_404(Payment.objects.select_related("workspace"), id=payment_id)
        if provider is None or provider.name != payment.provider:
            raise Http404
        left = refunds.left_cents(payment)
        form = RefundForm(request.POST if request.method == "POST" else None)
        if form.is_valid() and self._refund(request, payment, form):
            return HttpResponseRedirect(reverse("admin:billing_payment_change", args=[payment.id]))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Refund {payment.payment_intent}",
            "opts": self.opts,
            "payment": payment,
            "left": money.cents(left),
            "form": form,
        }
        return render(request, "admin/billing/payment/refund.html", context)

    def _refund(self, request: HttpRequest, payment: Payment, form: RefundForm) -> bool:
        """Refund as the form says; False, with what is wrong beside the field, when it cannot be."""
        cents, reason, by = form.cleaned_data["amount"], form.cleaned_data["reason"], request.user.get_username()
        provider: Any = chosen.provider()
        try:
            refunds.ask(payment, cents=cents, by=by, reason=reason, provider=provider, at=timezone.now())
        except ProviderAway:
            messages.warning(request, "The provider could not answer; it is asked again until it does.")
        except (refunds.TooMuch, PaymentError) as error:
            form.add_error("amount", str(error))
            return False
        else:
            messages.success(request, f"{money.cents(cents)} was refunded.")
        self.log_change(request, payment, f"Refund of {money.cents(cents)}: {reason}")
        return True


@admin.register(AutoTopUp)
class AutoTopUpAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("workspace", "enabled", "below_cents", "add_cents", "declines", "switched_off_at")
    list_select_related = ("workspace",)


@admin.register(TopUpAttempt)
class TopUpAttemptAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("started_at", "workspace", "status", "amount_cents", "decline", "payment_intent")
    list_select_related = ("workspace",)
    ordering = ("-started_at",)
