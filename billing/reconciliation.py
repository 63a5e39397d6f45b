"""Do the numbers agree? Each check names the rows that do not. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connection

from billing import rollup
from billing.periods import hour_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Check:
    """`sql` gives a row for each disagreement: what it is about, what one side says, what the other says."""

    name: str
    sql: str


@dataclass(frozen=True, slots=True)
class Finding:
    check: str
    about: str
    expected: int
    found: int

    def __str__(self) -> str:
        return f"{self.check}: {self.about}: expected {self.expected}, found {self.found}"


CHECKS = (
    Check(
        "a balance is its postings less its records' costs",
        """
        SELECT 'workspace ' || workspace_id, coalesce(posted.nanos, 0) - coalesce(spent.nanos, 0),
               coalesce(balance.nanos, 0)
        FROM (SELECT workspace_id, nanos FROM billing_balance) AS balance
        FULL JOIN (SELECT workspace_id, sum(nanos) AS nanos FROM billing_posting GROUP BY 1) AS posted
            USING (workspace_id)
        FULL JOIN (SELECT workspace_id, sum(cost_nanos) AS nanos FROM billing_requestrecord GROUP BY 1) AS spent
            USING (workspace_id)
        WHERE coalesce(balance.nanos, 0) <> coalesce(posted.nanos, 0) - coalesce(spent.nanos, 0)
        ORDER BY 1
        """,
    ),
    Check(
        "a record costs, or is waived, its tokens at its price",
        """
        SELECT 'request ' || uid, priced, cost_nanos + waived_nanos
        FROM (
            SELECT uid, cost_nanos, waived_nanos,
                   (prompt_tokens - cached_tokens) * price.input_nanos + cached_tokens * price.cached_nanos
                   + completion_tokens * price.output_nanos AS priced
            FROM billing_requestrecord JOIN billing_price AS price ON price.id = price_id
        ) AS records
        WHERE priced <> cost_nanos + waived_nanos OR (cost_nanos > 0 AND waived_nanos > 0)
        ORDER BY 1
        """,
    ),
    Check(
        "the rollups of a complete hour are the sum of its records",
        """
        SELECT format('workspace %%s, key %%s, hour %%s, %%s of %%s requests', workspace_id, key_id,
                      to_char(hour AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24'),
                      coalesce(rolled.requests, 0), coalesce(counted.requests, 0)),
               coalesce(counted.nanos, 0), coalesce(rolled.nanos, 0)
        FROM (
            SELECT workspace_id, key_id, hour, requests, cost_nanos AS nanos FROM billing_usagerollup
            WHERE hour < %(complete)s
        ) AS rolled
        FULL JOIN (
            SELECT workspace_id, key_id, date_trunc('hour', admitted_at, 'UTC') AS hour, count(*) AS requests,
                   sum(cost_nanos) AS nanos, max(recorded_at) AS latest
            FROM billing_requestrecord
            WHERE admitted_at < %(complete)s GROUP BY 1, 2, 3
        ) AS counted USING (workspace_id, key_id, hour)
        WHERE coalesce(latest, '-infinity') < %(settled)s
          AND (rolled.requests, rolled.nanos) IS DISTINCT FROM (counted.requests, counted.nanos)
        ORDER BY 1
        """,
    ),
    Check(
        "an invoice is the sum of its records",
        """
        SELECT format('invoice %%s, %%s of %%s requests', number, invoice.requests, coalesce(counted.requests, 0)),
               coalesce(counted.nanos, 0), usage_nanos
        FROM billing_invoice AS invoice
        LEFT JOIN (
            SELECT invoice_id, count(*) AS requests, sum(cost_nanos) AS nanos FROM billing_requestrecord
            WHERE invoice_id IS NOT NULL GROUP BY 1
        ) AS counted ON counted.invoice_id = invoice.id
        WHERE (counted.requests, counted.nanos) IS DISTINCT FROM (invoice.requests::int8, invoice.usage_nanos::numeric)
        ORDER BY 1
        """,
    ),
    Check(
        "an invoice is the sum of its lines, exact and in cents",
        """
        SELECT 'invoice ' || number, usage_nanos + total_cents, coalesce(lines.nanos, 0) + coalesce(lines.cents, 0)
        FROM billing_invoice AS invoice
        LEFT JOIN (
            SELECT invoice_id, sum(exact_nanos) AS nanos, sum(cents) AS cents FROM billing_invoiceline GROUP BY 1
        ) AS lines ON lines.invoice_id = invoice.id
        WHERE (lines.nanos, lines.cents) IS DISTINCT FROM (invoice.usage_nanos::numeric, invoice.total_cents::numeric)
        ORDER BY 1
        """,
    ),
    Check(
        "a line is its tokens at its price, and its cents and remainder are all of it",
        """
        SELECT 'invoice ' || number || ', line ' || position, tokens * unit_nanos + carried_in_nanos,
               cents * 10000000 + carried_out_nanos
        FROM billing_invoiceline JOIN billing_invoice AS invoice ON invoice.id = invoice_id
        WHERE tokens * unit_nanos <> exact_nanos
           OR exact_nanos + carried_in_nanos <> cents * 10000000 + carried_out_nanos
        ORDER BY 1
        """,
    ),
    Check(
        "a line carries in what the last line of its item carried out",
        """
        SELECT 'invoice ' || number || ', line ' || position, before, carried_in_nanos
        FROM (
            SELECT number, position, carried_in_nanos, coalesce(lag(carried_out_nanos) OVER (
                PARTITION BY workspace_id, item ORDER BY period_start, position
            ), 0) AS before
            FROM billing_invoiceline JOIN billing_invoice AS invoice ON invoice.id = invoice_id
        ) AS lines
        WHERE before <> carried_in_nanos
        ORDER BY 1
        """,
    ),
    Check(
        "invoice numbers have no gap",
        """
        SELECT 'series ' || name, last, (SELECT count(*) FROM billing_invoice WHERE number LIKE name || '-%%')
        FROM billing_invoiceseries AS series
        WHERE last <> (SELECT count(*) FROM billing_invoice WHERE number LIKE name || '-%%')
        ORDER BY 1
        """,
    ),
)


def findings(now: datetime) -> Iterator[tuple[Check, list[Finding]]]:
    """Make check after check, and give each with what it found. One check is one statement: one snapshot."""
    mark = rollup.complete_up_to(now)
    # Without rollups both are NULL: no hour is complete, and none is compared.
    moments = {
        "complete": hour_of(mark).start if mark else None,
        "settled": mark - rollup.OVERLAP if mark else None,
    }
    for check in CHECKS:
        with connection.cursor() as cursor:
            cursor.execute(check.sql, moments)
            rows = cursor.fetchall()
        yield check, [Finding(check.name, about, int(expected), int(found)) for about, expected, found in rows]
