-- What is written for good. A trigger stops everybody, the owner included, unless they take the trigger away; TRUNCATE
-- is kept from the app by what its role is granted (`manage.py grant_role`).

CREATE FUNCTION billing_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: no % of what is written', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'Write what puts it right.';
END $$;

-- Only the columns that it is given may change.
CREATE FUNCTION billing_only_columns() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - coalesce(TG_ARGV, '{}') <> to_jsonb(OLD) - coalesce(TG_ARGV, '{}') THEN
        RAISE EXCEPTION '% is append-only: only % may change', TG_TABLE_NAME, array_to_string(TG_ARGV, ', ')
            USING ERRCODE = 'restrict_violation', HINT = 'Write what puts it right.';
    END IF;
    RETURN NEW;
END $$;

-- A record is put on an invoice once, and its X-Request-Id is blanked when it has been kept long enough.
CREATE FUNCTION billing_record_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before billing_requestrecord%ROWTYPE := OLD;
BEGIN
    IF OLD.invoice_id IS NULL THEN
        before.invoice_id := NEW.invoice_id;
    END IF;
    IF NEW.request_id = '' THEN
        before.request_id := '';
    END IF;
    IF NEW IS DISTINCT FROM before THEN
        RAISE EXCEPTION 'billing_requestrecord is append-only: request % stays as it is', OLD.uid
            USING ERRCODE = 'restrict_violation', HINT = 'Write what puts it right.';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER posting_stands BEFORE UPDATE OR DELETE ON billing_posting
FOR EACH ROW EXECUTE FUNCTION billing_append_only();
CREATE TRIGGER entry_stands BEFORE UPDATE OR DELETE ON billing_entry
FOR EACH ROW EXECUTE FUNCTION billing_append_only();
CREATE TRIGGER line_stands BEFORE UPDATE OR DELETE ON billing_invoiceline
FOR EACH ROW EXECUTE FUNCTION billing_append_only();
CREATE TRIGGER invoice_is_kept BEFORE DELETE ON billing_invoice
FOR EACH ROW EXECUTE FUNCTION billing_append_only();
CREATE TRIGGER invoice_stands BEFORE UPDATE ON billing_invoice
FOR EACH ROW EXECUTE FUNCTION billing_only_columns();
CREATE TRIGGER record_is_kept BEFORE DELETE ON billing_requestrecord
FOR EACH ROW EXECUTE FUNCTION billing_append_only();
CREATE TRIGGER record_stands BEFORE UPDATE ON billing_requestrecord
FOR EACH ROW EXECUTE FUNCTION billing_record_stands();
