"""`bin/check`: every check that needs no test data, each by its name; all of them run, also after one failed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pylo_site.local.tests import engines_for
from pylo_site.local.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
LINT_IMPORTS = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
STEPS: Mapping[str, tuple[str, ...]] = {
    "format": ("-m", "ruff", "format", "--check", "--quiet", "."),
    "rules": ("-m", "ruff", "check", "--quiet", "."),
    "types": ("-m", "mypy", "."),
    "imports": ("-c", LINT_IMPORTS),
    "templates' rules": ("-m", "djlint", "templates", "--lint"),
    "templates' format": ("-m", "djlint", "templates", "--check"),
    "migrations": ("manage.py", "makemigrations", "--check", "--dry-run"),
    "settings for production": ("manage.py", "check", "--deploy", "--fail-level", "WARNING"),
    "house rules and documents": ("-m", "pytest", "-q", "tests/test_house_rules.py", "tests/test_docs.py"),
}
PRODUCTION = {  # what a real installation would set, so that the checks of Django judge that one
    "PYLO_PUBLIC_URL": "https://pylo.example",
    "PYLO_SANDBOX": "0",
    "PYLO_LOG_FORMAT": "json",
    "PYLO_UPSTREAMS": str(ROOT / "deploy" / "upstreams.toml"),
    "PYLO_UPSTREAM_MOONSHOT_KEY": "-",
    "PYLO_SECRET_KEY": "0aA_zZ9-bB8yY7cC6xX5dD4wW3eE2vV1fF0uU9gG8tT7hH6sS5iI4",
}


def run(name: str, words: tuple[str, ...], environment: Mapping[str, str]) -> bool:
    """Run one step; shows its line, and what it said when it failed."""
    began = time.monotonic()
    done = subprocess.run(  # noqa: S603 - our own commands
        [PYTHON, *words],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    passed = done.returncode == 0
    print(f"{'ok    ' if passed else 'FAILED'} {name} ({time.monotonic() - began:.1f} s)", flush=True)
    if not passed:
        print("\n".join(f"    {line}" for line in done.stdout.strip().splitlines()), flush=True)
    return passed


def main() -> int:
    try:
        with engines_for("check", dict(os.environ)) as settings:
            failed = [name for name, words in STEPS.items() if not run(name, words, settings | PRODUCTION)]
    except Trouble as trouble:
        print(f"bin/check: {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(f"failed: {', '.join(failed)}" if failed else f"all {len(STEPS)} checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
