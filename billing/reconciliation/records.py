"""What records say, beside their prices, their owners and the rollups."""

from __future__ import annotations

from billing.reconciliation.check import Check

CHECKS = (
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
            FROM billing_usagerollup WHERE hour < %(complete)s AND hour >= coalesce(%(kept)s::timestamptz, '-infinity')
        ) AS rolled
        FULL JOIN (
            SELECT workspace_id, key_id, date_trunc('hour', admitted_at, 'UTC') AS hour, sum(cost_nanos) AS nanos,
                   ROW(count(*), count(*) FILTER (WHERE outcome <> ALL(%(charged)s)), sum(prompt_tokens),
                       sum(cached_tokens), sum(completion_tokens), sum(reasoning_tokens), sum(cost_nanos),
                       sum(waived_nanos)) AS sums,
                   max(recorded_at) AS latest
            FROM billing_requestrecord
            WHERE admitted_at < %(complete)s AND admitted_at >= coalesce(%(kept)s::timestamptz, '-infinity')
            GROUP BY 1, 2, 3
        ) AS counted USING (workspace_id, key_id, hour)
        WHERE coalesce(latest, '-infinity') < %(settled)s AND rolled.sums IS DISTINCT FROM counted.sums
        ORDER BY 1
        """,
    ),
    Check(
        "what is on no invoice is the sum of its records",
        """
        SELECT format('workspace %%s, month %%s, price %%s, (requests, paid, prompt, cached, completion, cost, waived) '
                      '%%s of %%s', workspace_id, to_char(month, 'YYYY-MM'), price_id, kept.sums, counted.sums),
               coalesce(counted.nanos, 0), coalesce(kept.nanos, 0)
        FROM (
            SELECT workspace_id, month, price_id, cost_nanos AS nanos,
                   ROW(requests, paid_requests, prompt_tokens::numeric, cached_tokens::numeric,
                       completion_tokens::numeric, cost_nanos::numeric, waived_nanos::numeric) AS sums
            FROM billing_unbilledusage
        ) AS kept
        FULL JOIN (
            SELECT workspace_id, date_trunc('month', admitted_at AT TIME ZONE 'UTC')::date AS month, price_id,
                   sum(cost_nanos) AS nanos,
                   ROW(count(*), count(*) FILTER (WHERE paid), coalesce(sum(prompt_tokens) FILTER (WHERE paid), 0),
                       coalesce(sum(cached_tokens) FILTER (WHERE paid), 0),
                       coalesce(sum(completion_tokens) FILTER (WHERE paid), 0), sum(cost_nanos),
                       sum(waived_nanos)) AS sums
            FROM (
                SELECT *, outcome = ANY(%(charged)s) AS paid FROM billing_requestrecord WHERE invoice_id IS NULL
            ) AS records
            GROUP BY 1, 2, 3
        ) AS counted USING (workspace_id, month, price_id)
        WHERE kept.sums IS DISTINCT FROM counted.sums
        ORDER BY 1
        """,
    ),
)
