from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
import redis
from django.conf import settings as live

from accounts import keys, tokens
from accounts.models import ApiKey
from tests.cast import NOW, make_user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import DjangoCaptureOnCommitCallbacks, Settings
    from redis.client import PubSub

    from tests.accounts.conftest import Cast

NOBODY_LISTENS = "redis://127.0.0.1:20299/0"


@pytest.fixture
def gateway() -> Iterator[PubSub]:
    """What a gateway hears."""
    with redis.Redis.from_url(live.REDIS_URL) as client, client.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe("pylo:keys:revoked")
        heard.get_message(timeout=2)
        yield heard


def test_a_key_is_stored_as_the_digest_under_the_first_pepper(people: Cast, settings: Settings) -> None:
    settings.PYLO_KEY_PEPPERS = ("the new pepper", "the old pepper")
    key, token = keys.issue(workspace=people.acme, name="n", created_by=people.alice, expires_at=None, at=NOW)
    stored = ApiKey.objects.get(pk=key.pk)
    assert bytes(stored.digest) == tokens.digest(token, "the new pepper")
    assert stored.masked == f"{token.secret[:12]}…{token.secret[-4:]}"
    assert (stored.created_by, stored.created_at, stored.expires_at) == (people.alice, NOW, None)


def test_no_key_is_made_for_an_unverified_address(people: Cast) -> None:
    eve = make_user(verified=False)
    with pytest.raises(keys.EmailNotVerified):
        keys.issue(workspace=people.acme, name="n", created_by=eve, expires_at=None, at=NOW)
    assert ApiKey.objects.count() == 1


def test_a_form_makes_one_key_and_names_it_the_second_time(people: Cast) -> None:
    form = uuid4()
    key, _ = keys.issue(
        workspace=people.acme, name="n", created_by=people.alice, expires_at=None, at=NOW, form_token=form
    )
    with pytest.raises(keys.FormAlreadyUsed) as refusal:
        keys.issue(workspace=people.acme, name="n", created_by=people.bob, expires_at=None, at=NOW, form_token=form)
    assert refusal.value.key == key
    assert ApiKey.objects.count() == 2


def test_a_revocation_is_published_once_it_is_committed(
    people: Cast, gateway: PubSub, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks() as committed:
        assert keys.revoke(people.key, NOW)
    assert gateway.get_message(timeout=0.05) is None
    for callback in committed:
        callback()
    message = gateway.get_message(timeout=2)
    assert message is not None
    assert message["data"] == str(people.key.pk).encode()


def test_revoking_twice_keeps_the_first_moment(people: Cast) -> None:
    assert keys.revoke(people.key, NOW) is True
    assert keys.revoke(people.key, NOW + timedelta(hours=1)) is False
    assert ApiKey.objects.get(pk=people.key.pk).revoked_at == NOW
    assert people.key.revoked_at == NOW


def test_a_stale_copy_of_the_key_does_not_revoke_it_again(people: Cast) -> None:
    stale = ApiKey.objects.get(pk=people.key.pk)
    keys.revoke(people.key, NOW)
    assert keys.revoke(stale, NOW + timedelta(hours=1)) is False
    assert stale.revoked_at == NOW


def test_a_key_is_revoked_though_redis_is_away_and_a_warning_says_so(
    people: Cast,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.REDIS_URL = NOBODY_LISTENS
    with django_capture_on_commit_callbacks(execute=True):
        assert keys.revoke(people.key, NOW)
    assert ApiKey.objects.get(pk=people.key.pk).revoked_at == NOW
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert ["key.revocation_unheard" in record.getMessage() for record in warnings] == [True]


def test_a_key_expires_at_its_moment_and_not_before(people: Cast) -> None:
    key = ApiKey(expires_at=NOW)
    assert key.state(NOW - timedelta(microseconds=1)) == "active"
    assert key.state(NOW) == "expired"
    ApiKey.objects.filter(pk=people.key.pk).update(expires_at=NOW)
    assert list(ApiKey.objects.usable(NOW)) == []
    assert list(ApiKey.objects.usable(NOW - timedelta(microseconds=1))) == [people.key]


def test_renaming_changes_the_name_alone(people: Cast) -> None:
    before = ApiKey.objects.filter(pk=people.key.pk).values().get()
    keys.rename(people.key, "build machine")
    assert ApiKey.objects.filter(pk=people.key.pk).values().get() == before | {"name": "build machine"}
