"""What Redis says of purses, beside Postgres and beside the processes that live. Reads only.

A purse is what a gateway's process may be refused money for: a balance or a budget in a period (docs/decisions,
0022). Redis is read first and Postgres after it, so Postgres is never the older of the two. What is left is compared
where both have the same version of the balance: while traffic runs Redis is a look behind, and that is no disagreement.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from django.db import connection

from billing.models import JournalWriter
from billing.reconciliation.check import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

NAME = "what Redis has of balances and budgets is what Postgres has, and nobody who is gone holds any of it"
MOST_TOLD = 2**52  # gateway/purses.py tells Redis no more
SWEPT = timedelta(minutes=1)  # after a burial: the next look at a purse drops what the dead process held of it
_BOOKS = """
SELECT asked.name, coalesce(balance.version, 0),
       CASE WHEN asked.period = '' THEN coalesce(balance.nanos + balance.credit_line_nanos, 0)
            ELSE budget.limit_nanos - coalesce(spend.nanos, 0) END
FROM unnest(%s::text[], %s::uuid[], %s::text[], %s::date[], %s::uuid[])
     AS asked (name, workspace_id, period, starts_on, key_id)
LEFT JOIN billing_balance AS balance ON balance.workspace_id = asked.workspace_id
LEFT JOIN billing_budget AS budget ON budget.workspace_id = asked.workspace_id
     AND budget.key_id IS NOT DISTINCT FROM asked.key_id AND budget.period = asked.period
LEFT JOIN billing_spend AS spend ON spend.holder = coalesce(asked.key_id, asked.workspace_id)
     AND spend.period = asked.period AND spend.starts_on = asked.starts_on
"""


@dataclass(frozen=True, slots=True)
class Held:
    """What one process holds of a purse, `at_hand` of it for requests to come."""

    process: str
    generation: int
    nanos: int
    at_hand: int

    @property
    def by_requests(self) -> int:
        """Return what is held beside what is at hand, of which some may be given out since it was told."""
        return max(self.nanos - self.at_hand, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purse:
    """One purse as Redis has it, all of one moment. Without a period it is the balance."""

    name: str
    workspace_id: UUID
    period: str = ""
    starts_on: date | None = None
    key_id: UUID | None = None
    version: int
    left: int | None  # None: no look has told yet
    total: int  # held
    held: tuple[Held, ...] = ()


class Purses(Protocol):
    """Redis, as it is asked here. Each may raise `NotCompared`."""

    def read(self) -> Iterator[Sequence[Purse]]:
        """Yield all purses that count in this life of Redis, some hundreds at once."""
        ...

    def running(self) -> int | None:
        """Return how many calls of upstreams the processes told of in the last seconds; None: nothing is known."""
        ...


Seen = tuple[str, str, int]  # a purse, a process, its generation


@dataclass(slots=True)
class Compared:
    findings: list[Finding]
    compared: int = 0
    behind: int = 0  # another version of the balance: Redis has not looked since
    gone: int = 0  # the budget was removed
    waiting: int = 0  # the dead hold some of it, and nobody has looked since: the next request's look drops that


def look(purses: Purses) -> dict[Seen, tuple[int, int]]:
    """Return what requests hold now, with the version of each purse: for `compare`, some seconds later."""
    return {
        (purse.name, each.process, each.generation): (each.by_requests, purse.version)
        for some in purses.read()
        for purse in some
        for each in purse.held
        if each.by_requests
    }


def compare(purses: Purses, earlier: Mapping[Seen, tuple[int, int]], now: datetime) -> Compared:
    """Compare all purses; `earlier` is a look from five seconds ago or more.

    What has been held since then while nothing was recorded and no call runs is held for no request.
    """
    idle = purses.running() == 0
    result = Compared([])
    for some in purses.read():
        books, burials = _books(some), _burials(some)
        for purse in some:
            version, left = books[purse.name]
            _left(purse, version, left, result)
            result.findings += _total(purse)
            used = any(burials.get(each.process, now) is None for each in purse.held)
            for each in purse.held:
                seen = earlier.get((purse.name, each.process, each.generation))
                stands = idle and seen == (each.by_requests, purse.version)
                if each.nanos < 0:
                    result.findings.append(Finding(NAME, f"purse {purse.name}, held by {each.process}", 0, each.nanos))
                elif each.by_requests and purse.version == version:  # else it may be a cost that a look will take off
                    found = list(_held(purse, each, burials, stands=stands, now=now))
                    result.findings += found if used else []
                    result.waiting += bool(found) and not used
    return result


def _left(purse: Purse, version: int, left: int | None, result: Compared) -> None:
    if purse.version > version:
        result.findings.append(Finding(NAME, f"purse {purse.name}, version", version, purse.version))
    elif left is None:
        result.gone += 1
    elif purse.version < version or purse.left is None:
        result.behind += 1
    else:
        result.compared += 1
        expected = max(-MOST_TOLD, min(left, MOST_TOLD))
        if purse.left != expected:
            result.findings.append(Finding(NAME, f"purse {purse.name}, left", expected, purse.left))


def _total(purse: Purse) -> Iterator[Finding]:
    held = sum(each.nanos for each in purse.held)
    if held != purse.total:
        yield Finding(NAME, f"purse {purse.name}, held in all", held, purse.total)


def _held(
    purse: Purse, each: Held, burials: Mapping[str, datetime | None], *, stands: bool, now: datetime
) -> Iterator[Finding]:
    buried = burials.get(each.process) if each.process in burials else now - SWEPT
    gone = buried is not None and now - buried >= SWEPT
    why = ", gone" if gone else ", idle" if buried is None and stands else ""
    if why:
        yield Finding(NAME, f"purse {purse.name}, held by {each.process}{why}", 0, each.by_requests)


def _books(purses: Sequence[Purse]) -> dict[str, tuple[int, int | None]]:
    """Return the balance's version and what is left, by the purse's name; None where the budget is gone."""
    asked = [(each.name, each.workspace_id, each.period, each.starts_on, each.key_id) for each in purses]
    columns = [[each[column] for each in asked] for column in range(5)]  # five, though nothing is asked
    with connection.cursor() as cursor:
        cursor.execute(_BOOKS, columns)
        return {name: (version, left) for name, version, left in cursor.fetchall()}


def _burials(purses: Sequence[Purse]) -> dict[str, datetime | None]:
    """Return the processes that are known, with the moment of their burial."""
    names = {each.process for purse in purses for each in purse.held}
    return dict(JournalWriter.objects.filter(name__in=names).values_list("name", "buried_at"))
