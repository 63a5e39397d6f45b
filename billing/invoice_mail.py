"""The mail that an invoice was issued, with its PDF. What is to be sent is written in the transaction that issues.

A crash between the mail server's word and ours sends it twice; its Message-ID is the invoice's, so it can be told.
"""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from billing.alerts import READERS
from billing.models import InvoiceMail

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from billing.models import Invoice

log = structlog.get_logger(__name__)


def send(now: datetime) -> int:
    """Send what is to be sent; return how many mails went out. Safe to repeat, and beside another run."""
    waiting = list(InvoiceMail.objects.filter(sent_at=None).order_by("pk").values_list("pk", flat=True))
    return sum(_send(pk, now) for pk in waiting)


def _send(pk: UUID, now: datetime) -> bool:
    try:
        with transaction.atomic():
            unsent = InvoiceMail.objects.select_for_update(skip_locked=True, of=("self",))
            mail = unsent.select_related("invoice__workspace").filter(pk=pk, sent_at=None).first()
            if mail is None:
                return False
            message = _message(mail.invoice, now)
            sent = bool(message.to) and bool(message.send())
            InvoiceMail.objects.filter(pk=pk).update(sent_at=now)
    except OSError as error:  # the mail server: it is not noted, and the next run tries again
        log.warning("invoice_mail.not_sent", invoice=str(pk), error=type(error).__name__)
        return False
    return sent


def _message(invoice: Invoice, now: datetime) -> EmailMessage:
    url = settings.PYLO_PUBLIC_URL + reverse("invoice", args=[invoice.number])
    context = {"invoice": invoice, "workspace": invoice.workspace, "url": url}
    message = EmailMessage(
        " ".join(render_to_string("billing/email/invoice_subject.txt", context).split()),
        render_to_string("billing/email/invoice_message.txt", context),
        to=_readers(invoice),
        headers={
            "Message-ID": f"<invoice-{invoice.number}@{urlsplit(settings.PYLO_PUBLIC_URL).hostname}>",
            "Date": formatdate(now.timestamp()),
        },
    )
    message.attach(f"{invoice.number}.pdf", bytes(invoice.pdf), "application/pdf")
    return message


def _readers(invoice: Invoice) -> list[str]:
    """Return the address of the invoice's own, or whoever reads a workspace's bills."""
    if invoice.buyer.get("invoice_email"):
        return [str(invoice.buyer["invoice_email"])]
    readers = invoice.workspace.memberships.filter(role__in=READERS, user__is_active=True)
    return list(readers.order_by("id").values_list("user__email", flat=True))
