"""A mail server that refuses connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.mail.backends.base import BaseEmailBackend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.core.mail import EmailMessage


class Away(BaseEmailBackend):
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:  # noqa: ARG002 - Django's signature
        raise ConnectionRefusedError
