"""`manage.py grant_role NAME`: what the app's own role needs in Postgres, and no more. Run it as the tables' owner.

What is written for good may be read and added to, and nothing else: without UPDATE, DELETE and TRUNCATE no fault of the
app's can change it, triggers or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from psycopg import sql

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

APPEND_ONLY: Final = ("billing_posting", "billing_entry", "billing_invoiceline", "billing_creditnote")
# Their triggers let a few columns change: the invoice of a record, once, its X-Request-Id, to nothing, and whether an
# invoice is paid.
MAY_CHANGE: Final = {
    "billing_requestrecord": ("invoice_id", "request_id"),
    "billing_invoice": ("status", "settled_at"),
}
ROLE: Final = "SELECT rolsuper, rolname = current_user FROM pg_roles WHERE rolname = %s"
PARTITIONS: Final = """
SELECT child.relname FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
WHERE inhparent = 'billing_requestrecord'::regclass
"""
DO: Final = (
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}",
    "GRANT EXECUTE ON FUNCTION billing_make_partition(date), billing_drop_partition(date) TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO {role}",
)


class Command(BaseCommand):
    help = "Give a role of Postgres what the app needs, and take from it what would change what is written for good."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="a role that exists and owns nothing, the one in the app's DATABASE_URL")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's
        name = options["name"]
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(ROLE, [name])
            found = cursor.fetchone()
            if found is None:
                raise CommandError(f"There is no role {name!r}. Make it first: CREATE ROLE {name} LOGIN PASSWORD '…'")
            if found[0] or found[1]:
                raise CommandError(f"{name!r} is the owner or a superuser: nothing can be kept from it.")
            cursor.execute(PARTITIONS)
            parts = [part for (part,) in cursor.fetchall()]
            for statement in (*DO, *self._take(parts)):
                cursor.execute(_for(statement, name))
        self.stdout.write(f"{name} may use the app's tables, and change none of {', '.join(APPEND_ONLY)}.")

    def _take(self, partitions: list[str]) -> list[str]:
        revoked = [f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {{role}}" for table in APPEND_ONLY]
        for table, columns in MAY_CHANGE.items():
            parts = partitions if table == "billing_requestrecord" else []
            revoked += [f"REVOKE UPDATE, DELETE, TRUNCATE ON {each} FROM {{role}}" for each in (table, *parts)]
            revoked.append(f"GRANT UPDATE ({', '.join(columns)}) ON {table} TO {{role}}")
        return revoked


def _for(statement: str, role: str) -> str:
    return sql.SQL(statement).format(role=sql.Identifier(role)).as_string(connection.connection)
