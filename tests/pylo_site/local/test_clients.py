from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from pylo_site.local.clients import SCRIPTS, Client, find, install, run
from pylo_site.local.trouble import Trouble

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def client(tmp_path: Path) -> Client:
    """Make a client without a requirement: installing it asks no index."""
    folder = tmp_path / "clients" / "sdk"
    folder.mkdir(parents=True)
    (folder / "requirements.txt").write_text("")
    return Client(folder, tmp_path / "homes" / "sdk")


def given(client: Client, code: str) -> Client:
    """Give `client` a script, and this Python for its own."""
    (client.folder / "check.py").write_text(code)
    python = client.home / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    return client


def test_clients_are_the_folders_with_pins(client: Client, tmp_path: Path) -> None:
    scripts = client.folder.parent
    (scripts / "node").mkdir()
    (scripts / "node" / "package-lock.json").write_text("{}")
    (scripts / "notes").mkdir()
    assert [one.name for one in find([], homes=tmp_path, scripts=scripts)] == ["node", "sdk"]
    assert find(["sdk"], homes=tmp_path / "homes", scripts=scripts) == [client]


def test_an_unknown_client_is_refused_with_the_names_there_are(client: Client, tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="no client is called other; there are sdk"):
        find(["sdk", "other"], homes=tmp_path, scripts=client.folder.parent)


def test_every_client_has_complete_pins_and_a_script_that_pytest_does_not_collect(tmp_path: Path) -> None:
    for client in find([], homes=tmp_path):
        scripts = {file.name for file in client.folder.iterdir()}
        assert ("check.py" in scripts) is client.python
        assert ("check.mjs" in scripts) is not client.python
        pins = "".join(file.read_text() for file in client.folder.glob("*[ks].*") if file.suffix in {".txt", ".json"})
        assert "resolved" not in pins
    assert list(SCRIPTS.rglob("test_*")) == []


def test_an_environment_is_made_once_and_again_when_its_pins_change(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    install(client)
    assert "sdk: installing" in capsys.readouterr().out
    install(client)
    assert capsys.readouterr().out == ""
    wheel = client.folder / "thing-1-py3-none-any.whl"
    wheel.touch()
    (client.folder / "requirements.txt").write_text(f"thing @ {wheel.as_uri()}\n")
    with pytest.raises(Trouble, match=r"sdk: installing failed: (.*\n)*.*--require-hashes"):
        install(client)
    assert not client.stamp.exists()


def test_a_script_is_given_the_settings_and_a_home_of_its_own(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "the reader's")
    code = (
        "import os; print(os.environ['PYLO_API_KEY'], 'OPENAI_API_KEY' in os.environ, os.environ['HOME'], os.getcwd())"
    )
    done = run(given(client, code), {"PYLO_API_KEY": "ours"})
    scratch = client.home / "scratch"
    assert (done.code, done.stdout, done.stderr) == (0, f"ours False {scratch} {scratch}\n", "")


def test_a_script_that_hangs_is_ended_with_what_it_said(client: Client) -> None:
    code = "import time; print('began', flush=True); time.sleep(60)"
    done = run(given(client, code), {}, patience=1)
    assert (done.code, done.stdout) == (None, "began\n")


def test_a_client_without_its_interpreter_has_ended(client: Client) -> None:
    (client.folder / "check.py").write_text("")
    assert run(client, {}).code == 127
