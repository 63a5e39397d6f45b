"""What a request may be refused for: a workspace's balance, and budgets in their current periods. Pure; nano-dollars.

A request holds the most it can cost in each of its purses, or in none, before any upstream is asked. What a purse has
available is what Postgres says is `left`, less all that is held.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from gateway.amounts import dollars

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

BALANCE: Final = "balance"
TOTAL: Final = "total"
PERIODS: Final = ("day", "week", "month", TOTAL)
BEGINNING: Final = date(1970, 1, 1)  # of the period that has no end
ADJECTIVES: Final = {"day": "daily", "week": "weekly", "month": "monthly", TOTAL: "total"}

MOST_LEFT: Final = 2**52  # Lua's numbers are exact so far: more is told as this, which refuses nobody
LEAST_TOKENS: Final = 64  # of an answer: one that can pay for fewer is refused
USUAL_TOKENS: Final = 32_768  # of an answer whose client gave no limit
SOFT_TOKENS: Final = 4_096  # which such an answer has, where it can be paid
SOFT_SHARE: Final = 8  # and this part of what is available, so that others run beside it
ESCROW_SHARE: Final = 4  # part of what is available that all processes have at hand, should Redis be away
LEAST_ESCROW: Final = 20_000_000  # about one short answer; less is of no use to anybody


@dataclass(frozen=True, slots=True)
class Wanted:
    """The most that a request can come to: a prompt, and `want` tokens; with fewer than `least` it is refused."""

    prompt_tokens: int
    prompt_nanos: int
    token_nanos: int
    want: int
    least: int
    soft: bool = False  # no limit was asked for, so it may be lower where money is short

    def nanos(self, tokens: int) -> int:
        return self.prompt_nanos + tokens * self.token_nanos

    def fits(self, available: int) -> int:
        """Return how many tokens so much money pays for, `want` at most; below `least` is a refusal."""
        rest = available - self.prompt_nanos
        if not self.token_nanos:
            return self.want if rest >= 0 else -1
        tokens = rest // self.token_nanos
        if self.soft:
            tokens = min(tokens, max(SOFT_TOKENS, available // SOFT_SHARE // self.token_nanos))
        return min(tokens, self.want)


def granted(wanted: Wanted, available: Iterable[int]) -> tuple[int, int]:
    """Return the tokens that every purse can pay for, and the index of the purse that can pay for the fewest."""
    fewest, poorest = wanted.want, 0
    for index, free in enumerate(available):
        tokens = wanted.fits(free)
        if tokens < fewest:
            fewest, poorest = tokens, index
    return fewest, poorest


def escrow_of(available: int, processes: int) -> int:
    """Return what each of so many processes has at hand of what is available; nothing of a small purse."""
    share = max(available, 0) // (ESCROW_SHARE * processes)
    return share if share >= LEAST_ESCROW else 0


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that a workspace (no `key_id`) or one of its keys may spend in a period."""

    key_id: UUID | None
    period: str
    limit_nanos: int


@dataclass(frozen=True, slots=True)
class Purse:
    """One of a request's purses. `key` is unique among all, and another one for each period."""

    key: str
    budget: Budget | None = None  # none: the balance
    ends_on: date | None = None

    @property
    def words(self) -> str:
        """Name a budget as its owner knows it: `the daily budget of this API key, $1.00, resets 2026-11-27 …`."""
        if self.budget is None:
            return "the balance of this workspace"
        holder = "this workspace" if self.budget.key_id is None else "this API key"
        text = f"the {ADJECTIVES[self.budget.period]} budget of {holder}, ${dollars(self.budget.limit_nanos, 2)}"
        return f"{text}, resets {self.ends_on} 00:00 UTC" if self.ends_on else text


@dataclass(frozen=True, slots=True)
class Wallet:
    """A workspace's purses as Postgres had them at one moment: `left` by the purse's key."""

    workspace_id: UUID
    version: int
    left: Mapping[str, int]
    budgets: tuple[Budget, ...] = ()
    _purses: dict[tuple[UUID, date], tuple[Purse, ...]] = field(default_factory=dict, compare=False, repr=False)

    def purses(self, key_id: UUID, at_ms: int) -> tuple[Purse, ...]:
        """Return the purses that a request of this key, admitted then, is paid from."""
        day = day_of(at_ms)
        if (known := self._purses.get((key_id, day))) is None:
            budgets = [budget for budget in self.budgets if budget.key_id in (None, key_id)]
            known = (
                Purse(balance_key(self.workspace_id)),
                *(
                    Purse(
                        budget_key(self.workspace_id, budget, start := starts_on(budget.period, day)),
                        budget,
                        ends_on(budget.period, start),
                    )
                    for budget in budgets
                ),
            )
            self._purses[key_id, day] = known
        return known


def balance_key(workspace_id: UUID) -> str:
    return f"{workspace_id.hex}:{BALANCE}"


def budget_key(workspace_id: UUID, budget: Budget, start: date) -> str:
    holder = budget.key_id.hex if budget.key_id else ""
    return f"{workspace_id.hex}:{budget.period}:{start}:{holder}"


def day_of(at_ms: int) -> date:
    return datetime.fromtimestamp(at_ms / 1000, UTC).date()


def starts_on(period: str, day: date) -> date:
    """Return the first day of the period that `day` is in; all of UTC, half-open, weeks from Monday."""
    match period:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case _:
            return BEGINNING


def ends_on(period: str, start: date) -> date | None:
    match period:
        case "day":
            return start + timedelta(days=1)
        case "week":
            return start + timedelta(days=7)
        case "month":
            return (start + timedelta(days=31)).replace(day=1)
        case _:
            return None


def current_and_last(at_ms: int) -> list[tuple[str, date]]:
    """Return each period's start, and that of the one before: what began then may still run."""
    day = day_of(at_ms)
    starts = []
    for period in PERIODS:
        start = starts_on(period, day)
        starts.append((period, start))
        if period != TOTAL:
            starts.append((period, starts_on(period, start - timedelta(days=1))))
    return starts


def told_left(left: int) -> int:
    return max(min(left, MOST_LEFT), -MOST_LEFT)
