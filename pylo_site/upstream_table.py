"""The admin's table of upstreams: what the file configures, what operators ordered, what the processes see."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings

from gateway.breaker.rules import Reason
from gateway.breaker.views import State
from gateway.config import load_upstreams
from pylo_site import upstream_states
from pylo_site.models import UpstreamControl

if TYPE_CHECKING:
    from pylo_site.upstream_states import UpstreamReport

WHY = {
    Reason.RUN: "many calls in a row failed",
    Reason.BURST: "half of the calls of 5 s failed",
    Reason.RATE: "three in ten calls of 30 s failed",
    Reason.FEW: "of few calls several in a row failed",
    Reason.SLOW: "first tokens are slow",
    Reason.TIMEOUTS: "first tokens do not come",
    Reason.PROBE: "a probe failed",
    Reason.UNREACHED: "connections to it fail",
    Reason.FLEET: "too many calls of all processes failed",
    Reason.ADOPTED: "other processes say so",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One upstream; without a report no process told of it lately."""

    name: str
    configured: bool
    control: UpstreamControl | None
    report: UpstreamReport | None

    @property
    def draining(self) -> bool:
        return self.control is not None and self.control.draining

    @property
    def takes_requests(self) -> bool | None:
        """None where nobody knows."""
        if self.draining or not self.configured:
            return False
        return None if self.report is None else self.report.state is State.CLOSED

    @property
    def why(self) -> str:
        """Say why its breaker is not closed, in words; a reason of another release as it is."""
        if not self.configured:
            return "not in the upstreams' file"
        return "" if self.report is None else WHY.get(self.report.reason, self.report.reason)  # type: ignore[call-overload]

    @property
    def answered(self) -> int:
        """Calls of the last 30 seconds that had an outcome."""
        if self.report is None:
            return 0
        window = self.report.window
        return window.ok + window.slow + window.failed + window.throttled

    @property
    def failed_percent(self) -> float | None:
        return self._percent(0 if self.report is None else self.report.window.failed)

    @property
    def slow_percent(self) -> float | None:
        return self._percent(0 if self.report is None else self.report.window.slow)

    def _percent(self, part: int) -> float | None:
        return 100 * part / self.answered if self.answered else None


@dataclass(frozen=True, slots=True)
class Table:
    available: bool  # False: Redis cannot be asked, so no row has a report
    rows: tuple[Row, ...]

    @property
    def processes(self) -> int:
        return max((row.report.processes for row in self.rows if row.report), default=0)

    def row(self, name: str) -> Row | None:
        return next((row for row in self.rows if row.name == name), None)

    def warning_for_drain(self, name: str) -> str:
        """Say what draining would do to new requests; empty where others take them."""
        others = [row.takes_requests for row in self.rows if row.name != name]
        if True in others:
            return ""
        if None in others:
            return (
                "Nothing is known now of the upstreams that would remain. "
                "If none of them is healthy, new requests are refused with status 503."
            )
        return "This is the last healthy upstream. From now on new requests are refused with status 503."


def table() -> Table:
    """Read the file, the orders and the states; raise `UpstreamsError` where the file does not hold."""
    upstreams = load_upstreams(settings.PYLO_UPSTREAMS, os.environ)  # noqa: TID251 - the file names the keys' variables
    controls = {control.name: control for control in UpstreamControl.objects.select_related("changed_by")}
    fleet = upstream_states.read()
    reports = {report.name: report for report in fleet.upstreams}
    configured = [upstream.name for upstream in upstreams]
    drained_and_gone = [name for name in sorted(controls) if controls[name].draining and name not in configured]
    return Table(
        fleet.available,
        tuple(
            Row(name, name in configured, controls.get(name), reports.get(name))
            for name in (*configured, *drained_and_gone)
        ),
    )
