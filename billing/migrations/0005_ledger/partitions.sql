-- Request records by the month of their UUIDv7, which begins with the milliseconds since 1970.

ALTER TABLE billing_requestrecord RENAME TO billing_requestrecord_whole;

CREATE TABLE billing_requestrecord (LIKE billing_requestrecord_whole INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
PARTITION BY RANGE (uid);
CREATE TABLE billing_requestrecord_rest PARTITION OF billing_requestrecord DEFAULT;
INSERT INTO billing_requestrecord SELECT * FROM billing_requestrecord_whole;
DROP TABLE billing_requestrecord_whole;

ALTER TABLE billing_requestrecord
    ADD PRIMARY KEY (uid),
    ADD CONSTRAINT record_of_a_workspace FOREIGN KEY (workspace_id) REFERENCES accounts_workspace
        DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT record_of_a_key FOREIGN KEY (key_id) REFERENCES accounts_apikey DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT record_at_a_price FOREIGN KEY (price_id) REFERENCES billing_price DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT record_on_an_invoice FOREIGN KEY (invoice_id) REFERENCES billing_invoice
        DEFERRABLE INITIALLY DEFERRED;

CREATE INDEX record_by_workspace ON billing_requestrecord (workspace_id, admitted_at DESC);
CREATE INDEX record_by_request_id ON billing_requestrecord (workspace_id, request_id);
CREATE INDEX record_not_invoiced ON billing_requestrecord (workspace_id, admitted_at) WHERE invoice_id IS NULL;
CREATE INDEX record_by_key ON billing_requestrecord (key_id, admitted_at DESC);
CREATE INDEX record_by_invoice ON billing_requestrecord (invoice_id) WHERE invoice_id IS NOT NULL;
CREATE INDEX record_by_admission ON billing_requestrecord USING brin (admitted_at)
    WITH (autosummarize = on, pages_per_range = 32);
CREATE INDEX record_by_recording ON billing_requestrecord USING brin (recorded_at)
    WITH (autosummarize = on, pages_per_range = 32);

-- The app's own role may make and drop partitions by these, and by nothing else.

CREATE FUNCTION billing_uid_at(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT rpad(lpad(to_hex((extract(epoch FROM moment) * 1000)::int8), 12, '0'), 32, '0')::uuid
$$;

CREATE FUNCTION billing_make_partition(month date) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
DECLARE
    first date := date_trunc('month', month)::date;
    name text := 'billing_requestrecord_' || to_char(first, '"y"YYYY"m"MM');
    low uuid := billing_uid_at(first::timestamptz);
    high uuid := billing_uid_at((first + interval '1 month')::date::timestamptz);
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('billing_partitions'));
    IF to_regclass(name) IS NOT NULL THEN
        RETURN false;
    END IF;
    LOCK TABLE billing_requestrecord_rest IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('CREATE TABLE %I (LIKE billing_requestrecord INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
    ALTER TABLE billing_requestrecord_rest DISABLE TRIGGER USER;
    EXECUTE format('WITH moved AS (DELETE FROM billing_requestrecord_rest WHERE uid >= %L AND uid < %L RETURNING *) '
                   'INSERT INTO %I SELECT * FROM moved', low, high, name);
    ALTER TABLE billing_requestrecord_rest ENABLE TRIGGER USER;
    EXECUTE format('ALTER TABLE billing_requestrecord ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   name, low, high);
    RETURN true;
END $$;

CREATE FUNCTION billing_drop_partition(month date) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
DECLARE
    name text := 'billing_requestrecord_' || to_char(date_trunc('month', month), '"y"YYYY"m"MM');
    needed bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('billing_partitions'));
    IF to_regclass(name) IS NULL THEN
        RETURN 'gone';
    END IF;
    EXECUTE format('SELECT count(*) FROM %I WHERE invoice_id IS NULL AND cost_nanos > 0', name) INTO needed;
    IF needed > 0 THEN
        RETURN format('%s records are not invoiced', needed);
    END IF;
    EXECUTE format('DROP TABLE %I', name);
    RETURN 'dropped';
END $$;

REVOKE ALL ON FUNCTION billing_make_partition(date), billing_drop_partition(date) FROM PUBLIC;

SELECT billing_make_partition((date_trunc('month', now()) + make_interval(months => ahead))::date)
FROM generate_series(-1, 3) AS ahead;
