"""Invoices for the staff: to read, and to correct by credit notes with the permission "Can add credit note"."""

# mypy: disable-error-code="type-arg"
# Django's admin takes type parameters in the stubs only.

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils import timezone

from billing import credit_form, credit_notes, money
from billing.admin_readonly import ReadOnly
from billing.models import CreditNote, Invoice, InvoiceLine

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

MOST_DOLLARS = 10_000_000  # what is left of the invoice is the real bound


class NoteForm(forms.Form):
    void = forms.BooleanField(
        required=False, label="Void it", help_text="Takes back all that is left of an invoice that is due."
    )
    amount = credit_form.Dollars(least=0, most=MOST_DOLLARS, label="Amount in USD, before tax")
    reason = forms.CharField(max_length=200, help_text="Printed on the credit note.")


class LineInline(ReadOnly, admin.TabularInline):
    model = InvoiceLine
    extra = 0


class NoteInline(ReadOnly, admin.TabularInline):
    model = CreditNote
    exclude = ("pdf",)
    extra = 0


@admin.register(Invoice)
class InvoiceAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("number", "workspace", "issued_at", "period_start", "period_end", "total", "due", "status")
    list_filter = ("status",)
    list_select_related = ("workspace",)
    search_fields = ("number__exact",)
    ordering = ("-issued_at",)
    exclude = ("pdf",)
    inlines = (LineInline, NoteInline)
    change_form_template = "admin/billing/invoice/change_form.html"

    def total(self, invoice: Invoice) -> str:
        return money.cents(invoice.gross_cents)

    def due(self, invoice: Invoice) -> str:
        return money.cents(invoice.due_cents)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.note_view)
        own: list[URLPattern] = [path("<uuid:invoice_id>/credit-note/", view, name="billing_invoice_credit_note")]
        return own + super().get_urls()

    def note_view(self, request: HttpRequest, invoice_id: UUID) -> HttpResponse:
        """Ask how much and why, and issue the credit note."""
        if not request.user.has_perm("billing.add_creditnote"):
            raise PermissionDenied
        invoice = get_object_or_404(Invoice.objects.select_related("workspace"), id=invoice_id)
        left = credit_notes.left_cents(invoice)
        whole = {"amount": f"{left // 100}.{left % 100:02d}"}
        form = NoteForm(request.POST if request.method == "POST" else None, initial=whole)
        if form.is_valid() and self._issue(request, invoice, form):
            return HttpResponseRedirect(reverse("admin:billing_invoice_change", args=[invoice.id]))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Credit note for {invoice.number}",
            "opts": self.opts,
            "invoice": invoice,
            "left": money.cents(left),
            "form": form,
        }
        return render(request, "admin/billing/invoice/credit_note.html", context)

    def _issue(self, request: HttpRequest, invoice: Invoice, form: NoteForm) -> bool:
        """Issue it as the form says; False, with what is wrong beside the field, when it cannot be."""
        reason, by, now = form.cleaned_data["reason"], request.user.get_username(), timezone.now()
        cents, voids = form.cleaned_data["amount"], form.cleaned_data["void"]
        try:
            if voids:
                note = credit_notes.void(invoice, reason=reason, by=by, now=now)
            else:
                note = credit_notes.issue(invoice, cents=cents, reason=reason, by=by, now=now)
        except (credit_notes.TooMuch, credit_notes.NotVoidable) as error:
            form.add_error("void" if voids else "amount", str(error))
            return False
        messages.success(request, f"Credit note {note.number} of {money.cents(note.total_cents)} was issued.")
        self.log_change(request, invoice, f"Credit note {note.number}: {reason}")
        return True
