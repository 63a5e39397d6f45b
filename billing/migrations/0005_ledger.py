"""Double entry, what is never changed, and request records in partitions of a month."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

SQL = Path(__file__).with_name("0005_ledger")
KINDS = [
    ("signup_credit", "Sign-up credit"),
    ("promotion", "Promotional credit"),
    ("top_up", "Credit added"),
    ("adjustment", "Adjustment"),
    ("usage", "Usage"),
    ("expiry", "Credit expired"),
    ("refund", "Refund"),
    ("payment", "Payment of an invoice"),
    ("credit_note", "Credit note"),
    ("tax", "Tax of an invoice"),
]
ACCOUNTS = [
    ("customer_paid", "Customer Paid"),
    ("customer_promo", "Customer Promo"),
    ("revenue", "Revenue"),
    ("promotions", "Promotions"),
    ("psp_clearing", "Psp Clearing"),
    ("refunds", "Refunds"),
    ("tax", "Tax"),
    ("breakage", "Breakage"),
    ("adjustments", "Adjustments"),
]


def run(name):
    def forwards(apps, schema_editor):
        schema_editor.execute((SQL / name).read_text(encoding="utf-8"), params=None)

    return migrations.RunPython(forwards)


class Migration(migrations.Migration):
    dependencies = [("billing", "0004_money")]
    operations = [
        migrations.AlterField("posting", "kind", models.CharField(choices=KINDS, max_length=20)),
        migrations.AlterField(
            "posting",
            "workspace",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="postings",
                to="accounts.workspace",
            ),
        ),
        migrations.AddIndex(
            "posting", models.Index(fields=["workspace", "-id"], name="posting_by_workspace")
        ),
        migrations.AddIndex(
            "posting",
            models.Index(
                condition=models.Q(("kind", "usage"), _negated=True),
                fields=["workspace", "-id"],
                name="posting_but_usage",
            ),
        ),
        migrations.CreateModel(
            name="CreditGrant",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("nanos", models.BigIntegerField()),
                ("left_nanos", models.BigIntegerField()),
                ("granted_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(null=True)),
                (
                    "posting",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="grant", to="billing.posting"
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to="accounts.workspace",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("left_nanos__gt", 0)), fields=["workspace"], name="grant_not_used_up"
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("left_nanos__gte", 0), ("left_nanos__lte", models.F("nanos"))),
                        name="grant_neither_negative_nor_more",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Entry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("account", models.CharField(choices=ACCOUNTS, max_length=16)),
                ("nanos", models.BigIntegerField()),
                (
                    "grant",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="billing.creditgrant",
                    ),
                ),
                (
                    "posting",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="entries", to="billing.posting"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("nanos", 0), _negated=True), name="entry_not_empty"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("account", "customer_promo"), ("grant__isnull", False)),
                            models.Q(
                                models.Q(("account", "customer_promo"), _negated=True), ("grant__isnull", True)
                            ),
                            _connector="OR",
                        ),
                        name="entry_of_a_grant_is_promotional",
                    ),
                ],
            },
        ),
        run("entries.sql"),
        run("partitions.sql"),
        run("append_only.sql"),
    ]
