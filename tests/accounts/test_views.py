from __future__ import annotations

import logging
import re
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import tokens
from accounts.models import ApiKey, Role
from tests.cast import join, make_user, signed_in

if TYPE_CHECKING:
    from pytest_django import Settings

    from tests.accounts.conftest import Cast

SECRET = re.compile(r"pylo_sk_[0-9A-Za-z]{38}")


def new_key(**fields: str) -> dict[str, str]:
    return {"name": "laptop", "lifetime": "", "form_token": str(uuid4())} | fields


def test_a_visitor_is_sent_to_sign_in_and_comes_back(people: Cast) -> None:
    response = Client().get("/keys/")
    assert response.status_code == 302
    assert response["Location"] == "/accounts/login/?next=/keys/"


def test_the_key_is_shown_once_and_on_no_later_page(people: Cast) -> None:
    client = signed_in(people.alice)
    made = client.post("/keys/new/", new_key())
    [secret] = set(SECRET.findall(made.content.decode()))
    assert tokens.parse(secret) is not None
    later = [client.get(url).content.decode() for url in ("/keys/", "/keys/new/", "/overview/")]
    assert not any(secret in page for page in later)
    assert f"{secret[:12]}…{secret[-4:]}" in later[0]


def test_the_page_that_shows_the_key_is_stored_nowhere(people: Cast) -> None:
    client = signed_in(people.alice)
    response = client.post("/keys/new/", new_key())
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    assert not SECRET.search(repr(dict(client.session)))
    assert not SECRET.search(repr(response.cookies))


def test_a_message_is_in_no_cookie_of_its_own(people: Cast) -> None:
    client = signed_in(people.alice)
    done = client.post(f"/keys/{people.key.pk}/revoke/")
    assert set(done.cookies) <= {"sessionid", "csrftoken"}
    assert "revoked. New requests with it are refused." in client.get("/keys/").content.decode()


def test_no_column_of_the_key_holds_its_secret(people: Cast) -> None:
    stored = repr(list(ApiKey.objects.values()))
    assert people.token.secret not in stored
    assert people.token.secret[12:-4] not in stored


def test_no_log_line_holds_the_secret(people: Cast, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    response = signed_in(people.alice).post("/keys/new/", new_key())
    [secret] = set(SECRET.findall(response.content.decode()))
    assert "key.issued" in caplog.text
    assert secret not in caplog.text
    assert secret[12:-4] not in caplog.text


def test_the_samples_carry_the_readers_own_key_and_base_url(people: Cast, settings: Settings) -> None:
    settings.PYLO_API_BASE_URL = "https://api.example.com/v1"
    page = signed_in(people.alice).post("/keys/new/", new_key()).content.decode()
    [secret] = set(SECRET.findall(page))
    assert "curl https://api.example.com/v1/chat/completions" in page
    assert f"Authorization: Bearer {secret}" in page
    assert 'base_url="https://api.example.com/v1"' in page
    assert f'api_key="{secret}"' in page
    assert f'export PYLO_API_KEY="{secret}"' in page
    assert page.count("moonshotai/kimi-k2.6") == 2


def test_the_first_key_has_a_name_proposed_and_later_ones_do_not(people: Cast) -> None:
    assert 'value="My first key"' in signed_in(people.charlie).get("/keys/new/").content.decode()
    assert 'value="My first key"' not in signed_in(people.alice).get("/keys/new/").content.decode()


def test_a_form_sent_twice_makes_one_key_and_says_so(people: Cast) -> None:
    client, form = signed_in(people.charlie), new_key(name="twice")
    assert client.post("/keys/new/", form).status_code == 200
    again = client.post("/keys/new/", form)
    assert again.status_code == 409
    assert not SECRET.search(again.content.decode())
    assert ApiKey.objects.filter(name="twice").count() == 1


def test_a_form_of_another_workspace_says_nothing_of_its_key(people: Cast) -> None:
    form = new_key(name="alice's")
    signed_in(people.alice).post("/keys/new/", form)
    response = signed_in(people.charlie).post("/keys/new/", form | {"name": "charlie's"})
    assert response.status_code == 200
    assert "alice" not in response.content.decode()


@pytest.mark.parametrize("days", [30, 90, 365])
def test_a_lifetime_ends_that_many_days_from_now(people: Cast, days: int) -> None:
    signed_in(people.charlie).post("/keys/new/", new_key(lifetime=str(days)))
    key = ApiKey.objects.get(created_by=people.charlie)
    assert key.expires_at == key.created_at + timedelta(days=days)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "x" * 61}, "at most 60 characters"),
        ({"name": "a\tb"}, "one line of printable characters"),
        ({"name": "kept name", "lifetime": "7"}, "Select a valid choice."),
        ({"name": "kept name", "form_token": "mangled"}, "This form was not complete."),
    ],
)
def test_a_mistyped_form_says_so_keeps_what_was_typed_and_makes_no_key(
    people: Cast, fields: dict[str, str], words: str
) -> None:
    page = signed_in(people.charlie).post("/keys/new/", new_key(**fields)).content.decode()
    assert words in page
    assert f'value="{fields["name"]}"' in page or not fields["name"]
    assert not ApiKey.objects.filter(created_by=people.charlie).exists()


def test_an_unverified_member_cannot_make_a_key(people: Cast) -> None:
    dora = join(people.acme, make_user("dora@example.com", verified=False), Role.DEVELOPER)
    response = signed_in(dora).post("/keys/new/", new_key())
    assert response.status_code == 403
    assert "Verify dora@example.com" in response.content.decode()
    assert not ApiKey.objects.filter(created_by=dora).exists()


def test_a_developer_makes_and_revokes_keys(people: Cast) -> None:
    bob = signed_in(people.bob)
    assert bob.post("/keys/new/", new_key()).status_code == 200
    assert bob.post(f"/keys/{people.key.pk}/revoke/").status_code == 302
    people.key.refresh_from_db()
    assert people.key.revoked_at is not None


@pytest.mark.parametrize("role", [Role.VIEWER, Role.BILLING])
def test_who_may_only_look_sees_the_keys_and_changes_none(people: Cast, role: Role) -> None:
    looker = signed_in(join(people.acme, make_user(), role))
    page = looker.get("/keys/").content.decode()
    assert people.key.masked in page
    assert "Revoke" not in page
    assert looker.get("/keys/new/").status_code == 403
    assert looker.post("/keys/new/", new_key()).status_code == 403
    assert looker.post(f"/keys/{people.key.pk}/rename/", {"name": "mine"}).status_code == 403
    assert looker.post(f"/keys/{people.key.pk}/limits/", {"requests_per_minute": "1"}).status_code == 403
    assert looker.post(f"/keys/{people.key.pk}/revoke/").status_code == 403
    assert list(ApiKey.objects.values_list("name", "revoked_at")) == [("laptop", None)]


@pytest.mark.parametrize("name", ["key_limits", "key_rename", "key_revoke"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_outsider_gets_404_for_anothers_key(people: Cast, name: str, method: str) -> None:
    url = reverse(name, args=[people.key.pk])
    response = getattr(signed_in(people.charlie), method)(url, {"name": "stolen"})
    assert response.status_code == 404
    people.key.refresh_from_db()
    assert (people.key.name, people.key.revoked_at) == ("laptop", None)


def test_an_outsiders_list_has_only_their_own_keys(people: Cast) -> None:
    page = signed_in(people.charlie).get("/keys/").content.decode()
    assert people.key.masked not in page
    assert "No keys yet" in page


def test_a_user_of_no_workspace_is_refused(people: Cast) -> None:
    assert signed_in(make_user()).get("/keys/").status_code == 403


@pytest.mark.parametrize("url", ["/keys/new/", "/keys/{key}/revoke/", "/keys/{key}/rename/", "/keys/{key}/limits/"])
def test_a_post_without_the_csrf_token_is_refused(people: Cast, url: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(people.alice)
    assert client.post(url.format(key=people.key.pk), new_key(name="forged")).status_code == 403
    assert list(ApiKey.objects.filter(workspace=people.acme).values_list("name", "revoked_at")) == [("laptop", None)]


def test_revoking_asks_first_and_a_get_changes_nothing(people: Cast) -> None:
    page = signed_in(people.alice).get(f"/keys/{people.key.pk}/revoke/").content.decode()
    assert "This cannot be undone." in page
    people.key.refresh_from_db()
    assert people.key.revoked_at is None


def test_a_key_is_renamed(people: Cast) -> None:
    response = signed_in(people.bob).post(f"/keys/{people.key.pk}/rename/", {"name": "build machine"}, follow=True)
    assert "build machine" in response.content.decode()


def test_the_table_names_each_state(people: Cast) -> None:
    now = timezone.now()
    ApiKey.objects.filter(pk=people.key.pk).update(expires_at=now - timedelta(days=1), last_used_at=now)
    page = signed_in(people.alice).get("/keys/").content.decode()
    assert "Expired" in page
    assert "alice@example.com" in page
    assert f"{now:%Y-%m-%d %H:%M} UTC" in page


def test_markup_in_a_name_is_shown_as_text(people: Cast) -> None:
    client = signed_in(people.alice)
    client.post("/keys/new/", new_key(name="<script>alert(1)</script>"))
    assert "<script>alert" not in client.get("/keys/").content.decode()
