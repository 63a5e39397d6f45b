from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission

from accounts.models import User
from gateway.breaker.rules import Reason
from gateway.breaker.views import Counts, State
from pylo_site import upstream_table
from pylo_site.models import UpstreamControl
from tests.cast import NOW, make_user, signed_in
from tests.pylo_site.telling import own_redis, tell, view

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django.test import Client
    from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

LIST = "/admin/pylo_site/upstreamcontrol/"
UPSTREAM = """
[[upstream]]
name = "{name}"
dialect = "vllm"
base_url = "https://{name}.example/v1"
key_env = "KEY_OF_THESE_TESTS"
model = "m"
"""


@pytest.fixture
def url(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("KEY_OF_THESE_TESTS", "k")
    settings.PYLO_UPSTREAMS = tmp_path / "upstreams.toml"
    settings.PYLO_UPSTREAMS.write_text(UPSTREAM.format(name="first") + UPSTREAM.format(name="second"))
    with own_redis(settings) as url:
        yield url


def staff(*permissions: str) -> Client:
    user = make_user("ops@example.com")
    User.objects.filter(pk=user.pk).update(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return signed_in(user)


@pytest.fixture
def operator(db: None) -> Client:
    return staff("view_upstreamcontrol", "change_upstreamcontrol")


def page(client: Client, path: str = LIST) -> str:
    return " ".join(client.get(path).content.decode().split())


def test_the_list_shows_every_upstream_with_its_state(url: str, operator: Client) -> None:
    window = Counts(ok=6, slow=2, failed=2)
    tell(url, view("first", state=State.OPEN, reason="run", probe_in=12.2, in_flight=3, window=window))
    text = page(operator)
    for shown in ("many calls in a row failed", "12 s", ">10<", "20 %", "3 of 100", "a:1", 'class="state open"'):
        assert shown in text, shown
    assert text.count('class="state">unknown') == 1
    assert text.count("Drain<span") == 2


def test_every_reason_has_its_words() -> None:
    assert set(upstream_table.WHY) == set(Reason)


def test_without_redis_the_list_says_so_and_orders_can_be_given(
    url: str, operator: Client, settings: Settings, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    assert "Redis does not answer" in page(operator)
    assert "Nothing is known now" in page(operator, f"{LIST}drain/first")
    with django_capture_on_commit_callbacks(execute=True):
        assert operator.post(f"{LIST}drain/first", {}).status_code == 302
    assert UpstreamControl.objects.get().draining


def test_a_drain_is_confirmed_kept_announced_and_in_the_history(
    url: str, operator: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    tell(url, view("first"), view("second"))
    asked = page(operator, f"{LIST}drain/first")
    assert "The 0 requests that run there now may end." in asked
    assert "last healthy" not in asked
    assert not UpstreamControl.objects.exists()
    with django_capture_on_commit_callbacks(execute=True):
        operator.post(f"{LIST}drain/first", {"reason": "Their maintenance."})
    control = UpstreamControl.objects.get()
    assert (control.name, control.draining, control.reason) == ("first", True, "Their maintenance.")
    assert control.changed_by == User.objects.get()
    with redis.Redis.from_url(url) as client:
        assert client.get("pylo:brk:orders") == b"1"
    assert LogEntry.objects.get().change_message == "Drained: Their maintenance."
    assert "Their maintenance." in page(operator, f"{LIST}{control.pk}/history/")
    assert 'class="state draining"' in page(operator)


def test_a_restore_is_the_same_way_back(url: str, operator: Client) -> None:
    UpstreamControl.objects.create(name="first", draining=True, reason="Their maintenance.", changed_at=NOW)
    assert "takes new requests again" in page(operator, f"{LIST}restore/first")
    operator.post(f"{LIST}restore/first", {"reason": "Done."})
    control = UpstreamControl.objects.get()
    assert (control.draining, control.reason) == (False, "Done.")
    assert LogEntry.objects.get().change_message == "Restored: Done."


@pytest.mark.parametrize("other", [{"state": State.OPEN}, {"state": State.HALF_OPEN}])
def test_who_drains_the_last_healthy_upstream_is_warned(url: str, operator: Client, other: dict[str, State]) -> None:
    tell(url, view("first"), view("second", **other))
    assert "This is the last healthy upstream." in page(operator, f"{LIST}drain/first")


def test_a_drained_upstream_is_no_healthy_one(url: str, operator: Client) -> None:
    tell(url, view("first"), view("second"))
    UpstreamControl.objects.create(name="second", draining=True, changed_at=NOW)
    assert "This is the last healthy upstream." in page(operator, f"{LIST}drain/first")


def test_an_upstream_that_nobody_has_heard_of_is_drained_by_nobody(url: str, operator: Client) -> None:
    assert operator.post(f"{LIST}drain/third", {}).status_code == 404
    assert not UpstreamControl.objects.exists()


def test_one_that_left_the_file_while_drained_can_still_be_restored(url: str, operator: Client) -> None:
    UpstreamControl.objects.create(name="third", draining=True, changed_at=NOW)
    assert "not in the upstreams' file" in page(operator).replace("&#x27;", "'")
    operator.post(f"{LIST}restore/third", {})
    assert not UpstreamControl.objects.get().draining


def test_staff_who_may_only_look_give_no_orders(url: str, db: None) -> None:
    client = staff("view_upstreamcontrol")
    assert "Drain<span" not in page(client)
    assert client.get(f"{LIST}drain/first").status_code == 403
    assert client.post(f"{LIST}drain/first", {}).status_code == 403
    assert not UpstreamControl.objects.exists()


def test_staff_without_the_right_see_nothing(url: str, db: None) -> None:
    assert staff().get(LIST).status_code == 403


def test_a_row_is_neither_made_nor_edited_by_hand(url: str, operator: Client) -> None:
    UpstreamControl.objects.create(name="first", changed_at=NOW)
    pk = UpstreamControl.objects.get().pk
    assert operator.get(f"{LIST}add/").status_code == 403
    operator.post(f"{LIST}{pk}/change/", {"draining": "on", "name": "other"})
    assert operator.post(f"{LIST}{pk}/delete/", {"post": "yes"}).status_code == 403
    assert UpstreamControl.objects.filter(name="first", draining=False).count() == 1
