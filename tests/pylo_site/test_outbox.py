from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest
from django.core.mail import EmailMultiAlternatives, send_mail
from django.test import Client

from pylo_site import outbox

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import Settings


@pytest.fixture
def directory(settings: Settings, tmp_path: Path) -> Path:
    settings.EMAIL_BACKEND = "pylo_site.outbox.Backend"
    settings.PYLO_OUTBOX_DIR = tmp_path / "deep" / "outbox"
    settings.PYLO_SANDBOX = True
    return tmp_path / "deep" / "outbox"


def send(subject: str, text: str = "Hello.", to: str = "ada@example.com") -> None:
    assert send_mail(subject, text, "Pylo <no-reply@localhost>", [to]) == 1


def test_a_mail_is_one_file_that_only_its_owner_reads(directory: Path) -> None:
    send("One")
    [file] = directory.iterdir()
    assert file.suffix == ".eml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_mails_are_read_back_the_newest_first(directory: Path) -> None:
    send("First", "Grüße.\n\n123456\n")
    send("Second – ünïcode")
    second, first = outbox.read(directory)
    assert (second.subject, first.subject) == ("Second – ünïcode", "First")
    assert (first.to, first.code, first.text) == ("ada@example.com", "123456", "Grüße.\n\n123456")
    assert second.code == ""
    assert first.sent_at <= second.sent_at


def test_an_unfinished_file_is_not_read(directory: Path) -> None:
    send("Done")
    (directory / "99999999999999999999-0.tmp").write_bytes(b"Subj")
    assert [mail.subject for mail in outbox.read(directory)] == ["Done"]


def test_only_so_many_are_read(directory: Path) -> None:
    for number in range(4):
        send(f"Mail {number}")
    assert [mail.subject for mail in outbox.read(directory, most=2)] == ["Mail 3", "Mail 2"]


def test_an_html_alternative_is_not_shown(directory: Path) -> None:
    mail = EmailMultiAlternatives("Both", "the text", to=["ada@example.com"])
    mail.attach_alternative("<p>the html</p>", "text/html")
    mail.send()
    assert outbox.read(directory)[0].text == "the text"


@pytest.mark.django_db
def test_the_page_shows_mails_as_text_and_is_not_stored(directory: Path) -> None:
    send("Your code", "<script>alert(1)</script>\n\n123456\n")
    response = Client().get("/outbox/")
    page = response.content.decode()
    assert "Your code" in page
    assert 'id="code-1">123456<' in page
    assert "<script>alert" not in page
    assert response["Cache-Control"] == "no-store"


@pytest.mark.django_db
def test_an_empty_outbox_says_so(directory: Path) -> None:
    assert "No mail yet" in Client().get("/outbox/").content.decode()
    assert not os.path.lexists(directory)


@pytest.mark.django_db
def test_outside_the_sandbox_there_is_no_outbox(directory: Path, settings: Settings) -> None:
    send("Secret")
    settings.PYLO_SANDBOX = False
    response = Client().get("/outbox/")
    assert response.status_code == 404
    assert "Secret" not in response.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("sandbox", [True, False])
def test_the_verification_page_points_there_in_the_sandbox_alone(
    directory: Path, settings: Settings, *, sandbox: bool
) -> None:
    settings.PYLO_SANDBOX = sandbox
    client = Client()
    client.post("/accounts/password/reset/", {"email": "ada@example.com"}, REMOTE_ADDR="192.0.2.9")
    page = client.get("/accounts/password/reset/confirm/").content.decode()
    assert ('href="/outbox/"' in page) is sandbox
