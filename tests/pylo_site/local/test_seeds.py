from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_seeds_are_played_without_engines(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pylo_site.local.tests", "--seeds", "2", "--seed", "3"],
        cwd=ROOT,
        env={"PYLO_VAR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.split(" (")[0]) == (0, "2 of 2 seeds hold")
    assert list(tmp_path.iterdir()) == []
