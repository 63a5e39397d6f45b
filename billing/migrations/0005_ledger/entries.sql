-- What was posted before there were entries: a batch for all records of a workspace, and the other side of its credit.

UPDATE billing_requestrecord SET batch = workspace_id;

INSERT INTO billing_posting (workspace_id, kind, nanos, key, note, posted_at)
SELECT workspace_id, 'usage', -sum(cost_nanos), format('usage:%s:%s', workspace_id, workspace_id), '', max(recorded_at)
FROM billing_requestrecord GROUP BY workspace_id HAVING sum(cost_nanos) > 0;

INSERT INTO billing_creditgrant (workspace_id, posting_id, nanos, left_nanos, granted_at)
SELECT granted.workspace_id, granted.id, granted.nanos, greatest(granted.nanos + coalesce(used.nanos, 0), 0),
       granted.posted_at
FROM billing_posting AS granted
LEFT JOIN billing_posting AS used ON used.workspace_id = granted.workspace_id AND used.kind = 'usage'
WHERE granted.kind = 'signup_credit' AND granted.nanos > 0;

INSERT INTO billing_entry (posting_id, account, nanos, grant_id)
SELECT posting.id, 'customer_promo', creditgrant.nanos, creditgrant.id
FROM billing_creditgrant AS creditgrant JOIN billing_posting AS posting ON posting.id = posting_id
UNION ALL
SELECT id, 'customer_paid', nanos, NULL FROM billing_posting WHERE kind IN ('top_up', 'adjustment') AND nanos <> 0
UNION ALL
SELECT id, CASE kind WHEN 'signup_credit' THEN 'promotions' WHEN 'top_up' THEN 'psp_clearing' ELSE 'adjustments' END,
       -nanos, NULL
FROM billing_posting WHERE kind <> 'usage' AND nanos <> 0
UNION ALL
SELECT used.id, 'customer_promo', creditgrant.left_nanos - creditgrant.nanos, creditgrant.id
FROM billing_posting AS used JOIN billing_creditgrant AS creditgrant USING (workspace_id)
WHERE used.kind = 'usage' AND creditgrant.left_nanos < creditgrant.nanos
UNION ALL
SELECT used.id, 'customer_paid', used.nanos + coalesce(creditgrant.nanos - creditgrant.left_nanos, 0), NULL
FROM billing_posting AS used LEFT JOIN billing_creditgrant AS creditgrant USING (workspace_id)
WHERE used.kind = 'usage' AND used.nanos + coalesce(creditgrant.nanos - creditgrant.left_nanos, 0) <> 0
UNION ALL
SELECT id, 'revenue', -nanos, NULL FROM billing_posting WHERE kind = 'usage';

INSERT INTO billing_spend (holder, period, starts_on, nanos)
SELECT holder, period, starts_on, sum(cost_nanos)
FROM billing_requestrecord,
     LATERAL (VALUES (workspace_id), (key_id)) AS holders (holder),
     LATERAL (SELECT admitted_at AT TIME ZONE 'UTC' AS moment) AS local,
     LATERAL (VALUES ('day', moment::date), ('week', date_trunc('week', moment)::date),
                     ('month', date_trunc('month', moment)::date), ('total', '1970-01-01')) AS periods (period, starts_on)
GROUP BY holder, period, starts_on HAVING sum(cost_nanos) > 0;

SET CONSTRAINTS ALL IMMEDIATE;

-- A posting's entries sum to zero, and the customer's to what the posting does to the balance.

CREATE FUNCTION billing_posting_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    posting bigint := (to_jsonb(NEW) ->> TG_ARGV[0])::bigint;
    told bigint;
    rest numeric;
    customers numeric;
BEGIN
    SELECT nanos INTO told FROM billing_posting WHERE id = posting;
    SELECT coalesce(sum(nanos), 0), coalesce(sum(nanos) FILTER (WHERE account IN ('customer_paid', 'customer_promo')), 0)
    INTO rest, customers FROM billing_entry WHERE posting_id = posting;
    IF rest <> 0 OR customers <> told THEN
        RAISE EXCEPTION 'posting % does not balance: its entries sum to %, the customer''s to %, and it says %',
            posting, rest, customers, told USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER posting_balances AFTER INSERT ON billing_posting
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_posting_balances('id');
CREATE CONSTRAINT TRIGGER entry_balances AFTER INSERT ON billing_entry
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_posting_balances('posting_id');
