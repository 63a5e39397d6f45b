"""Do the numbers agree? Each check names the rows that do not. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connection

from billing import rollup
from billing.periods import hour_of
from gateway.usage import CHARGED

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
        "a record's price is its model's and held then",
        """
        SELECT 'request ' || uid, 1, 0
        FROM billing_requestrecord AS record JOIN billing_price AS price ON price.id = price_id
        WHERE record.model <> price.model OR admitted_at < starts_at OR admitted_at >= ends_at
        ORDER BY 1
        """,
    ),
    Check(
        "a record's key and invoice are its workspace's, and the invoice's end is after it",
        """
        SELECT 'request ' || uid, 1, 0
        FROM billing_requestrecord AS record
        JOIN accounts_apikey AS key ON key.id = key_id
        LEFT JOIN billing_invoice AS invoice ON invoice.id = invoice_id
        WHERE key.workspace_id <> record.workspace_id OR invoice.workspace_id <> record.workspace_id
           OR admitted_at >= period_end
        ORDER BY 1
        """,
    ),
    Check(
        "the rollups of a complete hour are the sum of its records",
        """
        SELECT format('workspace %%s, key %%s, hour %%s, (requests, failed, prompt, cached, completion, reasoning, '
                      'cost, waived) %%s of %%s', workspace_id, key_id,
                      to_char(hour AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24'), rolled.sums, counted.sums),
               coalesce(counted.nanos, 0), coalesce(rolled.nanos, 0)
        FROM (
            SELECT workspace_id, key_id, hour, cost_nanos AS nanos,
                   ROW(requests, failed, prompt_tokens::numeric, cached_tokens::numeric, completion_tokens::numeric,
                       reasoning_tokens::numeric, cost_nanos::numeric, waived_nanos::numeric) AS sums
            FROM billing_usagerollup WHERE hour < %(complete)s
        ) AS rolled
        FULL JOIN (
            SELECT workspace_id, key_id, date_trunc('hour', admitted_at, 'UTC') AS hour, sum(cost_nanos) AS nanos,
                   ROW(count(*), count(*) FILTER (WHERE outcome <> ALL(%(charged)s)), sum(prompt_tokens),
                       sum(cached_tokens), sum(completion_tokens), sum(reasoning_tokens), sum(cost_nanos),
                       sum(waived_nanos)) AS sums,
                   max(recorded_at) AS latest
            FROM billing_requestrecord WHERE admitted_at < %(complete)s GROUP BY 1, 2, 3
        ) AS counted USING (workspace_id, key_id, hour)
        WHERE coalesce(latest, '-infinity') < %(settled)s AND rolled.sums IS DISTINCT FROM counted.sums
        ORDER BY 1
        """,
    ),
    Check(
        "an invoice is the sum of its records",
        """
        SELECT format('invoice %%s, (requests, free, waived) %%s of %%s', number,
                      ROW(invoice.requests, free_requests, waived_nanos), ROW(counted.requests, free, waived)),
               coalesce(counted.nanos, 0), usage_nanos
        FROM billing_invoice AS invoice
        LEFT JOIN (
            SELECT invoice_id, count(*) AS requests, count(*) FILTER (WHERE outcome <> ALL(%(charged)s)) AS free,
                   sum(waived_nanos) AS waived, sum(cost_nanos) AS nanos
            FROM billing_requestrecord WHERE invoice_id IS NOT NULL GROUP BY 1
        ) AS counted ON counted.invoice_id = invoice.id
        WHERE (counted.requests, free, waived, counted.nanos)
              IS DISTINCT FROM (invoice.requests, free_requests, waived_nanos::numeric, usage_nanos::numeric)
        ORDER BY 1
        """,
    ),
    Check(
        "the balance pays an invoice at most",
        """
        SELECT 'invoice ' || number, least(greatest(credit_cents, 0), total_cents), credit_cents
        FROM billing_invoice WHERE credit_cents NOT BETWEEN 0 AND total_cents
        ORDER BY 1
        """,
    ),
    Check(
        "an invoice's PDF is the one that was issued",
        """
        SELECT 'invoice ' || number, 1, 0 FROM billing_invoice WHERE encode(sha256(pdf), 'hex') <> pdf_sha256
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
        SELECT 'series ' || series, coalesce(last, 0), coalesce(greatest(invoices, latest), 0)
        FROM (SELECT name AS series, last FROM billing_invoiceseries) AS given
        FULL JOIN (
            SELECT regexp_replace(number, '-[0-9]+$', '') AS series, count(*) AS invoices,
                   max(substring(number FROM '[0-9]+$')::int8) AS latest
            FROM billing_invoice GROUP BY 1
        ) AS issued USING (series)
        WHERE (last, last) IS DISTINCT FROM (invoices, latest)
        ORDER BY 1
        """,
    ),
)


def findings(now: datetime) -> Iterator[tuple[Check, list[Finding]]]:
    """Make check after check, and give each with what it found. One check is one statement: one snapshot."""
    mark = rollup.complete_up_to(now)
    # Without rollups both moments are NULL: no hour is complete, and none is compared.
    asked = {
        "complete": hour_of(mark).start if mark else None,
        "settled": mark - rollup.OVERLAP if mark else None,
        "charged": [outcome.value for outcome in sorted(CHARGED)],
    }
    for check in CHECKS:
        with connection.cursor() as cursor:
            cursor.execute(check.sql, asked)
            rows = cursor.fetchall()
        yield check, [Finding(check.name, about, int(expected), int(found)) for about, expected, found in rows]
