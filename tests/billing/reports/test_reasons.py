"""Every way a request can end has its sentence."""

from __future__ import annotations

import pytest

from billing.reports.reasons import reason
from gateway.usage import CHARGED, Outcome


@pytest.mark.parametrize("outcome", Outcome)
def test_the_sentence_says_what_the_bill_does(outcome: Outcome) -> None:
    found = reason(outcome)
    assert found.charged is (outcome in CHARGED)
    assert found.sentence.startswith("Charged" if found.charged else "Not charged: ")
    assert found.sentence.endswith(".")
    assert found.css in {"badge-ok", "badge-quiet", "badge-warn", "badge-bad"}


def test_no_two_outcomes_share_a_name() -> None:
    assert len({reason(outcome).label for outcome in Outcome}) == len(Outcome)
