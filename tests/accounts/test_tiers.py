from __future__ import annotations

from typing import TYPE_CHECKING

from accounts.models import Tier
from accounts.signup import open_workspace
from tests.cast import NOW, make_user, signed_in

if TYPE_CHECKING:
    from tests.accounts.conftest import Cast


def test_the_first_tiers(db: None) -> None:
    found = Tier.objects.order_by("requests_per_minute").values_list(
        "name", "requests_per_minute", "tokens_per_minute", "concurrent_requests", "is_first"
    )
    assert list(found) == [
        ("Free", 60, 300_000, 8, True),
        ("Build", 600, 2_000_000, 64, False),
        ("Scale", 6000, 20_000_000, 512, False),
    ]


def test_a_new_workspace_starts_in_the_first_tier(db: None) -> None:
    assert open_workspace(owner=make_user(), at=NOW).tier == Tier.objects.get(name="Free")


def test_where_no_tier_is_the_first_a_new_workspace_has_none(db: None) -> None:
    Tier.objects.update(is_first=False)
    assert open_workspace(owner=make_user(), at=NOW).tier is None


def test_the_page_of_keys_shows_the_limits(people: Cast) -> None:
    people.acme.tier = Tier.objects.get(name="Build")
    people.acme.save()
    page = " ".join(signed_in(people.victor).get("/keys/").content.decode().split())
    assert "The Build tier has 600 requests a minute, 2,000,000 tokens a minute and 64 requests at once." in page
