"""Typed readers of the environment. Nonsense is collected and refused at once: each problem has a number and a hint."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, DecimalException
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from billing import signing
from gateway.breaker.settings import BreakerSettings, ParameterError, tuned

if TYPE_CHECKING:
    from collections.abc import Mapping

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off", ""})
NANOS_PER_DOLLAR = 1_000_000_000
MOST_NANOS = 2**63 - 1  # that a balance holds
IMAGES = frozenset({".svg", ".png"})
MOST_IMAGE_BYTES = 1_000_000
ADDRESS = re.compile(r"[^@\s,]+@[^@\s,]+")


@dataclass(frozen=True, slots=True)
class Problem:
    """One setting that does not hold: a stable id, what is wrong, and the way out."""

    id: str
    message: str
    hint: str

    def __str__(self) -> str:
        return f"{self.id}: {self.message}\n    hint: {self.hint}"


class Misconfigured(Exception):  # noqa: N818 - reads as what it is: the process is misconfigured
    """The process must not start. Its text lists every problem, not only the first."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        lines = "\n".join(str(problem) for problem in problems)
        super().__init__(f"Pylo does not start: {len(problems)} setting(s) do not hold.\n{lines}")


class Environment:
    """Reads settings out of a mapping; `refuse()` raises `Misconfigured` when any of them was nonsense."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.problems: list[Problem] = []

    def _raw(self, name: str) -> str:
        return self._values.get(name, "").strip()

    def problem(self, check: str, message: str, hint: str) -> None:
        self.problems.append(Problem(check, message, hint))

    def refuse(self) -> None:
        if self.problems:
            raise Misconfigured(self.problems)

    def text(self, name: str, default: str = "") -> str:
        return self._raw(name) or default

    def secrets(self, name: str, check: str, hint: str, *, shortest: int) -> tuple[str, ...]:
        """Read a comma-separated list of secrets, the current one first, each of at least `shortest` characters."""
        values = tuple(part.strip() for part in self._raw(name).split(",") if part.strip())
        if not values:
            self.problem(check, f"{name} is not set.", hint)
        elif min(len(value) for value in values) < shortest:
            self.problem(check, f"{name} has a value of fewer than {shortest} characters.", hint)
        return values

    def secret(self, name: str, check: str, hint: str, *, shortest: int) -> str:
        """Read one secret that may be unset."""
        value = self._raw(name)
        if value and len(value) < shortest:
            self.problem(check, f"{name} has fewer than {shortest} characters.", hint)
        return value

    def addresses(self, name: str, check: str) -> tuple[str, ...]:
        """Read a comma-separated list of e-mail addresses that may be empty."""
        values = tuple(part.strip() for part in self._raw(name).split(",") if part.strip())
        if not all(map(ADDRESS.fullmatch, values)):
            self.problem(check, f"{name} has a value that is no address.", "Give addresses by comma: a@b.example")
        return values

    def image(self, name: str, check: str) -> str:
        """Read the path of an SVG or PNG file that may be unset."""
        value = self._raw(name)
        file = Path(value)
        if value and not (file.suffix in IMAGES and file.is_file() and file.stat().st_size <= MOST_IMAGE_BYTES):
            self.problem(check, f"{name} names no image.", "Give the path of an .svg or .png file of at most 1 MB.")
        return value

    def receipt_keys(self, name: str, *, unset: str, shape: str, order: str) -> tuple[str, ...]:
        """Read a comma-separated list of Ed25519 keys as `billing.signing` spells them, the current one first."""
        values = tuple(part.strip() for part in self._raw(name).split(",") if part.strip())
        if not values:
            self.problem(unset, f"{name} is not set.", "Give 64 random hexadecimal digits: openssl rand -hex 32")
        elif not all(map(signing.is_key, values)):
            self.problem(
                shape,
                f"{name} has a value that is no key.",
                "A private key is 64 hexadecimal digits in lower case; one whose private half is destroyed is public:…",
            )
        elif signing.is_public(values[0]) or len(set(map(signing.public_half, values))) < len(values):
            self.problem(
                order,
                f"{name} has no private key in the first place, or one key twice.",
                "The first signs; to rotate, put a new one before the others, which stay for verification.",
            )
        return values

    def flag(self, name: str, check: str, *, default: bool) -> bool:
        value = self._raw(name).lower()
        if not value:
            return default
        if value not in TRUE | FALSE:
            self.problem(check, f"{name}={value!r} is neither true nor false.", "Set it to 1 or 0.")
        return value in TRUE

    def choice(self, name: str, check: str, *, default: str, among: tuple[str, ...]) -> str:
        value = self._raw(name) or default
        if value not in among:
            self.problem(check, f"{name}={value!r} is not one of {', '.join(among)}.", f"Unset it for {default!r}.")
        return value

    def number(self, name: str, check: str, *, default: int, least: int, most: int) -> int:
        raw = self._raw(name)
        if not raw:
            return default
        try:
            value = int(raw)
        except ValueError:
            self.problem(check, f"{name}={raw!r} is no whole number.", f"Give a number from {least} to {most}.")
            return default
        if not least <= value <= most:
            self.problem(check, f"{name}={value} is out of range.", f"Give a number from {least} to {most}.")
        return value

    def breaker(self, name: str, check: str) -> BreakerSettings:
        """Read parameters of the circuit breaker, as `open_first=5 warm_share=0.02`."""
        try:
            return tuned(self._raw(name))
        except ParameterError as error:
            self.problem(
                check,
                f"{name} has {str(error)!r}.",
                "gateway/breaker/settings.py has the names; 0 is for shares and grace alone.",
            )
            return BreakerSettings()

    def date(self, name: str, check: str) -> date | None:
        """Read a day as YYYY-MM-DD."""
        raw = self._raw(name)
        try:
            return date.fromisoformat(raw) if raw else None
        except ValueError:
            self.problem(check, f"{name}={raw!r} is no date.", "Give a day such as 2026-12-31, or unset it.")
            return None

    def dollars(self, name: str, check: str, *, default: str) -> int:
        """Read an amount in USD ('5', '0.25'); the result is nano-dollars."""
        raw = self._raw(name) or default
        try:
            nanos = Decimal(raw) * NANOS_PER_DOLLAR
        except DecimalException:
            nanos = Decimal(-1)
        if not nanos.is_finite() or not 0 <= nanos <= MOST_NANOS or nanos != nanos.to_integral_value():
            self.problem(check, f"{name}={raw!r} is no amount in USD.", "Give dollars such as 5 or 0.25.")
            return 0
        return int(nanos)

    def url(self, name: str, check: str, *, schemes: tuple[str, ...], default: str = "") -> str:
        """Read a URL. One that does not hold is not repeated: it may have a password in it."""
        raw = self._raw(name) or default
        if not _is_url(raw, schemes):
            what = f"{name} is no {' or '.join(schemes)} URL." if raw else f"{name} is not set."
            hint = f"Give a URL such as {schemes[0]}://host:port/…, with / : # in a password as %2F %3A %23"
            self.problem(check, what, f"{hint}; bin/serve sets one by itself.")
        return raw

    def path(self, name: str, default: Path) -> Path:
        raw = self._raw(name)
        return Path(raw).expanduser().resolve() if raw else default


def _is_url(text: str, schemes: tuple[str, ...]) -> bool:
    """Say whether it names a host or, for an engine on this machine, a path."""
    try:
        parts = urlsplit(text)
        local = not parts.scheme.startswith("http") and parts.path.startswith("/") and parts.path != "/"
        return parts.scheme in schemes and (bool(parts.hostname) or local) and parts.port != 0
    except ValueError:  # of the port, or of an IPv6 address
        return False
