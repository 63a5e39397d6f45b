"""The forms of sign-up and keys."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from allauth.account import forms as account_forms
from django import forms
from django.contrib.auth.hashers import make_password
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import IntegrityError, transaction

from accounts.keys import KeyLimits
from accounts.models import KEY_NAME_LENGTH, User

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest, HttpResponse

    from accounts.models import Tier

SAVING_SECONDS = 0.3
MOST = 2**31 - 1  # of the column
WHOLE = "Enter a whole number from 1 on, or nothing."
TOO_MANY = f"Enter {MOST:,} at most."
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


class KeyLimitsForm(forms.Form):
    """What a key may at most do; an empty field: what its workspace may. Read `limits` when it is valid."""

    LIMITS = (
        ("requests_per_minute", "Requests a minute", "requests a minute"),
        ("tokens_per_minute", "Tokens a minute", "tokens a minute"),
        ("concurrent_requests", "Requests at once", "requests at once"),
    )

    def __init__(self, *args: Any, tier: Tier | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label, words in self.LIMITS:
            most = getattr(tier, name) if tier else MOST
            field = forms.IntegerField(label=label, required=False, min_value=1, max_value=most)
            field.error_messages |= {"invalid": WHOLE, "min_value": WHOLE}
            field.error_messages["max_value"] = TOO_MANY if tier is None else f"The workspace has {most:,} {words}."
            field.validators = [
                MinValueValidator(1, message=WHOLE),
                MaxValueValidator(most, message=field.error_messages["max_value"]),
            ]
            field.widget.attrs |= {"placeholder": f"{most:,}" if tier else "The workspace's", "autocomplete": "off"}
            self.fields[name] = field

    @property
    def limits(self) -> KeyLimits:
        return KeyLimits(**{name: self.cleaned_data[name] for name, _, _ in self.LIMITS})


class KeyForm(KeyLimitsForm):
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
