"""Rollups are a pure function of the records."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command

from billing import rollup
from billing.models import RequestRecord, UsageRollup
from billing.periods import Period, hour_of
from gateway.usage import Outcome, Tokens
from tests.billing.factories import NOON, chance, forged, make_key, make_request, make_workspace, record
from tests.billing.threads import at_once

if TYPE_CHECKING:
    from collections.abc import Iterable

    from accounts.models import ApiKey
    from billing.models import Price

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
DAY = Period(NOON - 12 * HOUR, NOON + 12 * HOUR)


def rollups() -> list[dict[str, object]]:
    return list(UsageRollup.objects.order_by("hour", "workspace_id", "key_id").values(*COUNTED))


COUNTED = (
    *("hour", "workspace_id", "key_id", "requests", "failed", "prompt_tokens", "cached_tokens"),
    *("completion_tokens", "reasoning_tokens", "cost_nanos", "waived_nanos"),
)


def counted_by_hand() -> list[dict[str, object]]:
    hours: dict[tuple[object, ...], dict[str, object]] = {}
    for row in RequestRecord.objects.all():
        place = (hour_of(row.admitted_at).start, row.workspace_id, row.key_id)
        sums = hours.setdefault(place, dict(zip(COUNTED, (*place, *[0] * 8), strict=True)))
        free = row.outcome not in {"completed", "client_gone"}
        for name, value in zip(COUNTED[3:5], (1, int(free)), strict=True):
            sums[name] = sums[name] + value  # type: ignore[operator]
        for name in COUNTED[5:]:
            sums[name] = sums[name] + getattr(row, name)
    return [hours[place] for place in sorted(hours)]


def traffic(keys: Iterable[ApiKey], seed: int, count: int = 60) -> None:
    dice = chance(seed)
    choices = list(keys)
    for _ in range(count):
        at = DAY.start + timedelta(seconds=dice.randrange(86_400))
        tokens = Tokens(dice.randrange(5, 9000), dice.randrange(5), dice.randrange(90), 0)
        record(make_request(dice.choice(choices), at=at, tokens=tokens, outcome=dice.choice(list(Outcome))), at=at)


def test_an_hour_counts_its_records(key: ApiKey) -> None:
    record(make_request(key), make_request(key, at=NOON + HOUR - timedelta(milliseconds=1)))
    record(make_request(key, outcome=Outcome.UPSTREAM_CUT), make_request(key, at=NOON + HOUR))
    assert rollup.recompute(hour_of(NOON)) == 1
    assert rollups() == [
        dict(
            zip(
                COUNTED,
                (NOON, key.workspace_id, key.id, 3, 1, 3702, 3000, 1701, 1500, 5_203_800, 2_601_900),
                strict=True,
            )
        )
    ]


@pytest.mark.parametrize("seed", range(3))
def test_rule_27_running_it_twice_and_after_late_events_equals_counting_by_hand(seed: int, key: ApiKey) -> None:
    keys = [key, make_key(key.workspace, "second"), make_key(make_workspace("Other"))]
    for part in range(2):
        traffic(keys, seed * 10 + part)
        for _ in range(2):
            rollup.recompute(DAY)
            assert rollups() == counted_by_hand()


def test_rule_27_an_hour_whose_records_are_gone_is_gone_too(key: ApiKey) -> None:
    traffic([key], 1)
    rollup.recompute(DAY)
    with forged():
        RequestRecord.objects.filter(admitted_at__gte=NOON).delete()
    rollup.recompute(DAY)
    assert rollups() == counted_by_hand()


def test_recomputing_one_hour_leaves_the_others(key: ApiKey) -> None:
    record(make_request(key), make_request(key, at=NOON + HOUR))
    rollup.recompute(DAY)
    with forged():
        RequestRecord.objects.all().delete()
    rollup.recompute(Period(NOON + timedelta(minutes=10), NOON + timedelta(minutes=20)))
    assert [row["hour"] for row in rollups()] == [NOON + HOUR]


def test_catching_up_takes_what_was_recorded_since_however_old_it_is(key: ApiKey) -> None:
    record(make_request(key))
    assert rollup.complete_up_to(NOON) is None
    rollup.catch_up(NOON + HOUR)
    record(make_request(key, at=NOON - 200 * HOUR), at=NOON + HOUR + timedelta(seconds=3))
    rollup.catch_up(NOON + 2 * HOUR)
    assert rollups() == counted_by_hand()
    assert rollup.complete_up_to(NOON + 3 * HOUR) == NOON + 2 * HOUR
    assert rollup.complete_up_to(NOON) == NOON


def test_a_record_stamped_before_the_mark_and_committed_after_it_is_not_missed(key: ApiKey) -> None:
    rollup.catch_up(NOON)
    record(make_request(key, at=NOON - 9 * HOUR), at=NOON - timedelta(minutes=9))
    rollup.catch_up(NOON + HOUR)
    assert rollups() == counted_by_hand()


@pytest.mark.django_db(transaction=True)
def test_rule_27_running_it_in_parallel_equals_running_it_once(launch_price: Price) -> None:
    traffic([make_key(make_workspace()) for _ in range(3)], 4)

    def run(number: int) -> None:
        rollup.recompute(DAY) if number % 2 else rollup.catch_up(DAY.end)

    at_once(16, run)
    assert rollups() == counted_by_hand()


def test_rebuilding_by_command_goes_day_by_day_and_says_so(key: ApiKey) -> None:
    traffic([key], 2)
    out, progress = StringIO(), StringIO()
    call_command("rebuild_rollups", "--from", "2026-10-13", "--to", "2026-10-15T00:00", stdout=out, stderr=progress)
    assert rollups() == counted_by_hand()
    assert progress.getvalue().splitlines()[1].startswith("2 of 2 days: 2026-10-14")
    assert out.getvalue() == f"{len(rollups())} rollups from 2026-10-13 00:00 to 2026-10-15 00:00 UTC\n"


def test_rebuilding_nothing_is_refused() -> None:
    with pytest.raises(CommandError, match="--from must be before --to"):
        call_command("rebuild_rollups", "--from", "2026-10-15", "--to", "2026-10-15")
