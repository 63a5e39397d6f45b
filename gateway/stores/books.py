"""What Postgres says of purses: one statement, so that all of it is of one moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from gateway.purse_ports import Reading
from gateway.purses import Budget, Wallet, balance_key, budget_key, current_and_last, told_left

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from gateway.stores.postgres import Postgres

NOBODY = UUID(int=0)
REGISTER = "INSERT INTO billing_journalwriter (name, opened_at) VALUES (%s, now()) ON CONFLICT DO NOTHING"
READ = """
SELECT
    (SELECT coalesce(jsonb_agg(jsonb_build_array(
        w.id, coalesce(b.version, 0), coalesce(b.nanos + b.credit_line_nanos, 0))), '[]')
     FROM unnest(%(workspaces)s::uuid[]) AS w(id) LEFT JOIN billing_balance b ON b.workspace_id = w.id),
    (SELECT coalesce(jsonb_agg(jsonb_build_array(
        u.workspace_id, u.key_id, u.period, u.limit_nanos, p.starts_on, coalesce(s.nanos, 0))), '[]')
     FROM billing_budget u
     JOIN unnest(%(periods)s::text[], %(starts)s::date[]) AS p(period, starts_on) ON p.period = u.period
     LEFT JOIN billing_spend s ON s.holder = coalesce(u.key_id, u.workspace_id)
        AND s.period = u.period AND s.starts_on = p.starts_on
     WHERE u.workspace_id = ANY(%(workspaces)s)),
    ARRAY(SELECT uid FROM billing_requestrecord
        WHERE uid = ANY(%(uids)s) AND uid BETWEEN %(first)s AND %(last)s),
    ARRAY(SELECT name FROM billing_journalwriter WHERE buried_at IS NULL),
    ARRAY(SELECT s.name FROM unnest(%(strangers)s::text[]) AS s(name) WHERE NOT EXISTS (
        SELECT FROM billing_journalwriter w WHERE w.name = s.name AND w.buried_at IS NULL))
"""


class PostgresBooks:
    """The `Books` of the gateway."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def register(self, writer: str) -> None:
        await self._postgres.run(REGISTER, (writer,))

    async def read(
        self, workspaces: Collection[UUID], uids: Sequence[UUID], strangers: Collection[str], at_ms: int
    ) -> Reading:
        periods = current_and_last(at_ms)
        values = {
            "workspaces": list(workspaces),
            "periods": [period for period, _ in periods],
            "starts": [start for _, start in periods],
            "uids": list(uids),
            "first": min(uids, default=NOBODY),  # all of them are of a partition or two
            "last": max(uids, default=NOBODY),
            "strangers": list(strangers),
        }
        balances, budgets, recorded, writers, buried = await self._postgres.row(READ, values)
        return Reading(_wallets(balances, budgets), frozenset(recorded), tuple(writers), tuple(buried))


def _wallets(balances: list[Any], rows: list[Any]) -> dict[UUID, Wallet]:
    left: dict[UUID, dict[str, int]] = {}
    versions: dict[UUID, int] = {}
    budgets: dict[UUID, dict[Budget, None]] = {}
    for spelled, version, spendable in balances:
        workspace_id = UUID(spelled)
        versions[workspace_id] = version
        left[workspace_id] = {balance_key(workspace_id): told_left(spendable)}
    for spelled, key, period, limit, start, spent in rows:
        workspace_id, key_id = UUID(spelled), UUID(key) if key else None
        budget = Budget(key_id, period, limit)
        budgets.setdefault(workspace_id, {})[budget] = None
        left[workspace_id][budget_key(workspace_id, budget, start)] = told_left(limit - spent)
    return {each: Wallet(each, version, left[each], tuple(budgets.get(each, ()))) for each, version in versions.items()}
