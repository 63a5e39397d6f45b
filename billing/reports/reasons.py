"""Why a request was or was not charged: one sentence for each way it can end."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.usage import CHARGED, Outcome


@dataclass(frozen=True, slots=True)
class Reason:
    """A short name for lists, and the sentence for the request's own page."""

    label: str
    sentence: str
    charged: bool
    css: str  # of its badge


_WORDS = {
    Outcome.COMPLETED: (
        "Completed",
        "Charged: the answer was delivered to its end.",
    ),
    Outcome.CLIENT_GONE: (
        "Client left",
        "Charged for the prompt and for what was generated until your client closed the connection.",
    ),
    Outcome.CLIENT_GONE_EARLY: (
        "Client left early",
        "Not charged: your client closed the connection before the first token.",
    ),
    Outcome.UPSTREAM_REFUSED: (
        "Refused",
        "Not charged: the model refused the request itself; the error your client received says what to change.",
    ),
    Outcome.UPSTREAM_ERROR: (
        "Upstream error",
        "Not charged: no upstream gave a first token.",
    ),
    Outcome.UPSTREAM_TIMEOUT: (
        "Timed out",
        "Not charged: no upstream gave a first token in time.",
    ),
    Outcome.UPSTREAM_CUT: (
        "Cut off",
        "Not charged: the upstream broke off after the first token, so the answer was not whole.",
    ),
    Outcome.STALLED: (
        "Stalled",
        "Not charged: the upstream fell silent after the first token, so the answer was not whole.",
    ),
    Outcome.NO_TOKENS: (
        "No tokens",
        "Not charged: the model finished without generating anything.",
    ),
    Outcome.SHED: (
        "Shed",
        "Not charged: every upstream was unavailable, so the request was turned away at once.",
    ),
    Outcome.INTERRUPTED: (
        "Interrupted",
        "Not charged: Pylo itself stopped while the request was running.",
    ),
    Outcome.DUPLICATE: (
        "Duplicate",
        "Not charged: it was sent again under the same id with the same body, and one of the two is charged already.",
    ),
}
_QUIET = frozenset({Outcome.CLIENT_GONE_EARLY, Outcome.CLIENT_GONE, Outcome.DUPLICATE})
_MILD = frozenset({Outcome.UPSTREAM_REFUSED, Outcome.NO_TOKENS, Outcome.SHED})


def reason(outcome: Outcome) -> Reason:
    label, sentence = _WORDS[outcome]
    return Reason(label, sentence, charged=outcome in CHARGED, css=_css(outcome))


def _css(outcome: Outcome) -> str:
    if outcome is Outcome.COMPLETED:
        return "badge-ok"
    if outcome in _QUIET:
        return "badge-quiet"
    return "badge-warn" if outcome in _MILD else "badge-bad"
