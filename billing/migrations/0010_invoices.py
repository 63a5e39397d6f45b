"""Invoices that are paid or void, with tax, and credit notes."""

from pathlib import Path

import django.db.models.deletion
import uuid
from django.db import migrations, models


SQL = Path(__file__).with_name("0010_invoices")


def stand(apps, schema_editor):
    schema_editor.execute((SQL / "stands.sql").read_text(encoding="utf-8"), params=None)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_first_tiers'),
        ('billing', '0009_balance_alerts'),
    ]

    operations = [
        migrations.CreateModel(
            name='CreditNote',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('number', models.CharField(max_length=32, unique=True)),
                ('issued_at', models.DateTimeField()),
                ('reason', models.CharField(max_length=200)),
                ('cents', models.BigIntegerField()),
                ('tax_cents', models.BigIntegerField()),
                ('by', models.CharField(max_length=254)),
                ('pdf', models.BinaryField()),
                ('pdf_sha256', models.CharField(max_length=64)),
            ],
        ),
        migrations.AddField(
            model_name='invoice',
            name='settled_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='invoice',
            name='status',
            field=models.CharField(choices=[('finalised', 'Due'), ('paid', 'Paid'), ('void', 'Void')], default='finalised', max_length=9),
        ),
        migrations.AddField(
            model_name='invoice',
            name='tax_cents',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='invoice',
            name='tax_name',
            field=models.CharField(blank=True, db_default='', default='', max_length=20),
        ),
        migrations.AddField(
            model_name='invoice',
            name='tax_note',
            field=models.CharField(blank=True, db_default='', default='', max_length=200),
        ),
        migrations.AddField(
            model_name='invoice',
            name='tax_rate_ppm',
            field=models.IntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='invoiceline',
            name='late_month',
            field=models.DateField(null=True),
        ),
        migrations.AddIndex(
            model_name='invoice',
            index=models.Index(condition=models.Q(('status', 'finalised')), fields=['workspace', 'period_end'], name='invoice_due'),
        ),
        migrations.AddField(
            model_name='creditnote',
            name='invoice',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='credit_notes', to='billing.invoice'),
        ),
        migrations.AddField(
            model_name='creditnote',
            name='workspace',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='credit_notes', to='accounts.workspace'),
        ),
        migrations.AddConstraint(
            model_name='creditnote',
            constraint=models.CheckConstraint(condition=models.Q(('cents__gt', 0), ('tax_cents__gte', 0)), name='credit_note_of_some'),
        ),
        migrations.RunPython(stand),
    ]
