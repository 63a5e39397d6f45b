from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from allauth.account.models import EmailAddress
from allauth.core.context import request_context
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from django.test import Client, RequestFactory

from accounts.forms import SAVING_SECONDS, SignupForm
from accounts.models import Membership, Role, User, Workspace
from accounts.signup import open_workspace
from billing.models import Balance, Posting
from tests.cast import NOW, PASSWORD, make_user

if TYPE_CHECKING:
    from django.core.mail import EmailMessage
    from django.http import HttpResponse
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="[^"]+"')


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    cache.clear()


def sign_up(client: Client, email: str, password: str = PASSWORD) -> HttpResponse:
    return client.post("/accounts/signup/", {"email": email, "password1": password})  # type: ignore[return-value]


def code_in(mail: EmailMessage) -> str:
    [code] = re.findall(r"^\d{6}$", str(mail.body), re.MULTILINE)
    return str(code)


def test_a_newcomer_signs_up_verifies_and_lands_on_the_overview(mailoutbox: list[EmailMessage]) -> None:
    client = Client()
    assert sign_up(client, "Ada@Example.com")["Location"] == "/accounts/confirm-email/"
    assert "ada@example.com" in client.get("/accounts/confirm-email/").content.decode()
    entered = client.post("/accounts/confirm-email/", {"code": code_in(mailoutbox[0])})
    assert entered["Location"] == "/overview/"
    assert client.get("/keys/").status_code == 200
    assert EmailAddress.objects.get(user__email="ada@example.com").verified


def test_a_sign_up_opens_a_workspace_of_ones_own_with_its_balance(settings: Settings) -> None:
    settings.PYLO_SIGNUP_CREDIT_NANOS = 5_000_000_000
    sign_up(Client(), "ada@example.com")
    membership = Membership.objects.get(user__email="ada@example.com")
    assert (membership.role, membership.workspace.name) == (Role.OWNER, "ada's workspace")
    assert Balance.objects.get(workspace=membership.workspace).nanos == 5_000_000_000
    assert Posting.objects.get().key == f"signup:{membership.workspace.pk}"


def test_without_sign_up_credit_the_balance_is_nought_and_nothing_is_posted(settings: Settings) -> None:
    settings.PYLO_SIGNUP_CREDIT_NANOS = 0
    sign_up(Client(), "ada@example.com")
    assert Balance.objects.get().nanos == 0
    assert not Posting.objects.exists()


def test_a_sign_up_that_cannot_open_its_balance_leaves_no_user(settings: Settings) -> None:
    settings.PYLO_SIGNUP_CREDIT_NANOS = 2**63  # more than the column holds
    client = Client(raise_request_exception=False)
    assert sign_up(client, "ada@example.com").status_code == 500
    assert not User.objects.exists()
    assert not Workspace.objects.exists()


def test_a_long_local_part_is_cut_to_fit_the_workspaces_name() -> None:
    owner = make_user("b" * 100 + "@example.com")
    assert open_workspace(owner=owner, at=NOW).name == "b" * 68 + "'s workspace"


def test_a_known_address_is_answered_like_a_new_one(mailoutbox: list[EmailMessage]) -> None:
    make_user("known@example.com")
    answers = []
    for email in ("known@example.com", "fresh@example.com"):
        client = Client()
        posted = sign_up(client, email)
        page = client.get("/accounts/confirm-email/").content.decode()
        wrong = client.post("/accounts/confirm-email/", {"code": "x"}).content.decode()
        texts = [TOKEN.sub("", text).replace(email, "…") for text in (page, wrong)]
        answers.append((posted.status_code, posted["Location"], dict(posted.cookies).keys(), texts))
    assert answers[0] == answers[1]
    assert [(mail.to, mail.subject.split(" ", 1)[-1]) for mail in mailoutbox] == [
        (["known@example.com"], "have a Pylo account already"),
        (["fresh@example.com"], "is your Pylo code"),
    ]


def test_a_known_address_gets_no_second_user_whatever_its_case() -> None:
    make_user("known@example.com")
    sign_up(Client(), "KNOWN@Example.Com")
    assert User.objects.count() == 1
    assert not Workspace.objects.exists()


@pytest.mark.parametrize("email", ["known@example.com", "fresh@example.com"])
def test_no_sign_up_is_answered_sooner_than_a_new_account_takes(email: str) -> None:
    make_user("known@example.com")
    started = time.monotonic()
    sign_up(Client(), email)
    assert time.monotonic() - started >= SAVING_SECONDS


def test_two_sign_ups_at_once_with_one_address_make_one_user(mailoutbox: list[EmailMessage]) -> None:
    request = RequestFactory().post("/accounts/signup/")
    request.session = SessionStore()
    with request_context(request):
        form = SignupForm({"email": "ada@example.com", "password1": PASSWORD})
        assert form.is_valid()
        make_user("ada@example.com")  # the other form is saved in between
        user, response = form.try_save(request)
    assert user is None
    assert response is not None
    assert response["Location"] == "/accounts/confirm-email/"
    assert User.objects.count() == 1
    assert [mail.subject for mail in mailoutbox] == ["You have a Pylo account already"]


@pytest.mark.parametrize(
    ("email", "password", "words"),
    [
        ("not an address", PASSWORD, "Enter a valid email address."),
        ("", PASSWORD, "This field is required."),
        ("ada@example.com", "short", "at least 12 characters"),
        ("ada@example.com", "qwerty123456", "too common"),
        ("ada@example.com", "ada@example.com", "too similar"),
    ],
)
def test_a_mistyped_form_says_so_at_the_field_and_keeps_the_address(email: str, password: str, words: str) -> None:
    page = sign_up(Client(), email, password).content.decode()
    assert words in page
    assert not email or f'value="{email}"' in page
    assert not User.objects.exists()


def test_three_wrong_codes_end_the_attempt(mailoutbox: list[EmailMessage]) -> None:
    client = Client()
    sign_up(client, "ada@example.com")
    answers = [client.post("/accounts/confirm-email/", {"code": "000000x"}) for _ in range(3)]
    assert "This is not the code we sent." in answers[0].content.decode()
    assert answers[2]["Location"] == "/accounts/login/"
    client.post("/accounts/confirm-email/", {"code": code_in(mailoutbox[0])})
    assert not EmailAddress.objects.get().verified
    assert client.get("/keys/").status_code == 302


def test_a_new_code_can_be_asked_for_and_replaces_the_old_one(mailoutbox: list[EmailMessage]) -> None:
    client = Client()
    sign_up(client, "ada@example.com")
    cache.clear()  # one code in ten seconds
    client.post("/accounts/confirm-email/", {"action": "resend"})
    old, new = (code_in(mail) for mail in mailoutbox)
    if old != new:
        assert client.post("/accounts/confirm-email/", {"code": old}).status_code == 200
    assert client.post("/accounts/confirm-email/", {"code": new})["Location"] == "/overview/"


def test_who_mistyped_the_address_can_start_again() -> None:
    client = Client()
    sign_up(client, "typo@example.com")
    assert "Use another address" in client.get("/accounts/confirm-email/").content.decode()
    assert client.post("/accounts/logout/", {"next": "/accounts/signup/"})["Location"] == "/accounts/signup/"
    assert client.get("/accounts/signup/").status_code == 200


def test_links_in_mails_come_from_the_configured_origin(mailoutbox: list[EmailMessage], settings: Settings) -> None:
    settings.PYLO_PUBLIC_URL = "https://pylo.example"
    settings.ALLOWED_HOSTS = ["*"]
    make_user("known@example.com")
    Client(headers={"host": "evil.example"}).post(
        "/accounts/signup/", {"email": "known@example.com", "password1": PASSWORD}
    )
    [mail] = mailoutbox
    assert "https://pylo.example/accounts/login/" in str(mail.body)
    assert "evil.example" not in mail.message().as_string()
    assert mail.message()["Message-ID"].endswith("@pylo.example>")


def test_the_21st_sign_up_of_a_minute_is_told_to_wait() -> None:
    client = Client()
    answers = [sign_up(client, "bad").status_code for _ in range(21)]
    assert answers == [200] * 20 + [429]
    assert "Wait a minute" in sign_up(client, "bad").content.decode()
    assert sign_up(Client(REMOTE_ADDR="192.0.2.7"), "bad").status_code == 200
