"""The circuit breaker of one upstream in one process. Pure: a function of what it is told, when, and of what is drawn.

CLOSED ──a rule trips──► OPEN ──its time is up, and a probe is granted──► HALF_OPEN ──3 probes in a row are OK──► CLOSED
                          ▲──────────────a probe fails or is slow─────────────┘
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.breaker import fleet
from gateway.breaker.backoff import Backoff
from gateway.breaker.evidence import Evidence
from gateway.breaker.probing import Probing
from gateway.breaker.rules import Reason
from gateway.breaker.ticket import Ticket
from gateway.breaker.verdicts import Verdict
from gateway.breaker.views import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.breaker.settings import BreakerSettings
    from gateway.breaker.views import Counts, FleetView

OTHERS = frozenset({Reason.FLEET, Reason.ADOPTED})


class Breaker:
    def __init__(self, settings: BreakerSettings, draw: Callable[[], float], now: float) -> None:
        self._settings = settings
        self._backoff = Backoff(settings, draw)
        self.evidence = Evidence(settings)
        self.state = State.CLOSED
        self.reason: Reason | None = None  # why it is open, or last was
        self._epoch = 0  # counts transitions
        self._since = now  # of the state
        self._until = now  # while open
        self.ramping = False
        self._credit = 0.0  # while it ramps up: of a request that is its to take
        self._probing = Probing(settings)
        self._recovered = False
        self._asked_at = float("-inf")  # by a request, for a call

    # -- one call

    def probes(self, now: float) -> bool:
        """Tell a request whether its call may go out as a probe."""
        asked_at, self._asked_at = self._asked_at, now
        return self.state is State.HALF_OPEN and self._probing.allows(asked_at, now)

    def begin(self, slow_after: float, now: float) -> Ticket:
        """Admit a call: a plain one while closed, a probe while half-open."""
        self._asked_at = now
        ticket = Ticket(self._epoch, now, now + slow_after, probe=self.state is State.HALF_OPEN)
        if ticket.probe:
            self._probing.begin(ticket)
        self.evidence.suspicion.watch(ticket)
        return ticket

    def token(self, ticket: Ticket, now: float) -> Verdict:
        """Take a call's first token."""
        if ticket.begun or ticket.failed or ticket.over:
            return Verdict.IGNORED
        slow = now > ticket.slow_at
        self._told(ticket, Verdict.SLOW if slow else Verdict.OK, now)
        ticket.begun = True
        if ticket.epoch == self._epoch:
            self.evidence.token(now, slow=slow)
            if ticket.probe:
                self._probed(now, good=not slow)
            elif slow:
                self._judge(now)
        return Verdict.SLOW if slow else Verdict.OK

    def failed(self, ticket: Ticket, verdict: Verdict, now: float) -> None:
        """Take a call's end by a fault, before its first token or after it."""
        if ticket.over or ticket.failed:
            return
        if not ticket.begun:
            self._told(ticket, verdict, now)
        ticket.failed = True
        if ticket.epoch != self._epoch or verdict is Verdict.IGNORED:
            return
        if not verdict.is_failure:
            self.evidence.count(verdict, now)
            return
        self.evidence.failed(ticket, verdict, now)
        if ticket.probe:
            self._open(Reason.UNREACHED if verdict is Verdict.UNREACHED else Reason.PROBE, now)
        else:
            self._judge(now)

    def end(self, ticket: Ticket, now: float) -> None:
        """Forget a call. Of one that neither began nor failed nothing is known."""
        if ticket.over:
            return
        if not ticket.begun and not ticket.failed:
            self._told(ticket, Verdict.IGNORED, now)
        elif not ticket.failed and ticket.epoch == self._epoch:
            self.evidence.ended()
        ticket.over = True

    def _told(self, ticket: Ticket, verdict: Verdict, now: float) -> None:
        self.evidence.suspicion.look(self._epoch, now)
        self.evidence.suspicion.told(ticket, verdict, self._epoch, now)
        self._probing.end(ticket)

    def _judge(self, now: float) -> None:
        reason = self.evidence.tripped(now, in_grace=now - self._since < self._settings.grace)
        if reason is not None:
            self._open(reason, now)

    def _probed(self, now: float, *, good: bool) -> None:
        if not good:
            self._open(Reason.PROBE, now)
        elif self._probing.good():
            self._recovered = True
            self._close(now)

    # -- transitions

    def _enter(self, state: State, now: float) -> None:
        self.state = state
        self._since = now
        self._epoch += 1
        self._probing.clear()
        self.evidence.clear()

    def _open(self, reason: Reason, now: float) -> None:
        if not self.trips(now):
            self._backoff.forget()
        self._until = now + self._backoff.trip()
        self.reason = reason
        self._enter(State.OPEN, now)

    def _close(self, now: float) -> None:
        self.ramping, self._credit = True, 0.0
        self._enter(State.CLOSED, now)

    # -- the fleet

    def adopt(self, view: FleetView, host: str, now: float) -> None:
        """Take what all processes together saw; `host` is this one's."""
        if self.state is State.CLOSED:
            age = now - self._since
            if age < self._settings.grace:
                return
            if fleet.trips(view, int(age), self._settings):
                self._open(Reason.FLEET, now)
        elif view.recovered and self.reason is not Reason.UNREACHED:
            self._close(now)
            return
        if self.state is not State.HALF_OPEN:
            # Open by the word of others it tells nobody, but waits on: or all would probe after a probe that failed.
            says_so = self.state is State.OPEN and self.reason is not Reason.UNREACHED
            self._merge(min(fleet.believed(view, host, says_so=says_so), self._settings.open_longest), now)

    def _merge(self, remaining: float, now: float) -> None:
        """Be open for as long as others are."""
        if remaining <= 0:
            return
        if self.state is State.CLOSED:
            self._open(Reason.ADOPTED, now)
            self._until = now + remaining
        self._until = max(self._until, now + remaining)
        self._backoff.learn(remaining)

    @property
    def speaks(self) -> bool:
        """Whether it is open by what this process itself saw of the upstream, and others should know."""
        return self.state is State.OPEN and self.reason is not Reason.UNREACHED and self.reason not in OTHERS

    def take_counts(self, now: float) -> Counts:
        self.evidence.suspicion.look(self._epoch, now)
        return self.evidence.take()

    def take_recovered(self) -> bool:
        """Tell once that probes of ours closed it."""
        recovered, self._recovered = self._recovered, False
        return recovered

    def wants_probe(self, now: float) -> bool:
        """Tell whether to ask for the fleet's leave to probe, or for a longer one: with requests to probe with."""
        if self.state is State.OPEN:
            return now >= self._until and now - self._asked_at <= self._settings.probe_lease
        return self.state is State.HALF_OPEN and self._probing.wants_grant(self._asked_at, now)

    def grant(self, now: float) -> None:
        """The leave to probe is ours, for a while."""
        if self.state is State.OPEN and now >= self._until:
            self._enter(State.HALF_OPEN, now)
        if self.state is State.HALF_OPEN:
            self._probing.grant(now)

    # -- as others see it

    def share(self, now: float) -> float:
        """The part of its traffic that it is given: all of it, but for a while after a close."""
        if self.state is not State.CLOSED:
            return 0.0
        if not self.ramping:
            return 1.0
        step = int((now - self._since) / self._settings.ramp_step)
        if step < len(self._settings.ramp):
            return self._settings.ramp[step]
        self.ramping = False
        return 1.0

    def takes(self, now: float) -> bool:
        """Tell whether the next request is one of its share. They are spread evenly, and never more than that."""
        self._credit += self.share(now)
        if self._credit < 1:
            return False
        self._credit -= 1
        return True

    def suspect(self, now: float) -> bool:
        self.evidence.suspicion.look(self._epoch, now)
        return self.evidence.suspicion.suspect(now)

    def trips(self, now: float) -> int:
        quiet = self.state is State.CLOSED and now - self._since >= self._settings.forget_trips
        return 0 if quiet else self._backoff.trips

    def probe_in(self, now: float) -> float | None:
        """Seconds until a probe may go out; 0 while one may, None while closed."""
        if self.state is State.CLOSED:
            return None
        return max(self._until - now, 0.0) if self.state is State.OPEN else 0.0
