"""The page as anybody sees it, also when what it stands on is away."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from django.core.cache import cache
from django.db import OperationalError

from gateway.breaker.views import State
from gateway.config import Upstream
from pylo_site.status import aliases, figures, live, views
from pylo_site.status.live import Live, LiveUpstream
from tests import cast

if TYPE_CHECKING:
    from django.test import Client

SECRETS = ("moonshot", "api.moonshot.ai", "up-key", "together")


@pytest.fixture(autouse=True)
def _upstreams(monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()
    one = Upstream(name="moonshot", dialect="openai", base_url="https://api.moonshot.ai/v1", key="up-key", model="m")
    made = (one, replace(one, name="together"))
    monkeypatch.setattr(aliases, "_upstreams", lambda _: made)
    monkeypatch.setattr(
        views, "live", lambda: Live({"moonshot": LiveUpstream(State.OPEN), "together": LiveUpstream(State.CLOSED)})
    )


def test_the_page_names_upstreams_by_their_alias_only(client: Client, db: None) -> None:
    text = client.get("/status/").content.decode()
    assert "Degraded: Upstream A is unavailable; requests go to the others." in text
    body = text[text.index("<main") : text.index("</main>")]
    assert [secret for secret in SECRETS if secret in body] == []
    assert '<meta http-equiv="refresh" content="30">' in text


def test_programs_get_the_same(client: Client, db: None) -> None:
    answer = client.get("/status.json")
    told = answer.json()
    assert (told["status"], answer["Access-Control-Allow-Origin"]) == ("degraded", "*")
    nothing = {"failed": None, "shed": None, "first_token_ms_p50": None, "first_token_ms_p95": None}
    assert told["upstreams"][0] == {
        "alias": "Upstream A",
        "state": "unavailable",
        "last_15_minutes": nothing,
        "last_24_hours": nothing,
    }
    assert [secret for secret in SECRETS if secret in answer.content.decode()] == []


def away(*args: object) -> None:
    raise OperationalError


def test_it_says_so_when_the_records_cannot_be_read(client: Client, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "_counted", away)
    answer = client.get("/status/")
    assert answer.status_code == 200
    assert "Figures are not available at the moment" in answer.content.decode()
    told = client.get("/status.json").json()
    assert (told["status"], told["figures_as_of"], told["last_15_minutes"]) == ("degraded", None, None)


def test_a_reader_who_is_signed_in_sees_it_without_postgres(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(cast.make_user("reader@example.com"))
    assert "Open the portal" in client.get("/status/").content.decode()
    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.load", away)
    answer = client.get("/status/")
    assert (answer.status_code, "Sign in" in answer.content.decode()) == (200, True)
    assert "sessionid" not in answer.cookies  # they stay signed in


def test_it_says_so_when_nobody_knows_the_live_state(client: Client, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "live", Live)
    assert "Live state not available." in client.get("/status/").content.decode()
    assert client.get("/status.json").json()["status"] == "unknown"


def test_many_readers_cost_one_question(client: Client, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def counted(*args: object) -> dict[str, object]:
        asked.append(args)
        return {}

    monkeypatch.setattr(figures, "_counted", counted)
    for _ in range(5):
        client.get("/status.json")
    assert len(asked) == 2  # the quarter and the day


def test_without_redis_the_live_state_is_unknown(db: None, settings: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.conf.settings.REDIS_URL", "redis://127.0.0.1:1/0")
    assert live.live().upstreams == {}
