"""The forms of sign-up and keys."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from allauth.account import forms as account_forms
from django import forms
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction

from accounts.models import KEY_NAME_LENGTH, User

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest, HttpResponse

SAVING_SECONDS = 0.3
DIGITS = {"inputmode": "numeric", "autofocus": True, "placeholder": "123456"}


class SignupForm(account_forms.SignupForm):
    """allauth's, all or nothing; and neither its answer nor its time tells whether the address has an account."""

    account_already_exists: bool

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        self._started = time.monotonic()
        if self.account_already_exists:
            return self._tell_the_owner(request)
        try:
            saved: tuple[User | None, HttpResponse | None] = super().try_save(request)
        except IntegrityError:
            if not User.objects.filter(email__iexact=self.cleaned_data["email"]).exists():
                raise
            return self._tell_the_owner(request)  # two forms at once, and the other was first
        return saved

    def save(self, request: HttpRequest) -> User:
        with transaction.atomic():
            user: User = super().save(request)
        self._wait()
        return user

    def _tell_the_owner(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        self.account_already_exists = True
        make_password(self.cleaned_data["password1"])  # as a new account's
        self._wait()
        told: tuple[User | None, HttpResponse | None] = super().try_save(request)
        return told

    def _wait(self) -> None:
        """Up to here a new account has cost a hash and a commit, a known address a hash; from here on both a mail."""
        time.sleep(max(0.0, self._started + SAVING_SECONDS - time.monotonic()))


class EmailCodeForm(account_forms.ConfirmEmailVerificationCodeForm):
    """A phone shows its digits for it, and the cursor is there already."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs |= DIGITS


class ResetCodeForm(account_forms.ConfirmPasswordResetCodeForm):
    """As `EmailCodeForm`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs |= DIGITS


class KeyForm(forms.Form):
    """A new key. Of two submissions of one form (a reload, a double click) the second makes no second key."""

    LIFETIMES = (("", "Never"), ("30", "In 30 days"), ("90", "In 90 days"), ("365", "In 365 days"))

    name = forms.CharField(max_length=KEY_NAME_LENGTH)
    lifetime = forms.ChoiceField(label="Expires", choices=LIFETIMES, required=False)
    form_token = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs |= {"autocomplete": "off", "autofocus": True}

    def clean_name(self) -> str:
        return _printable(self.cleaned_data["name"])

    def expires_at(self, at: datetime) -> datetime | None:
        days = self.cleaned_data["lifetime"]
        return at + timedelta(days=int(days)) if days else None


class RenameForm(forms.Form):
    name = forms.CharField(max_length=KEY_NAME_LENGTH)

    def clean_name(self) -> str:
        return _printable(self.cleaned_data["name"])


def _printable(name: str) -> str:
    if not name.isprintable():
        message = "A name is one line of printable characters."
        raise forms.ValidationError(message)
    return name
