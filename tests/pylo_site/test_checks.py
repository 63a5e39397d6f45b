from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as django_settings
from django.core.checks import run_checks
from django.db import connection

from billing.models import Price
from pylo_site.server import START

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import Settings

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
UPSTREAMS = """
[[upstream]]
name = "primary"
dialect = "moonshot"
base_url = "https://upstream.example/v1"
key_env = "UPSTREAM_KEY"
model = "kimi-k2.6"
"""


@pytest.fixture(autouse=True)
def a_start_that_holds(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PYLO_UPSTREAMS = tmp_path / "upstreams.toml"
    settings.PYLO_UPSTREAMS.write_text(UPSTREAMS)
    monkeypatch.setenv("UPSTREAM_KEY", "secret")
    Price.objects.all().delete()
    price(NOW - DAY, None)


def price(starts_at: datetime, ends_at: datetime | None, model: str = django_settings.PYLO_MODEL) -> None:
    Price.objects.create(
        model=model, input_nanos=1, cached_nanos=1, output_nanos=1, starts_at=starts_at, ends_at=ends_at
    )


def found(*, databases: tuple[str, ...] = ("default",)) -> list[str | None]:
    return [each.id for each in run_checks(tags=[START], include_deployment_checks=True, databases=databases)]


def test_a_start_that_holds_has_no_problem() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "model"),
    [
        (NOW + DAY, None, django_settings.PYLO_MODEL),
        (NOW - 2 * DAY, NOW - DAY, django_settings.PYLO_MODEL),
        (NOW - DAY, None, "another/model"),
    ],
)
def test_a_price_that_does_not_hold_now_is_e031(starts_at: datetime, ends_at: datetime | None, model: str) -> None:
    Price.objects.all().delete()
    price(starts_at, ends_at, model)
    assert found() == ["pylo.E031"]


def test_a_migration_that_is_not_applied_is_e030() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'billing'")
    (problem,) = run_checks(tags=[START], include_deployment_checks=True, databases=["default"])
    assert problem.id == "pylo.E030"
    assert "billing.0001_initial" in problem.msg


def test_a_missing_upstreams_file_is_e101(settings: Settings) -> None:
    settings.PYLO_UPSTREAMS.unlink()
    assert found() == ["pylo.E101"]


def test_without_a_database_named_none_is_asked() -> None:
    Price.objects.all().delete()
    assert found(databases=()) == []


def test_migrate_is_not_stopped_by_them() -> None:
    Price.objects.all().delete()
    assert [each for each in run_checks(databases=["default"]) if (each.id or "").startswith("pylo.")] == []


def test_an_upstream_whose_key_is_not_set_is_e108(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UPSTREAM_KEY")
    assert found() == ["pylo.E108"]
