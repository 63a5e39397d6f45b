from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.breaker import verdicts
from gateway.breaker.settings import BreakerSettings
from gateway.breaker.views import FleetView, State, UpstreamView
from gateway.config import Upstream
from gateway.faults import FaultKind, UpstreamFault
from gateway.routing import Lease, Routing
from tests.gateway.breaker.reference import Reference

if TYPE_CHECKING:
    from hypothesis.strategies import DataObject

SLOW_AFTER = 4.0
FAULTS = tuple(UpstreamFault(kind, status=503) for kind in FaultKind if kind is not FaultKind.THROTTLED)
UPSTREAM = Upstream(name="a", dialect="openai", base_url="http://127.0.0.1:1", key="k", model="m", concurrency=50)


class Call:
    def __init__(self, lease: Lease, began: float, epoch: int) -> None:
        self.lease = lease
        self.began = began
        self.epoch = epoch  # how many transitions the model had seen
        self.begun = self.failed = False


class Machine(RuleBasedStateMachine):
    """One upstream, told at random what upstreams and fleets can tell, beside the reference."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.calls: list[Call] = []
        self.epoch = 0
        self.granted_until = 0.0
        self.asked_at = float("-inf")
        self.model = Reference(self.now)
        # Its limit of places stays at the cap: a cut by timeouts is a test's of its own.
        still = BreakerSettings(places_cut=1.0)
        self.routing = Routing((UPSTREAM,), still, draw=lambda: 0.5, now=self.now, host="here")

    @property
    def view(self) -> UpstreamView:
        return self.routing.views(self.now)[0]

    @property
    def probing(self) -> list[Call]:
        return [call for call in self.calls if call.lease.probe and not call.begun and not call.failed]

    @initialize(burst=st.lists(st.sampled_from(["ok", "slow", "fail", "hang"]), max_size=45))
    def some_traffic(self, burst: list[str]) -> None:
        for what in burst:
            self.quick(what, 0.3)

    @rule(seconds=st.sampled_from([0.01, 0.3, 1.0, 3.0, 5.0, 31.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def admit(self) -> None:
        lease = self.routing.lease(self.now, slow_after=SLOW_AFTER)
        half_open = self.model.state is State.HALF_OPEN
        places = len(self.calls) < UPSTREAM.concurrency
        granted = self.now < self.granted_until or self.now - self.asked_at > 20
        may_probe = half_open and not self.current_probes() and granted
        if places:
            self.asked_at = self.now
        expected = places and (self.model.state is State.CLOSED or may_probe)
        assert (lease is not None) == expected
        if lease is not None:
            assert (lease.probe, lease.patience) == (half_open, SLOW_AFTER if half_open else None)
            self.calls.append(Call(lease, self.now, self.epoch))

    @rule(what=st.sampled_from(["ok", "slow", "fail", "hang"]), gap=st.sampled_from([0.0, 0.4, 2.0]))
    def quick(self, what: str, gap: float) -> None:
        """Make a call and end it, where one is admitted."""
        self.now += gap
        before = len(self.calls)
        self.admit()
        if len(self.calls) > before:
            call = self.calls[-1]
            self.now += 5.0 if what == "slow" else 0.0
            if what in {"ok", "slow"}:
                self.told_token(call)
            else:
                kind = FaultKind.TIMEOUT if what == "hang" else FaultKind.STATUS
                self.told_fault(call, UpstreamFault(kind, status=503))
            self.told_end(call)

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def token(self, data: DataObject) -> None:
        self.told_token(data.draw(st.sampled_from(self.calls)))

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), fault=st.sampled_from(FAULTS))
    def fault(self, data: DataObject, fault: UpstreamFault) -> None:
        self.told_fault(data.draw(st.sampled_from(self.calls)), fault)

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def release(self, data: DataObject) -> None:
        self.told_end(data.draw(st.sampled_from(self.calls)))

    @rule()
    def grant(self) -> None:
        self.routing.grant_probe("a", self.now)
        self.change(lambda: self.model.grant(self.now))
        if self.model.state is State.HALF_OPEN:
            self.granted_until = self.now + 10

    @rule(hosts=st.integers(1, 3))
    def another_found_it_well(self, hosts: int) -> None:
        local = self.view.reason == "unreached"
        self.routing.adopt("a", FleetView(hosts=hosts, recovered=True), self.now)
        if not local:
            self.change(lambda: self.model.recovered(self.now))

    def told_token(self, call: Call) -> None:
        call.lease.first_token(self.now)
        if not call.begun and not call.failed:
            call.begun = True
            if call.epoch == self.epoch:
                slow = self.now > call.began + SLOW_AFTER
                self.change(lambda: self.model.token(self.now, slow=slow))

    def told_fault(self, call: Call, fault: UpstreamFault) -> None:
        call.lease.failed(fault, self.now)
        if not call.failed:
            call.failed = True
            if call.epoch == self.epoch:
                self.change(lambda: self.model.failed(self.now, verdicts.of(fault), begun=call.begun))

    def told_end(self, call: Call) -> None:
        call.lease.release(self.now)
        call.lease.release(self.now)
        self.calls.remove(call)
        if call.begun and not call.failed and call.epoch == self.epoch:
            self.model.ends.append(True)

    def current_probes(self) -> list[Call]:
        return [call for call in self.probing if call.epoch == self.epoch]

    def change(self, act: object) -> None:
        state = self.model.state
        assert callable(act)
        act()
        self.epoch += self.model.state is not state

    @invariant()
    def it_is_where_the_model_is(self) -> None:
        assert self.view.state is self.model.state
        if self.model.state is State.OPEN:
            assert self.view.probe_in == max(self.model.until - self.now, 0.0)

    @invariant()
    def no_place_leaks(self) -> None:
        assert self.view.in_flight == len(self.calls)

    @invariant()
    def one_probe_at_most_is_out(self) -> None:
        assert len(self.current_probes()) <= 1

    @invariant()
    def waiting_calls_are_those_that_wait(self) -> None:
        waiting = [call for call in self.calls if not call.begun and not call.failed]
        crossed = [call for call in waiting if self.now > call.began + SLOW_AFTER]
        assert self.routing.take_counts(self.now)["a"].waiting == len(crossed)

    def teardown(self) -> None:
        for call in tuple(self.calls):
            self.told_end(call)
        assert self.view.in_flight == 0


Machine.TestCase.settings = settings(max_examples=40, stateful_step_count=50, deadline=None)
TestBreakerStates = Machine.TestCase
