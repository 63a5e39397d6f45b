"""One line of an invoice, opened down to the requests that it sums."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_safe

from accounts.tenancy import member
from billing.reports import invoice_lines

if TYPE_CHECKING:
    from accounts.tenancy import MemberRequest


@require_safe
@member()
def invoice_line_csv(request: MemberRequest, number: str, position: int) -> HttpResponse:
    """Send the very requests whose exact costs sum to the line."""
    found = invoice_lines.line_requests(request.workspace, number, position)
    if found is None:
        raise Http404
    headers = {"Content-Disposition": f'attachment; filename="{number}-line-{position}.csv"'}
    parts = invoice_lines.chunks(found)
    streamed = StreamingHttpResponse(parts, content_type="text/csv; charset=utf-8", headers=headers)
    return cast("HttpResponse", streamed)  # an HttpResponseBase is all that Django asks for
