from __future__ import annotations

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from accounts.models import User


@pytest.mark.parametrize(
    "password",
    [
        "x7#Kq9!vLm2p",  # twelve
        "five loud green otters",
        "ñandú 🦤 über straße",
        "z7" * 512,
        "pylo is where I keep my otters",
    ],
)
def test_a_good_password_is_accepted(password: str) -> None:
    validate_password(password, User(email="alice@example.com"))


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("x7#Kq9!vLm2", "password_too_short"),
        ("z" * 1025, "password_too_long"),
        ("q1w2e3r4t5y6", "password_too_common"),
        ("alice@example.com", "password_too_similar"),
        ("pylo-kimi-2026!", "password_of_our_words"),
        ("PyloAdmin123456", "password_of_our_words"),
    ],
)
def test_a_bad_password_is_refused_with_its_reason(password: str, code: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        validate_password(password, User(email="alice@example.com"))
    assert code in {error.code for error in refusal.value.error_list}


def test_passwords_are_hashed_with_argon2id() -> None:
    assert make_password("five loud green otters").startswith("argon2$argon2id$")
