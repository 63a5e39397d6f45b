"""Each of the thirty rules of billing has a test that names its number."""

from __future__ import annotations

import re
from pathlib import Path

RULE = re.compile(r"^(?:async )?def test_rule_(\d+)_", re.MULTILINE)


def test_every_rule_of_billing_has_a_test_that_names_it() -> None:
    files = Path(__file__).parent.rglob("test_*.py")
    found = {int(number) for file in files for number in RULE.findall(file.read_text(encoding="utf-8"))}
    assert found == set(range(1, 31))
