"""What balances, postings, entries, grants and spends say, beside each other and the records."""

from __future__ import annotations

from billing.reconciliation.check import Check

CHECKS = (
    Check(
        "a balance is the sum of its entries",
        """
        SELECT 'workspace ' || workspace_id, coalesce(entered.nanos, 0), coalesce(balance.nanos, 0)
        FROM (SELECT workspace_id, nanos FROM billing_balance) AS balance
        FULL JOIN (
            SELECT workspace_id, sum(entry.nanos) AS nanos
            FROM billing_entry AS entry JOIN billing_posting AS posting ON posting.id = posting_id
            WHERE account IN ('customer_paid', 'customer_promo') GROUP BY 1
        ) AS entered USING (workspace_id)
        WHERE coalesce(balance.nanos, 0) <> coalesce(entered.nanos, 0)
        ORDER BY 1
        """,
    ),
    Check(
        "a posting's entries sum to zero, and the customer's to what it says",
        """
        SELECT 'posting ' || key, posting.nanos, coalesce(customers, 0) + coalesce(rest, 0)
        FROM billing_posting AS posting
        LEFT JOIN (
            SELECT posting_id, sum(nanos) AS rest,
                   coalesce(sum(nanos) FILTER (WHERE account IN ('customer_paid', 'customer_promo')), 0) AS customers
            FROM billing_entry GROUP BY 1
        ) AS entered ON entered.posting_id = posting.id
        WHERE coalesce(rest, 0) <> 0 OR coalesce(customers, 0) <> posting.nanos
        ORDER BY 1
        """,
    ),
    Check(
        "what is left of a grant is the sum of its entries",
        """
        SELECT 'grant ' || creditgrant.id, coalesce(entered.nanos, 0), left_nanos
        FROM billing_creditgrant AS creditgrant
        LEFT JOIN (SELECT grant_id, sum(nanos) AS nanos FROM billing_entry GROUP BY 1) AS entered
            ON entered.grant_id = creditgrant.id
        WHERE left_nanos <> coalesce(entered.nanos, 0)
        ORDER BY 1
        """,
    ),
    Check(
        "what is posted for a batch is what its records cost",
        """
        SELECT coalesce(posted.key, recorded.key), coalesce(recorded.nanos, 0), coalesce(posted.nanos, 0)
        FROM (
            SELECT key, -nanos AS nanos FROM billing_posting
            WHERE kind = 'usage' AND posted_at >= coalesce(%(kept)s::timestamptz, '-infinity')
        ) AS posted
        FULL JOIN (
            SELECT format('usage:%%s:%%s', batch, workspace_id) AS key, sum(cost_nanos) AS nanos
            FROM billing_requestrecord WHERE recorded_at >= coalesce(%(kept)s::timestamptz, '-infinity')
            GROUP BY batch, workspace_id HAVING sum(cost_nanos) > 0
        ) AS recorded USING (key)
        WHERE coalesce(posted.nanos, 0) <> coalesce(recorded.nanos, 0)
        ORDER BY 1
        """,
    ),
    Check(
        "what a workspace or a key spent in a day is what its records cost",
        """
        SELECT format('holder %%s, day %%s', holder, starts_on), coalesce(recorded.nanos, 0), coalesce(spend.nanos, 0)
        FROM (
            SELECT holder, starts_on, nanos FROM billing_spend
            WHERE period = 'day' AND starts_on >= coalesce(%(kept)s::timestamptz, '-infinity')
        ) AS spend
        FULL JOIN (
            SELECT holder, (admitted_at AT TIME ZONE 'UTC')::date AS starts_on, sum(cost_nanos) AS nanos
            FROM billing_requestrecord, LATERAL (VALUES (workspace_id), (key_id)) AS holders (holder)
            WHERE admitted_at >= coalesce(%(kept)s::timestamptz, '-infinity')
            GROUP BY 1, 2 HAVING sum(cost_nanos) > 0
        ) AS recorded USING (holder, starts_on)
        WHERE coalesce(spend.nanos, 0) <> coalesce(recorded.nanos, 0)
        ORDER BY 1
        """,
    ),
    Check(
        "what was spent in a week, a month and altogether is what its days sum up to",
        """
        SELECT format('holder %%s, %%s from %%s', holder, period, starts_on), coalesce(days.nanos, 0),
               coalesce(spend.nanos, 0)
        FROM (SELECT holder, period, starts_on, nanos FROM billing_spend WHERE period <> 'day') AS spend
        FULL JOIN (
            SELECT holder, other.period, other.starts_on, sum(nanos) AS nanos
            FROM billing_spend AS each,
                 LATERAL (VALUES ('week', date_trunc('week', starts_on)::date),
                                 ('month', date_trunc('month', starts_on)::date),
                                 ('total', '1970-01-01')) AS other (period, starts_on)
            WHERE each.period = 'day' GROUP BY 1, 2, 3
        ) AS days USING (holder, period, starts_on)
        WHERE coalesce(spend.nanos, 0) <> coalesce(days.nanos, 0)
        ORDER BY 1
        """,
    ),
)
