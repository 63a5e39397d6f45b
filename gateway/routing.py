"""In which order upstreams are tried. Pure. The file is sorted once; circuit breakers will skip what is open here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.config import Upstream

MOST_ATTEMPTS = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """The upstreams to try, in order; never the same twice, and never more than the attempts allowed."""

    upstreams: tuple[Upstream, ...]


def plan(upstreams: Sequence[Upstream]) -> Plan:
    return Plan(tuple(upstreams[:MOST_ATTEMPTS]))
