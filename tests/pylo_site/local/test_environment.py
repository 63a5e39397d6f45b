from __future__ import annotations

import subprocess
import tomllib
from typing import TYPE_CHECKING

import pytest

from pylo_site.local.engines import Engines
from pylo_site.local.environment import completed, keep, public_url, sandboxed
from pylo_site.local.processes import Site
from pylo_site.local.trouble import Trouble

if TYPE_CHECKING:
    from pathlib import Path

ENGINES = Engines("postgresql://pylo@127.0.0.1:1/pylo", "redis://127.0.0.1:2/0")
SANDBOX = Site("127.0.0.1", 8000, upstream_ports=(7001, 7003), payments_port=7002)
BARE = Site("127.0.0.1", 8000, upstream_ports=(), payments_port=None)


def test_without_upstreams_the_sandbox_stands_in_for_everything() -> None:
    assert sandboxed({}) == (True, True)


def test_with_upstreams_there_is_no_sandbox() -> None:
    assert sandboxed({"PYLO_UPSTREAMS": "up.toml"}) == (False, False)


def test_with_upstreams_its_mail_and_payments_may_be_asked_for() -> None:
    assert sandboxed({"PYLO_UPSTREAMS": "up.toml", "PYLO_SANDBOX": "1"}) == (False, True)


@pytest.mark.parametrize("wish", ["0", "perhaps"])
def test_no_sandbox_and_no_upstreams_is_refused(wish: str) -> None:
    with pytest.raises(Trouble, match="PYLO_SANDBOX"):
        sandboxed({"PYLO_SANDBOX": wish})


def test_the_sandbox_is_two_upstreams_like_others(tmp_path: Path) -> None:
    settings = completed({}, SANDBOX, tmp_path, ENGINES)
    first, second = tomllib.loads((tmp_path / "upstreams.toml").read_text())["upstream"]
    assert settings["PYLO_UPSTREAMS"] == str(tmp_path / "upstreams.toml")
    assert (first["base_url"], first["dialect"]) == ("http://127.0.0.1:7001/moonshot/v1", "moonshot")
    assert (second["base_url"], second["dialect"]) == ("http://127.0.0.1:7003/vllm/v1", "vllm")
    assert first["priority"] < second["priority"]
    assert settings[first["key_env"]] == "sandbox"
    assert settings["PYLO_PAYMENTS_URL"] == "http://127.0.0.1:7002"
    assert settings["PYLO_SIGNUP_CREDIT"] == "5"


def test_what_was_set_by_hand_stays(tmp_path: Path) -> None:
    settings = completed({"PYLO_SIGNUP_CREDIT": "7", "PYLO_SECRET_KEY": "", "EDITOR": ""}, SANDBOX, tmp_path, ENGINES)
    assert settings["PYLO_SIGNUP_CREDIT"] == "7"
    assert len(settings["PYLO_SECRET_KEY"]) >= 50
    assert settings["EDITOR"] == ""


def test_without_the_sandbox_nothing_of_it_is_set(tmp_path: Path) -> None:
    settings = completed({}, BARE, tmp_path, ENGINES)
    assert not settings.keys() & {"PYLO_SANDBOX", "PYLO_PAYMENTS_URL", "PYLO_SIGNUP_CREDIT", "PYLO_UPSTREAMS"}
    assert not (tmp_path / "upstreams.toml").exists()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://localhost:8000"),
        ("0.0.0.0", "http://localhost:8000"),  # noqa: S104 - only named
        ("192.0.2.7", "http://192.0.2.7:8000"),
        ("2001:db8::7", "http://[2001:db8::7]:8000"),
    ],
)
def test_the_public_address_is_one_a_browser_reaches(host: str, url: str) -> None:
    assert public_url(Site(host, 8000, (), None)) == url


def test_the_kept_settings_can_be_read_by_a_shell(tmp_path: Path) -> None:
    file = tmp_path / "serve.env"
    keep({"PYLO_MAIL_FROM": "It's <us> $HOME", "PATH": "/bin"}, file)
    said = subprocess.run(["/bin/sh", "-c", f'. {file}; printf %s "$PYLO_MAIL_FROM"'], capture_output=True, check=True)
    assert said.stdout == b"It's <us> $HOME"
    assert "PATH" not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
