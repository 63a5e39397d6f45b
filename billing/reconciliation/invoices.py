"""What invoices say, beside their records, their lines and their numbers."""

from __future__ import annotations

from billing.reconciliation.check import Check

CHECKS = (
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
        WHERE period_start >= coalesce(%(kept)s::timestamptz, '-infinity')
          AND (counted.requests, free, waived, counted.nanos)
              IS DISTINCT FROM (invoice.requests, free_requests, waived_nanos::numeric, usage_nanos::numeric)
        ORDER BY 1
        """,
    ),
    Check(
        "the balance pays an invoice at most",
        """
        SELECT 'invoice ' || number, least(greatest(credit_cents, 0), total_cents + tax_cents), credit_cents
        FROM billing_invoice WHERE credit_cents NOT BETWEEN 0 AND total_cents + tax_cents
        ORDER BY 1
        """,
    ),
    Check(
        "an invoice's tax is its rate of its total, half a cent up, and posted",
        """
        SELECT 'invoice ' || number, (total_cents * tax_rate_ppm + 500000) / 1000000 * 10000000,
               coalesce(-posting.nanos, tax_cents * 10000000)
        FROM billing_invoice AS invoice LEFT JOIN billing_posting AS posting ON posting.key = 'tax:' || number
        WHERE tax_cents <> (total_cents * tax_rate_ppm + 500000) / 1000000
           OR tax_cents * 10000000 <> coalesce(-posting.nanos, 0)
        ORDER BY 1
        """,
    ),
    Check(
        "a credit note is posted, and all of an invoice's are at most the invoice",
        """
        SELECT 'credit note ' || note.number, (cents + tax_cents) * 10000000, coalesce(posting.nanos, 0)
        FROM billing_creditnote AS note LEFT JOIN billing_posting AS posting ON posting.key = 'credit_note:' || number
        WHERE (cents + tax_cents) * 10000000 IS DISTINCT FROM posting.nanos
        UNION ALL
        SELECT 'invoice ' || invoice.number, total_cents + invoice.tax_cents, taken
        FROM billing_invoice AS invoice JOIN (
            SELECT invoice_id, sum(cents + tax_cents) AS taken FROM billing_creditnote GROUP BY 1
        ) AS notes ON notes.invoice_id = invoice.id
        WHERE taken > total_cents + invoice.tax_cents
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
            FROM (SELECT number FROM billing_invoice UNION ALL SELECT number FROM billing_creditnote) AS documents
            GROUP BY 1
        ) AS issued USING (series)
        WHERE (last, last) IS DISTINCT FROM (invoices, latest)
        ORDER BY 1
        """,
    ),
)
