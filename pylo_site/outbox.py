"""The sandbox's mail: written to a directory instead of sent, and shown on /outbox/. Never outside the sandbox."""

from __future__ import annotations

import os
import re
import secrets
import time
from dataclasses import dataclass
from email import policy
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend
from django.http import Http404
from django.shortcuts import render
from django.views.decorators.http import require_safe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from django.core.mail import EmailMessage
    from django.http import HttpRequest, HttpResponse

SHOWN = 50
CODE = re.compile(r"^\d{6}$", re.MULTILINE)


class Backend(BaseEmailBackend):
    """Puts each message into a file of its own, readable by its owner only, complete from the moment it is there."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        directory = Path(settings.PYLO_OUTBOX_DIR)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for message in email_messages:
            _write(directory, message.message().as_bytes())
        return len(email_messages)


def _write(directory: Path, content: bytes) -> None:
    name = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
    unfinished = directory / f"{name}.tmp"
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    unfinished.rename(directory / f"{name}.eml")


@dataclass(frozen=True, slots=True)
class Mail:
    """A message as the page shows it."""

    subject: str
    to: str
    sent_at: datetime
    text: str
    code: str


def read(directory: Path, most: int = SHOWN) -> list[Mail]:
    """Return the newest messages, the newest first."""
    if not directory.is_dir():
        return []
    files = sorted(directory.glob("*.eml"), reverse=True)[:most]
    return [_parse(file.read_bytes()) for file in files]


def _parse(content: bytes) -> Mail:
    message = BytesParser(policy=policy.default).parsebytes(content)
    body = message.get_body(("plain",))
    text = body.get_content().strip() if body else ""
    code = CODE.search(text)
    return Mail(
        subject=str(message["subject"]),
        to=str(message["to"]),
        sent_at=parsedate_to_datetime(str(message["date"])),
        text=text,
        code=code.group() if code else "",
    )


@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    if not settings.PYLO_SANDBOX:
        raise Http404
    mails = read(Path(settings.PYLO_OUTBOX_DIR))
    response = render(request, "accounts/outbox.html", {"mails": mails})
    response.headers["Cache-Control"] = "no-store"
    return response
