"""Tax ids as their countries spell them, told from mistyped ones by their check digits. Pure."""

from __future__ import annotations

from typing import Any

import stdnum
from stdnum.eu import vat
from stdnum.exceptions import ValidationError

from billing.errors import BillingError

GREECE, GREEK = "GR", "EL"  # the prefix of a Greek VAT number is not the country's code


class Mistyped(BillingError):  # noqa: N818 - reads as what it is
    """No tax id of that country looks so."""


def normalised(country: str, written: str) -> str:
    """Return it as it is printed; where nothing is known of a country's ids, as it was written. Raises `Mistyped`."""
    number = " ".join(written.split())
    if not number or not country:
        return number
    try:
        if country.lower() in vat.MEMBER_STATES:
            return _european(country, number)
        known: Any = stdnum.get_cc_module(country.lower(), "vat")
        return number if known is None else _printed(known, number)
    except ValidationError:
        raise Mistyped(f"This is no tax id of the country {country}: check it for a mistyped digit.") from None


def _european(country: str, number: str) -> str:
    prefix = GREEK if country == GREECE else country
    bare = number.upper().replace(" ", "")
    return str(vat.validate(bare if bare.startswith(prefix) else prefix + bare))


def _printed(known: Any, number: str) -> str:
    valid = known.validate(number)
    return str(known.format(valid) if hasattr(known, "format") else valid)
