"""All that is compared, in one run: the books, the invoices' roots, the payment provider, Redis."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from billing import reconciliation
from billing.payments.provider import PaymentError
from billing.reconciliation import payments, purses, roots, sheets
from billing.reconciliation.check import NotCompared, Step
from billing.reconciliation.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from billing.payments.provider import Provider
    from billing.reconciliation.check import Finding
    from billing.reconciliation.purses import Purses

DAYS = 40  # how far back payments are asked for and CSVs are verified
APART = 5.0  # seconds between the two looks at what is held


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a run works with: who is asked, where words go, and time."""

    provider: Provider | None
    purses: Purses
    write: Callable[[str], object]
    seconds: Callable[[], float]
    sleep: Callable[[float], object]
    always: bool  # tell of each step, also in a short run


@dataclass(slots=True)
class Outcome:
    findings: list[Finding] = field(default_factory=list)
    not_compared: list[str] = field(default_factory=list)  # which, and why
    notes: list[str] = field(default_factory=list)  # how much was compared


def run(means: Means, now: datetime, *, days: int = DAYS, found: Callable[[Finding], object]) -> Outcome:
    """Compare everything; `found` is given each finding as soon as there is one."""
    outcome = Outcome()
    since = now - timedelta(days=days)
    steps = [
        *reconciliation.steps(now),
        Step(roots.NAME, lambda: roots.findings(progress.tell)),
        Step(sheets.NAME, lambda: sheets.findings(since, progress.tell)),
        *_provider(means.provider, since),
        Step(purses.NAME, lambda: _purses(means, now, outcome)),
    ]
    progress = Progress(len(steps), means.write, means.seconds, always=means.always)
    for step in steps:
        progress.begin(step.name)
        try:
            made = step.make()
        except NotCompared as error:
            outcome.not_compared.append(f"not compared: {step.name}: {error}")
            continue
        outcome.findings += made
        for each in made:
            found(each)
    return outcome


def _provider(provider: Provider | None, since: datetime) -> list[Step]:
    if provider is None:
        return []

    def make() -> list[Finding]:
        try:
            return payments.findings(provider, since=since)
        except PaymentError as error:
            raise NotCompared(f"the payment provider cannot be asked ({error})") from None

    return [Step(payments.NAME, make)]


def _purses(means: Means, now: datetime, outcome: Outcome) -> list[Finding]:
    earlier = purses.look(means.purses)
    if earlier:
        means.sleep(APART)
    compared = purses.compare(means.purses, earlier, now)
    outcome.notes.append(
        f"Of Redis's purses {compared.compared} were compared, {compared.behind} were not: the balance has moved since "
        f"they were told; {compared.gone} are of budgets that were removed. Processes that are gone hold some of "
        f"{compared.waiting}, until a request asks for them."
    )
    return compared.findings
