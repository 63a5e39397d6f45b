"""The reconciliation of the night: what does not agree is logged, and mailed to the operators once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.core.cache import cache
from django.core.mail import EmailMessage

from pylo_site import reconciling

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.reconciliation.check import Finding
    from pylo_site.reconciling import Means, Outcome

MOST_NAMED = 100  # in a mail; the log has all
ONCE = 20 * 3600  # seconds in which no second mail of the same night goes out, though Redis gave the task out twice

log = structlog.get_logger(__name__)


def reconcile(means: Means, now: datetime) -> Outcome:
    outcome = reconciling.run(means, now, found=_log)
    for said in outcome.not_compared:
        log.warning("reconcile.not_compared", said=said)
    log.info("reconcile.done", findings=len(outcome.findings), not_compared=len(outcome.not_compared))
    if outcome.findings and settings.PYLO_OPERATORS:
        _mail(outcome.findings, now)
    return outcome


def _log(finding: Finding) -> None:
    log.error(
        "reconcile.finding",
        check=finding.check,
        about=finding.about,
        expected=finding.expected,
        found=finding.found,
    )


def _mail(findings: Sequence[Finding], now: datetime) -> None:
    name = f"reconcile:mailed:{now:%Y-%m-%d}"
    if not cache.add(name, 1, ONCE):
        return
    lines = [str(finding) for finding in findings[:MOST_NAMED]]
    if len(findings) > MOST_NAMED:
        lines.append(f"and {len(findings) - MOST_NAMED} more: they are in the log as reconcile.finding")
    text = "\n".join(
        (
            f"The reconciliation of {now:%Y-%m-%d %H:%M} UTC found {len(findings)} numbers that do not agree:",
            "",
            *lines,
            "",
            "Nothing was changed. Run it again: manage.py reconcile",
        )
    )
    subject = f"{len(findings)} numbers of the books do not agree"
    try:
        EmailMessage(subject, text, to=list(settings.PYLO_OPERATORS)).send()
    except OSError as error:  # the mail server; the findings are in the log
        cache.delete(name)
        log.error("reconcile.mail_not_sent", error=type(error).__name__)  # noqa: TRY400 - the edge of a task, no rows
