from __future__ import annotations

import subprocess
import sys

import pytest

from pylo_site.server.processes import asked_for

MAIN = "import sys; from pylo_site.server import loop; loop.install(); import django; django.setup(); \
from pylo_site.server.command import Command; Command().run(sys.argv[1:])"


@pytest.mark.parametrize(
    ("words", "why"), [(["--access-log", "-"], "query strings"), (["-t", "5"], "as if it were whole")]
)
def test_what_daphne_offers_and_would_harm_is_refused(words: list[str], why: str) -> None:
    done = subprocess.run([sys.executable, "-c", MAIN, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert why in done.stderr


def test_one_process_is_no_parent() -> None:
    assert asked_for(["-p", "8001"]) is None
    assert asked_for(["--processes", "1", "-u", "/run/pylo.sock"]) is None


def test_several_take_daphnes_other_words_with_them() -> None:
    several = asked_for(["-b", "0.0.0.0", "-p", "8001", "--processes", "3", "--ping-interval", "5"])  # noqa: S104
    assert several is not None
    assert (several._address, several._count) == (("0.0.0.0", 8001), 3)  # noqa: S104
    assert several._options == ["--ping-interval", "5"]


@pytest.mark.parametrize(
    "words", [["--processes", "0"], ["--processes", "2", "-p", "0"], ["--processes", "2", "-b", "::1"]]
)
def test_several_need_a_port_to_share(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        asked_for(words)
    assert "--processes takes 1 to 256, with an IPv4 address and a port" in capsys.readouterr().err
