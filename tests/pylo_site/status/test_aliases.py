from __future__ import annotations

from dataclasses import replace

from gateway.config import Upstream
from pylo_site.status.aliases import aliased

ONE = Upstream(name="moonshot", dialect="moonshot", base_url="https://api.moonshot.ai/v1", key="k", model="m")


def test_an_upstream_is_called_by_a_letter_or_by_its_alias() -> None:
    upstreams = [ONE, replace(ONE, name="b", alias="Reserve"), *(replace(ONE, name=f"u{n}") for n in range(25))]
    found = aliased(upstreams)
    assert (found["moonshot"], found["b"], found["u0"], found["u24"]) == (
        "Upstream A",
        "Reserve",
        "Upstream C",
        "Upstream 27",
    )
