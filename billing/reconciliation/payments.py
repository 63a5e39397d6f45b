"""What the payment provider says was paid and given back, beside what was posted for it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from billing.models import Posting
from billing.money import NANOS_PER_CENT
from billing.payments.provider import Purpose, State
from billing.reconciliation.check import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from billing.payments.provider import Paid, Provider

NAME = "what was paid in and given back is what the provider has"
KINDS = (Posting.Kind.TOP_UP, Posting.Kind.PAYMENT, Posting.Kind.REFUND)
LATE = timedelta(days=3)  # that a payment may be older than its posting


def findings(provider: Provider, *, since: datetime) -> list[Finding]:
    """Compare the payments since then; raise `ProviderAway` where it cannot be asked.

    One that succeeded a moment ago may not be posted yet: it is no finding the next time.
    """
    told = dict(_told(provider.payments(since=since)))
    rows = Posting.objects.filter(kind__in=KINDS)
    posted = dict(rows.filter(key__in=list(told)).values_list("key", "nanos"))
    recent = rows.filter(posted_at__gte=since + LATE).exclude(key__startswith="refund_failed:")
    unknown = {key: nanos for key, nanos in recent.values_list("key", "nanos") if key not in told}
    differing = [(key, nanos, posted.get(key, 0)) for key, nanos in sorted(told.items()) if posted.get(key, 0) != nanos]
    return [
        *(Finding(NAME, f"posting {key}", nanos, found) for key, nanos, found in differing),
        *(Finding(NAME, f"posting {key}", 0, nanos) for key, nanos in sorted(unknown.items())),
    ]


def _told(payments: Iterable[Paid]) -> Iterator[tuple[str, int]]:
    """Return the keys of the postings that there should be, with their nano-dollars."""
    for paid in payments:
        if paid.state is not State.SUCCEEDED or not paid.order.workspace:
            continue
        kind = "payment" if paid.order.purpose is Purpose.INVOICE else "topup"
        yield f"{kind}:{paid.payment_intent}", paid.order.amount_cents * NANOS_PER_CENT
        for refunded in paid.refunds:
            if not refunded.failed:
                yield f"refund:{refunded.id}", -refunded.amount_cents * NANOS_PER_CENT
