"""The upstreams in the admin: what they do now, and the two orders an operator can give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone

from pylo_site import draining, upstream_table
from pylo_site.models import UpstreamControl

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

    UpstreamPages = admin.ModelAdmin[UpstreamControl]
else:  # the stubs' class is generic, Django's is not
    UpstreamPages = admin.ModelAdmin

LIST = "admin:pylo_site_upstreamcontrol_changelist"


class OrderForm(forms.Form):
    reason = forms.CharField(
        max_length=500,
        required=False,
        help_text="For whoever looks next: why, and until when. It is kept in the history.",
    )


@admin.register(UpstreamControl)
class UpstreamAdmin(UpstreamPages):
    fields = ("name", "draining", "reason", "changed_by", "changed_at")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's signature
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - as above
        return False

    def get_urls(self) -> list[URLPattern]:
        own: list[URLPattern] = [
            path(
                "drain/<path:name>", self.admin_site.admin_view(self.drain_view), name="pylo_site_upstreamcontrol_drain"
            ),
            path(
                "restore/<path:name>",
                self.admin_site.admin_view(self.restore_view),
                name="pylo_site_upstreamcontrol_restore",
            ),
        ]
        return own + super().get_urls()

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": "Upstreams",
            "opts": self.opts,
            "table": upstream_table.table(),
            "may_order": self.has_change_permission(request),
        }
        return render(request, "admin/pylo_site/upstreamcontrol/change_list.html", context)

    def drain_view(self, request: HttpRequest, name: str) -> HttpResponse:
        return self._order_view(request, name, drain=True)

    def restore_view(self, request: HttpRequest, name: str) -> HttpResponse:
        return self._order_view(request, name, drain=False)

    def _order_view(self, request: HttpRequest, name: str, *, drain: bool) -> HttpResponse:
        """Ask for a confirmation, and on its POST give the order."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        table = upstream_table.table()
        row = table.row(name)
        if row is None:
            raise Http404
        form = OrderForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            self._order(request, name, reason=form.cleaned_data["reason"], drain=drain)
            return HttpResponseRedirect(reverse(LIST))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Drain {name}?" if drain else f"Restore {name}?",
            "opts": self.opts,
            "row": row,
            "drain": drain,
            "warning": table.warning_for_drain(name) if drain else "",
            "form": form,
        }
        return render(request, "admin/pylo_site/upstreamcontrol/order.html", context)

    def _order(self, request: HttpRequest, name: str, *, reason: str, drain: bool) -> None:
        by: Any = request.user
        order, done = (draining.drain, "Drained") if drain else (draining.restore, "Restored")
        control = order(name, reason=reason, by=by, at=timezone.now())
        self.log_change(request, control, f"{done}: {reason}" if reason else f"{done}.")
        messages.success(request, f"{done}: {name}. Every process follows within seconds.")
