"""A key's own limits: set when it is made or later, never above its workspace's, shown in its row."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from accounts.models import ApiKey, Tier
from tests.cast import signed_in

if TYPE_CHECKING:
    from tests.accounts.conftest import Cast

NONE = (None, None, None)


@pytest.fixture
def tier(people: Cast) -> Tier:
    tier = Tier.objects.create(name="Pro", requests_per_minute=600, tokens_per_minute=2_000_000, concurrent_requests=64)
    people.acme.tier = tier
    people.acme.save()
    return tier


def limits(key: ApiKey) -> tuple[int | None, int | None, int | None]:
    key.refresh_from_db()
    return key.requests_per_minute, key.tokens_per_minute, key.concurrent_requests


def fields(requests: str = "", tokens: str = "", concurrent: str = "") -> dict[str, str]:
    return {"requests_per_minute": requests, "tokens_per_minute": tokens, "concurrent_requests": concurrent}


def test_a_key_is_made_without_limits_of_its_own(people: Cast, tier: Tier) -> None:
    signed_in(people.bob).post("/keys/new/", {"name": "free", "form_token": str(uuid4())})
    assert limits(ApiKey.objects.get(name="free")) == NONE


def test_a_key_is_made_with_limits_and_shows_them(people: Cast, tier: Tier) -> None:
    client = signed_in(people.bob)
    client.post("/keys/new/", {"name": "slow", "form_token": str(uuid4())} | fields("6", "90000", "2"))
    assert limits(ApiKey.objects.get(name="slow")) == (6, 90_000, 2)
    page = client.get("/keys/").content.decode()
    for text in ("6 requests a minute", "90,000 tokens a minute", "2 at once"):
        assert text in page


def test_limits_are_changed_and_taken_away(people: Cast, tier: Tier) -> None:
    client, url = signed_in(people.bob), f"/keys/{people.key.pk}/limits/"
    page = client.post(url, fields("600", concurrent="1"), follow=True).content.decode()
    assert "The limits of laptop hold within half a minute." in page
    assert limits(people.key) == (600, None, 1)
    assert 'value="600"' in client.get(url).content.decode()
    client.post(url, fields())
    assert limits(people.key) == NONE


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (fields("601"), "The workspace has 600 requests a minute."),
        (fields(tokens="2000001"), "The workspace has 2,000,000 tokens a minute."),
        (fields(concurrent="65"), "The workspace has 64 requests at once."),
        (fields("0"), "Enter a whole number from 1 on, or nothing."),
        (fields("-1"), "Enter a whole number from 1 on, or nothing."),
        (fields("1.5"), "Enter a whole number from 1 on, or nothing."),
        (fields("many"), "Enter a whole number from 1 on, or nothing."),
        (fields("9" * 40), "The workspace has 600 requests a minute."),
    ],
)
def test_what_cannot_be_is_told_at_its_field_and_changes_nothing(
    people: Cast, tier: Tier, typed: dict[str, str], words: str
) -> None:
    client = signed_in(people.bob)
    changed = client.post(f"/keys/{people.key.pk}/limits/", typed)
    made = client.post("/keys/new/", {"name": "other", "form_token": str(uuid4())} | typed)
    assert words in changed.content.decode()
    assert words in made.content.decode()
    assert limits(people.key) == NONE
    assert ApiKey.objects.filter(workspace=people.acme).count() == 1


def test_without_a_tier_any_limit_can_be_set_that_the_column_holds(people: Cast) -> None:
    client, url = signed_in(people.bob), f"/keys/{people.key.pk}/limits/"
    people.acme.tier = None
    people.acme.save()
    assert "2,147,483,647 at most" in client.post(url, fields(str(2**31))).content.decode()
    client.post(url, fields(str(2**31 - 1)))
    assert limits(people.key) == (2**31 - 1, None, None)
