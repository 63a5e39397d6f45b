from __future__ import annotations

import pytest
from django.test import Client

from tests.cast import make_user, signed_in

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/accounts/email/", "/accounts/password/change/", "/accounts/logout/"])
def test_a_page_of_a_signed_in_user_is_not_stored(path: str) -> None:
    response = signed_in(make_user(password="five loud green otters")).get(path)
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"])
def test_a_form_with_a_csrf_token_is_not_stored(path: str) -> None:
    assert "no-store" in Client().get(path)["Cache-Control"]
