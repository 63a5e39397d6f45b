"""The upstreams' state now, as the gateway's processes tell it on Redis; where that is away, nothing is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pylo_site import upstream_states

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.breaker.views import State


@dataclass(frozen=True, slots=True)
class LiveUpstream:
    """What of `upstream_states.UpstreamReport` is shown; `share` is the least part of its traffic that it is given."""

    state: State
    draining: bool = False
    throttled_for: float = 0.0
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Live:
    """By the upstreams' names; empty where nobody told anything."""

    upstreams: Mapping[str, LiveUpstream] = field(default_factory=dict)


def live() -> Live:
    found = {}
    for each in upstream_states.read().upstreams:
        share = min((process.view.share for process in each.by_process), default=1.0)
        found[each.name] = LiveUpstream(each.state, each.draining, each.throttled_for, share)
    return Live(found)
