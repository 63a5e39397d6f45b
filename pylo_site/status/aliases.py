"""How customers are shown the upstreams: by an alias, never by the name, the host or the vendor."""

from __future__ import annotations

import os
from functools import cache
from string import ascii_uppercase
from typing import TYPE_CHECKING

from django.conf import settings

from gateway.config import UpstreamsError, load_upstreams

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.config import Upstream


@cache
def _upstreams(file: Path) -> tuple[Upstream, ...]:
    return load_upstreams(file, os.environ)  # noqa: TID251 - the file names the keys' variables


def aliases() -> dict[str, str]:
    """Return the alias of each upstream by its name, the one that is tried first first.

    None where the file does not hold: the gateway, which would not have started, is elsewhere.
    """
    try:
        return aliased(_upstreams(settings.PYLO_UPSTREAMS))
    except UpstreamsError:
        return {}


def aliased(upstreams: Sequence[Upstream]) -> dict[str, str]:
    return {each.name: each.alias or f"Upstream {_letter(number)}" for number, each in enumerate(upstreams)}


def _letter(number: int) -> str:
    return ascii_uppercase[number] if number < len(ascii_uppercase) else str(number + 1)
