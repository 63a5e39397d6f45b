"""What the environment says of taxes: rates, `DE=19,FR=20`, and where a buyer with a tax id pays them itself."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from billing.taxes import PPM_PER_PERCENT, Rules

if TYPE_CHECKING:
    from pylo_site.env import Environment

RATE = re.compile(r"([A-Z]{2})=(\d{1,2}(?:\.\d{1,4})?)")
COUNTRY = re.compile(r"[A-Z]{2}")


def read(env: Environment) -> Rules:
    rates = {}
    for part in _parts(env, "PYLO_TAX_RATES"):
        if found := RATE.fullmatch(part):
            rates[found[1]] = int(Decimal(found[2]) * PPM_PER_PERCENT)
        else:
            env.problem(
                "pylo.E064",
                "PYLO_TAX_RATES has a part that is no rate.",
                "Give countries and percentages by comma: DE=19,CH=8.1",
            )
    reverse = frozenset(_parts(env, "PYLO_TAX_REVERSE_CHARGE"))
    if not all(map(COUNTRY.fullmatch, reverse)):
        env.problem(
            "pylo.E065",
            "PYLO_TAX_REVERSE_CHARGE has a part that is no country.",
            "Give codes of two letters by comma: AT,FR",
        )
    return Rules(env.text("PYLO_TAX_NAME", "VAT"), rates, reverse)


def _parts(env: Environment, name: str) -> list[str]:
    return [part.strip() for part in env.text(name).split(",") if part.strip()]
