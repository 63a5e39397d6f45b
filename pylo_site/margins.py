"""What each upstream took of us and what its answers were sold for, over a stretch of time. Reads only."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection

from gateway.config import load_upstreams

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing.periods import Period
    from gateway.config import UpstreamCost

_SUMS = """
SELECT upstream, count(*), coalesce(sum(prompt_tokens), 0)::int8, coalesce(sum(cached_tokens), 0)::int8,
       coalesce(sum(completion_tokens), 0)::int8, coalesce(sum(cost_nanos), 0)::int8,
       coalesce(sum(waived_nanos), 0)::int8
FROM billing_requestrecord WHERE admitted_at >= %s AND admitted_at < %s AND upstream <> ''
GROUP BY upstream ORDER BY upstream
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """One upstream's answers, also the broken and the waived ones: those are paid for too.

    `cost_nanos` is by the upstreams' file as it is now; None where it says no cost. Calls that failed before their
    first token have no tokens here.
    """

    upstream: str
    requests: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    charged_nanos: int
    waived_nanos: int
    cost_nanos: int | None

    @property
    def margin_nanos(self) -> int | None:
        return None if self.cost_nanos is None else self.charged_nanos - self.cost_nanos


def margins(period: Period, costs: Mapping[str, UpstreamCost | None]) -> list[Margin]:
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, [period.start, period.end])
        return [_margin(row, costs.get(row[0])) for row in cursor.fetchall()]


def costs() -> dict[str, UpstreamCost | None]:
    """Read what each configured upstream takes; raise `UpstreamsError` where the file does not hold."""
    upstreams = load_upstreams(settings.PYLO_UPSTREAMS, os.environ)  # noqa: TID251 - the file names the keys' variables
    return {upstream.name: upstream.cost for upstream in upstreams}


def _margin(row: tuple[str, int, int, int, int, int, int], cost: UpstreamCost | None) -> Margin:
    upstream, requests, prompt, cached, completion, charged, waived = row
    return Margin(
        upstream=upstream,
        requests=requests,
        prompt_tokens=prompt,
        cached_tokens=cached,
        completion_tokens=completion,
        charged_nanos=charged,
        waived_nanos=waived,
        cost_nanos=None if cost is None else cost.nanos(prompt, cached, completion),
    )
