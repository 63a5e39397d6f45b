"""Text is at least 4.5:1 on what it stands on, a field's border 3:1, in the light and in the dark (WCAG 2.2)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

TOKENS = Path(settings.BASE_DIR, "static", "css", "tokens.css").read_text("utf-8")
PAIR = re.compile(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")
COLOURS = {name: (light, dark) for name, light, dark in PAIR.findall(TOKENS)}
PLAIN = ("page", "surface", "sunken")
TEXT = [(ink, ground) for ink in ("ink", "ink-2", "ink-3", "accent-ink") for ground in PLAIN] + [
    ("on-accent", "accent"),
    ("on-bad", "bad"),
    *((state, f"{state}-wash") for state in ("ok", "warn", "bad")),
    *((state, ground) for state in ("ok", "warn", "bad") for ground in PLAIN),
    *(("ink", f"{state}-wash") for state in ("ok", "warn", "bad", "accent")),
]


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_the_measure_itself_holds() -> None:
    assert round(contrast("#000000", "#ffffff"), 2) == 21.0


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), TEXT)
def test_text_can_be_read(ink: str, ground: str, scheme: int) -> None:
    assert contrast(COLOURS[ink][scheme], COLOURS[ground][scheme]) >= 4.5


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ground", PLAIN)
def test_the_border_of_a_field_and_the_focus_ring_can_be_seen(ground: str, scheme: int) -> None:
    assert contrast(COLOURS["line-field"][scheme], COLOURS[ground][scheme]) >= 3
    assert contrast(COLOURS["accent"][scheme], COLOURS[ground][scheme]) >= 3


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("bar", ["accent", "tint-1", "tint-2", "bad"])
def test_every_part_of_a_chart_can_be_seen(bar: str, scheme: int) -> None:
    assert contrast(COLOURS[bar][scheme], COLOURS["surface"][scheme]) >= 3
