"""Request records by the million: inserted by Postgres itself, spread over thirty days, most of them one workspace's.

Triggers are passed over (`session_replication_role`), for they would look up each row's workspace, key and price; the
indexes and checks are not. Nobody but the benchmark's own database is ever treated so.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
from django.db import connection

from accounts.models import ApiKey, Membership, Role, User
from bench.ledger_figures import chunks
from bench.ledger_progress import Progress
from bench.ledger_shipping import make_keys
from billing import spend_rebuild
from billing.models import Price

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import Workspace

OTHERS = 20  # workspaces beside the one with most of the rows
KEYS = 10  # of that one
SHARE = 0.7  # of the rows that are its
SPAN = timedelta(days=30)
CHUNK = 100_000
AT_ONCE = 2

_LOAD = """
INSERT INTO billing_requestrecord (uid, request_id, workspace_id, key_id, price_id, model, stream, admitted_at,
    recorded_at, upstream, attempts, status, outcome, finish_reason, error_code, prompt_tokens, cached_tokens,
    completion_tokens, reasoning_tokens, usage_source, first_token_ms, duration_ms, cost_nanos, waived_nanos, batch)
SELECT uid, 'req_' || uid, keys.workspaces[holder], keys.ids[holder], price.id, price.model, true, admitted_at,
    admitted_at + interval '5 seconds', 'primary', 1, CASE WHEN charged THEN 200 ELSE 503 END, outcome,
    CASE WHEN charged THEN 'stop' ELSE '' END, CASE WHEN charged THEN '' ELSE 'upstream_error' END,
    prompt, prompt / 2, completion, completion / 3, 'upstream', 210, 1930,
    CASE WHEN charged THEN cost ELSE 0 END, CASE WHEN charged THEN 0 ELSE cost END, md5((n / 1000)::text)::uuid
FROM (
    SELECT n, admitted_at, outcome, prompt, completion, outcome IN ('completed', 'client_gone') AS charged,
        (lpad(to_hex((extract(epoch FROM admitted_at) * 1000)::int8), 12, '0') || '7' || substr(hash, 1, 3) || '8'
            || substr(hash, 4, 15))::uuid AS uid,
        CASE WHEN chance %% 1000 < %(share)s THEN 1 + chance / 1000 %% %(keys)s
             ELSE 1 + %(keys)s + chance / 1000 %% %(others)s END AS holder
    FROM (
        SELECT n, hash, ('x' || substr(hash, 20, 7))::bit(28)::int AS chance,
            %(start)s::timestamptz + n * (%(span)s::interval / %(total)s) AS admitted_at,
            200 + ('x' || substr(hash, 1, 3))::bit(12)::int AS prompt,
            1 + ('x' || substr(hash, 4, 3))::bit(12)::int / 4 AS completion,
            CASE WHEN n %% 10007 = 0 THEN 'upstream_cut' WHEN n %% 1009 = 0 THEN 'no_tokens'
                 WHEN n %% 53 = 0 THEN 'upstream_error' WHEN n %% 47 = 0 THEN 'client_gone'
                 ELSE 'completed' END AS outcome
        FROM generate_series(%(first)s::int8, %(last)s::int8) AS n, LATERAL (SELECT md5(n::text) AS hash) AS hashed
    ) AS drawn
) AS made
CROSS JOIN (SELECT %(workspaces)s::uuid[] AS workspaces, %(ids)s::uuid[] AS ids) AS keys
CROSS JOIN (SELECT *, 0 AS one FROM billing_price WHERE id = %(price)s) AS price,
LATERAL (SELECT (prompt - prompt / 2) * price.input_nanos + prompt / 2 * price.cached_nanos
                + completion * price.output_nanos AS cost) AS costs
"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What there is now: `owner` is of the workspace with most of the rows."""

    workspace: Workspace
    owner: User
    key: ApiKey
    start: datetime
    records: int
    seconds: float


def load(url: str, records: int, now: datetime, until: float) -> Loaded:
    """Insert the records, or as many as there is time for `until` a moment of the monotonic clock."""
    held = make_keys(OTHERS + 1, now)
    big = held[0].workspace
    more = [
        ApiKey(workspace=big, name=f"key {n}", digest=f"{n:032}".encode(), prefix="p", last_four="wxyz")
        for n in range(1, KEYS)
    ]
    keys = [held[0], *ApiKey.objects.bulk_create(more), *held[1:]]
    owner = User.objects.create_user("bench-ledger@example.com", None)
    Membership.objects.create(workspace=big, user=owner, role=Role.OWNER)
    start = now - SPAN
    with connection.cursor() as cursor:
        cursor.execute("SELECT billing_make_partition(%s)", [start.date()])
    given = {
        "share": round(SHARE * 1000),
        "keys": KEYS,
        "others": OTHERS,
        "start": start,
        "span": SPAN,
        "total": records,
        "workspaces": [key.workspace_id for key in keys],
        "ids": [key.id for key in keys],
        "price": Price.objects.order_by("starts_at").values_list("id", flat=True)[0],
    }
    progress, done = Progress("loading", records), 0
    began = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for each in as_completed([pool.submit(_load, url, part, given, until) for part in chunks(records, CHUNK)]):
            done += each.result()
            progress.at(done)
    for workspace in {key.workspace_id for key in keys}:
        spend_rebuild.rebuild_unbilled(workspace)
    return Loaded(big, owner, held[0], start, done, time.perf_counter() - began)


def settle_down(url: str) -> None:
    """Do what autovacuum does in time: the figures are to be those of a table that has been there for a while."""
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("VACUUM (ANALYZE) billing_requestrecord")
        session.execute("VACUUM (ANALYZE) billing_usagerollup")
        session.execute("CHECKPOINT")


def _load(url: str, part: range, given: dict[str, object], until: float) -> int:
    if time.monotonic() > until:
        return 0
    with psycopg.connect(url) as session:
        session.execute("SET session_replication_role = replica")
        cursor = session.execute(_LOAD, {**given, "first": part.start, "last": part.stop - 1})
        return cursor.rowcount
