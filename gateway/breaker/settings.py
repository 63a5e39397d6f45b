"""The circuit breaker's parameters, with their defaults. Pure values; docs/reliability.md says what each is for."""

from __future__ import annotations

from dataclasses import dataclass, fields

LONGEST_WINDOW = 300  # seconds
MOST = 1_000_000  # a count that is never reached switches its rule off


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSettings:
    """Times are seconds, shares are of 1. The names R0 to R5 are the rules of `gateway.breaker.rules`."""

    window: int = 30  # seconds that outcomes are remembered; longer than three of the longest verdicts
    grace: float = 3.0  # after a start and a close the rules on shares wait: failures come sooner than tokens

    run: int = 10  # R0: failures in a row
    burst_seconds: int = 5  # R1
    burst_calls: int = 10
    burst_share: float = 0.5
    rate_calls: int = 40  # R2, over the whole window; with fewer calls R3 and the run of R4 hold instead
    rate_share: float = 0.3
    few_weight: int = 5  # R3: weight of the failures in a row
    timeout_weight: int = 2
    slow_seconds: int = 10  # R4
    slow_calls: int = 20
    slow_share: float = 0.8
    slow_run: int = 5  # R4: slow ones and failures in a row
    timeouts: int = 4  # R5: with no first token between

    open_first: float = 5.0  # doubles with each trip; half of it is drawn
    open_longest: float = 30.0
    forget_trips: float = 60.0  # closed for so long, the next trip is a first one
    probes: int = 3  # in a row, to close
    probe_lease: float = 10.0  # how long a grant holds when nobody renews it
    ramp: tuple[float, ...] = (0.1, 0.25, 0.5)  # shares of the traffic after a close, then all of it
    ramp_step: float = 5.0

    suspect_seconds: int = 2
    suspect_calls: int = 3  # crossed the slow mark without a token
    suspect_share: float = 0.5
    suspect_for: float = 5.0

    throttled_first: float = 2.0  # where the upstream names no time; doubles each time
    throttled_longest: float = 60.0

    fewest_places: int = 4
    places_cut: float = 0.7  # by a 429 or a first token that did not come, once a second at most
    places_throttled: float = 0.5  # by a time of being throttled
    cut_every: float = 1.0

    warm_share: float = 0.01  # of the traffic that goes to the next priority, so that it is never tried first in need


class ParameterError(ValueError):
    """A name that is no parameter, or a value that it cannot have."""


def tuned(text: str) -> BreakerSettings:
    """Read `name=value` pairs with blanks between them; what is not named keeps its default."""
    defaults = {field.name: field.default for field in fields(BreakerSettings) if not isinstance(field.default, tuple)}
    values: dict[str, int | float] = {}
    for part in text.split():
        name, _, value = part.partition("=")
        default = defaults.get(name)
        try:
            values[name] = int(value) if isinstance(default, int) else float(value)
        except ValueError:
            raise ParameterError(part) from None
        if default is None or not _may_be(name, values[name]):
            raise ParameterError(part)
    return BreakerSettings(**values)  # type: ignore[arg-type]


def _may_be(name: str, value: float) -> bool:
    match name:
        case "window" | "burst_seconds" | "slow_seconds":
            return 1 <= value <= LONGEST_WINDOW
        case "warm_share":
            return 0 <= value <= 1
        case "grace" | "suspect_for":
            return 0 <= value <= MOST
        case _:
            return 0 < value <= MOST
