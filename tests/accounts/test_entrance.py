"""Sign-in, sign-out, reset and change: allauth's views under our settings and templates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from accounts.models import User
from tests.cast import PASSWORD, make_user, signed_in

if TYPE_CHECKING:
    from django.core.mail import EmailMessage
    from django.http import HttpResponse

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_limits")]

NEW_PASSWORD = "six quiet blue herons"
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="[^"]+"')


def sign_in(client: Client, email: str, password: str = PASSWORD, then: str = "") -> HttpResponse:
    return client.post("/accounts/login/", {"login": email, "password": password, "next": then})  # type: ignore[return-value]


def body(response: HttpResponse, email: str) -> str:
    return TOKEN.sub("", response.content.decode()).replace(email, "…")


def code_in(mail: EmailMessage) -> str:
    [code] = re.findall(r"^\d{6}$", str(mail.body), re.MULTILINE)
    return str(code)


def test_signing_in_lands_on_the_overview_with_a_new_session() -> None:
    make_user("ada@example.com", password=PASSWORD)
    client = Client()
    client.session.save()
    before = client.session.session_key
    assert sign_in(client, "Ada@example.com")["Location"] == "/overview/"
    assert client.session.session_key != before
    assert client.get("/accounts/password/change/").status_code == 200


def test_an_unknown_address_and_a_wrong_password_are_answered_alike() -> None:
    make_user("ada@example.com", password=PASSWORD)
    known = sign_in(Client(), "ada@example.com", "wrong wrong wrong")
    unknown = sign_in(Client(), "nobody@example.com", "wrong wrong wrong")
    assert body(known, "ada@example.com") == body(unknown, "nobody@example.com")
    assert (known.status_code, unknown.status_code) == (200, 200)
    assert 'value="ada@example.com"' in known.content.decode()
    assert "do not match" in known.content.decode()


def test_the_sixth_attempt_on_an_address_is_refused_even_with_the_right_password() -> None:
    make_user("ada@example.com", password=PASSWORD)
    for _ in range(5):
        sign_in(Client(), "ada@example.com", "wrong wrong wrong")
    client = Client()
    assert "Too many attempts" in sign_in(client, "ada@example.com").content.decode()
    assert client.get("/accounts/password/change/").status_code == 302


def test_signing_in_unverified_sends_a_code_and_lets_nobody_in(mailoutbox: list[EmailMessage]) -> None:
    make_user("ada@example.com", password=PASSWORD, verified=False)
    client = Client()
    assert sign_in(client, "ada@example.com")["Location"] == "/accounts/confirm-email/"
    assert client.get("/accounts/password/change/").status_code == 302
    client.post("/accounts/confirm-email/", {"code": code_in(mailoutbox[0])})
    assert client.get("/accounts/password/change/").status_code == 200


def test_a_closed_account_cannot_sign_in() -> None:
    user = make_user("ada@example.com", password=PASSWORD)
    User.objects.filter(pk=user.pk).update(is_active=False)
    response = Client().post("/accounts/login/", {"login": "ada@example.com", "password": PASSWORD}, follow=True)
    assert "This account is closed" in response.content.decode()


@pytest.mark.parametrize(
    ("then", "location"),
    [("/keys/", "/keys/"), ("https://evil.example/", "/overview/"), ("//evil.example", "/overview/")],
)
def test_signing_in_goes_on_to_our_own_pages_only(then: str, location: str) -> None:
    make_user("ada@example.com", password=PASSWORD)
    assert sign_in(Client(), "ada@example.com", then=then)["Location"] == location


def test_signing_out_takes_a_post() -> None:
    client = signed_in(make_user("ada@example.com"))
    assert "ada@example.com" in client.get("/accounts/logout/").content.decode()
    assert "_auth_user_id" in client.session
    assert client.post("/accounts/logout/")["Location"] == "/"
    assert "_auth_user_id" not in client.session


def test_a_reset_by_code_sets_the_password_and_ends_other_sessions(mailoutbox: list[EmailMessage]) -> None:
    user = make_user("ada@example.com", password=PASSWORD)
    elsewhere, client = signed_in(user), Client()
    client.post("/accounts/password/reset/", {"email": "ada@example.com"})
    assert "6-digit code" in client.get("/accounts/password/reset/confirm/").content.decode()
    client.post("/accounts/password/reset/confirm/", {"code": code_in(mailoutbox[0])})
    form = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert client.post("/accounts/password/reset/complete/", form)["Location"] == "/overview/"
    assert elsewhere.get("/accounts/password/change/").status_code == 302
    user.refresh_from_db()
    assert user.check_password(NEW_PASSWORD)
    assert mailoutbox[1].subject == "Your Pylo password was reset"


def test_a_reset_code_works_once(mailoutbox: list[EmailMessage]) -> None:
    make_user("ada@example.com", password=PASSWORD)
    client = Client()
    client.post("/accounts/password/reset/", {"email": "ada@example.com"})
    code = code_in(mailoutbox[0])
    client.post("/accounts/password/reset/confirm/", {"code": code})
    client.post("/accounts/password/reset/complete/", {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    again = client.post("/accounts/password/reset/confirm/", {"code": code})
    assert again["Location"] == "/accounts/login/"


def test_a_reset_for_an_unknown_address_is_answered_alike(mailoutbox: list[EmailMessage]) -> None:
    make_user("ada@example.com", password=PASSWORD)
    answers = []
    for email in ("ada@example.com", "nobody@example.com"):
        client = Client()
        asked = client.post("/accounts/password/reset/", {"email": email})
        page = client.get("/accounts/password/reset/confirm/")
        wrong = client.post("/accounts/password/reset/confirm/", {"code": "x"})
        answers.append((asked["Location"], body(page, email), body(wrong, email)))  # type: ignore[arg-type]
    assert answers[0] == answers[1]
    assert [mail.subject for mail in mailoutbox] == ["Reset your Pylo password", "No Pylo account for this address"]


def test_changing_the_password_keeps_this_session_and_ends_the_others(mailoutbox: list[EmailMessage]) -> None:
    user = make_user("ada@example.com", password=PASSWORD)
    here, elsewhere = signed_in(user), signed_in(user)
    before = here.session.session_key
    form = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    page = here.post("/accounts/password/change/", form, follow=True).content.decode()
    assert "Your password is changed." in page
    assert here.session.session_key != before
    assert elsewhere.get("/accounts/password/change/").status_code == 302
    assert [mail.subject for mail in mailoutbox] == ["Your Pylo password was changed"]


def test_a_wrong_old_password_changes_nothing() -> None:
    user = make_user("ada@example.com", password=PASSWORD)
    form = {"oldpassword": "wrong wrong wrong", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    page = signed_in(user).post("/accounts/password/change/", form).content.decode()
    assert "This is not your current password." in page
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


def test_a_new_address_takes_the_password_and_a_code_and_tells_the_old_one(mailoutbox: list[EmailMessage]) -> None:
    client = signed_in(make_user("ada@example.com", password=PASSWORD))
    form = {"action_add": "", "email": "lovelace@example.com"}
    asked = client.post("/accounts/email/", form)
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    client.post(asked["Location"], {"password": PASSWORD, "next": "/accounts/email/"})
    client.post("/accounts/confirm-email/", {"code": code_in(mailoutbox[0])})
    assert mailoutbox[0].to == ["lovelace@example.com"]
    assert User.objects.get().email == "lovelace@example.com"
    assert EmailAddress.objects.get().verified
    assert ["ada@example.com"] in [mail.to for mail in mailoutbox[1:]]


PUBLIC = ["login", "signup", "password/reset", "inactive", "password/reset/done"]
SIGNED_IN = ["logout", "password/change", "email", "reauthenticate"]


@pytest.mark.parametrize("path", PUBLIC + SIGNED_IN)
def test_every_page_is_ours_and_has_no_inline_script_or_style(path: str) -> None:
    client = Client() if path in PUBLIC else signed_in(make_user(password=PASSWORD))
    response = client.get(f"/accounts/{path}/")
    assert response.status_code == 200
    names = [template.name for template in response.templates]
    assert "entrance.html" in names
    assert not [name for name in names if name and name.startswith("allauth/")]
    page = response.content.decode()
    assert "<h1>" in page
    assert " – Pylo</title>" in page
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon[a-z]+=", page)


def test_a_user_without_a_password_is_asked_to_set_one() -> None:
    page = signed_in(make_user()).get("/accounts/password/change/", follow=True).content.decode()
    assert "Set a password" in page


@pytest.mark.parametrize("path", ["login", "signup", "password/reset", "logout"])
def test_a_post_without_the_csrf_token_is_refused(path: str) -> None:
    assert Client(enforce_csrf_checks=True).post(f"/accounts/{path}/").status_code == 403


def test_signing_in_with_no_field_filled_says_so_at_each() -> None:
    page = sign_in(Client(), "", "").content.decode()
    assert page.count("This field is required.") == 2
    assert page.count('aria-invalid="true"') == 2
