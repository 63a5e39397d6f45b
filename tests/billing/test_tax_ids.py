from __future__ import annotations

import pytest

from billing.tax_ids import Mistyped, normalised


@pytest.mark.parametrize(
    ("country", "written", "printed"),
    [
        ("DE", " de 136 695 976 ", "DE136695976"),
        ("DE", "136695976", "DE136695976"),
        ("GR", "094259216", "EL094259216"),
        ("GR", "EL 094259216", "EL094259216"),
        ("CH", "CHE107787577IVA", "CHE-107.787.577 IVA"),
        ("US", "12-3456789", "12-3456789"),
        ("", "whatever", "whatever"),
        ("DE", "", ""),
    ],
)
def test_a_tax_id_is_kept_as_its_country_prints_it(country: str, written: str, printed: str) -> None:
    assert normalised(country, written) == printed


@pytest.mark.parametrize(("country", "written"), [("DE", "DE136695977"), ("FR", "DE136695976"), ("CH", "CHE123")])
def test_a_mistyped_one_is_refused(country: str, written: str) -> None:
    with pytest.raises(Mistyped, match=country):
        normalised(country, written)
