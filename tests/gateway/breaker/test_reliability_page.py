from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from gateway.breaker.rules import Reason
from gateway.breaker.settings import BreakerSettings

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "reliability.md").read_text()
NAMED = set(re.findall(r"`([a-z_]+)(?:=[^`]*)?`", PAGE))


def test_every_reason_is_explained() -> None:
    assert {reason.value for reason in Reason} - NAMED == set()


def test_every_parameter_is_explained() -> None:
    assert {field.name for field in fields(BreakerSettings)} - NAMED == set()
