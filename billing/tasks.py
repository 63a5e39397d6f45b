"""Work outside a request. Each task is one domain call, and safe to run twice: Redis delivers again what took long.

Every task takes `**_`, so that a worker of this release understands the messages of the next.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from billing import (
    alerts,
    balance_alerts,
    dues,
    expiry,
    invoice_mail,
    invoicing,
    partitions,
    refunds,
    repeats,
    rollup,
    topup,
    topup_auto,
    topup_mail,
)
from billing.payments import chosen
from billing.payments.provider import ProviderAway

LOOK_BACK = timedelta(days=2)  # longer than Stripe takes to tell again what was not accepted the first times


@shared_task(name="billing.roll_up_recent")  # type: ignore[untyped-decorator]  # celery ships no types
def roll_up_recent(**_: object) -> None:
    rollup.catch_up(timezone.now())


@shared_task(name="billing.issue_monthly_invoices")  # type: ignore[untyped-decorator]  # as above
def issue_monthly_invoices(**_: object) -> None:
    now = timezone.now()
    invoicing.issue_month(now)
    dues.settle_all(now)


@shared_task(name="billing.mail_invoices")  # type: ignore[untyped-decorator]  # as above
def mail_invoices(**_: object) -> None:
    invoice_mail.send(timezone.now())


@shared_task(name="billing.purge_idempotency")  # type: ignore[untyped-decorator]  # as above
def purge_idempotency(**_: object) -> None:
    repeats.purge(timezone.now())


@shared_task(name="billing.expire_credit")  # type: ignore[untyped-decorator]  # as above
def expire_credit(**_: object) -> None:
    expiry.expire(timezone.now())


@shared_task(name="billing.keep_records")  # type: ignore[untyped-decorator]  # as above
def keep_records(**_: object) -> None:
    """Make the months to come, and let go of what has been kept long enough."""
    now = timezone.now()
    partitions.make_ahead(now)
    if settings.PYLO_REQUEST_ID_DAYS:
        partitions.blank_old(now, settings.PYLO_REQUEST_ID_DAYS)
    partitions.drop_old(now, settings.PYLO_RECORDS_MONTHS)


@shared_task(name="billing.top_up_balances")  # type: ignore[untyped-decorator]  # as above
def top_up_balances(**_: object) -> None:
    """Charge saved cards for balances below their thresholds, and send the mail that came of it."""
    if (provider := chosen.provider()) is not None:
        topup_auto.run(provider, timezone.now())
        topup_mail.send(timezone.now())


@shared_task(name="billing.catch_up_payments")  # type: ignore[untyped-decorator]  # as above
def catch_up_payments(**_: object) -> None:
    """Ask the provider for what its webhooks did not tell. Away, it is asked again the next time."""
    if (provider := chosen.provider()) is not None:
        now = timezone.now()
        refunds.retry(provider, now)
        with suppress(ProviderAway):
            topup.catch_up(provider, since=now - LOOK_BACK, at=now)


@shared_task(name="billing.tell_budgets")  # type: ignore[untyped-decorator]  # as above
def tell_budgets(**_: object) -> None:
    """Tell of budgets that are used up and of balances that are low."""
    alerts.tell(timezone.now())
    balance_alerts.tell(timezone.now())
