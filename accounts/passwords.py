"""Password rules beside Django's: an upper bound, and nothing made of the words that stand on our own pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError

if TYPE_CHECKING:
    from accounts.models import User

LONGEST = 1024
OUR_WORDS = re.compile(r"pylo|kimi|moonshot|ai|api|sh|key|password|passwort|account|admin|login|welcome|qwerty")
NOT_A_LETTER = re.compile(r"[\W\d_]+")


class NotTooLong:
    def validate(self, password: str, user: User | None = None) -> None:  # noqa: ARG002 - Django's signature
        if len(password) > LONGEST:
            message = f"A password has at most {LONGEST} characters."
            raise ValidationError(message, code="password_too_long")

    def get_help_text(self) -> str:
        return f"At most {LONGEST} characters."


class NotOnlyOurWords:
    """Refuse "pylo-kimi-2026": a guesser starts with the name of the site."""

    def validate(self, password: str, user: User | None = None) -> None:  # noqa: ARG002 - Django's signature
        letters = NOT_A_LETTER.sub("", password.lower())
        if letters and not OUR_WORDS.sub("", letters):
            message = "This password is made of the words a guesser tries first here."
            raise ValidationError(message, code="password_of_our_words")

    def get_help_text(self) -> str:
        return "Not made of Pylo's own words alone."
