from __future__ import annotations

import pytest

from gateway.breaker.settings import BreakerSettings, ParameterError, tuned


def test_what_is_not_named_keeps_its_default() -> None:
    assert tuned("") == BreakerSettings()
    assert tuned(" run=3\topen_first=2.5  warm_share=0 ") == BreakerSettings(run=3, open_first=2.5, warm_share=0.0)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "nonsense",
            "run",
            "run=",
            "=5",
            "run=2.5",
            "run=0",
            "run=-1",
            "run=1e3",
            "run=1000001",
            "window=301",
            "window=0",
        ),
        *("open_first=nan", "open_first=inf", "open_first=0", "warm_share=1.1", "ramp=1", "run=3 rum=4"),
    ],
)
def test_what_is_no_parameter_or_has_no_such_value_is_refused(text: str) -> None:
    with pytest.raises(ParameterError):
        tuned(text)
