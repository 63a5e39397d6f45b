-- Of an invoice only its status moves, and only while it is due. A credit note stands as it is.

DROP TRIGGER invoice_stands ON billing_invoice;
UPDATE billing_invoice SET status = 'paid', settled_at = issued_at WHERE credit_cents = total_cents;
CREATE TRIGGER invoice_stands BEFORE UPDATE ON billing_invoice
FOR EACH ROW EXECUTE FUNCTION billing_only_columns('status', 'settled_at');
CREATE TRIGGER invoice_is_settled_once BEFORE UPDATE ON billing_invoice
FOR EACH ROW WHEN (OLD.status <> 'finalised') EXECUTE FUNCTION billing_append_only();
CREATE TRIGGER credit_note_stands BEFORE UPDATE OR DELETE ON billing_creditnote
FOR EACH ROW EXECUTE FUNCTION billing_append_only();
