"""What no invoice holds yet, by month and price, beside the records that it is the sum of."""

import django.db.models.deletion
from django.db import migrations, models

FILL = """
INSERT INTO billing_unbilledusage (workspace_id, month, price_id, requests, paid_requests, prompt_tokens, cached_tokens,
                                   completion_tokens, cost_nanos, waived_nanos)
SELECT workspace_id, date_trunc('month', admitted_at AT TIME ZONE 'UTC')::date, price_id, count(*),
       count(*) FILTER (WHERE paid), coalesce(sum(prompt_tokens) FILTER (WHERE paid), 0),
       coalesce(sum(cached_tokens) FILTER (WHERE paid), 0), coalesce(sum(completion_tokens) FILTER (WHERE paid), 0),
       sum(cost_nanos), sum(waived_nanos)
FROM (SELECT *, outcome IN ('completed', 'client_gone') AS paid FROM billing_requestrecord WHERE invoice_id IS NULL) r
GROUP BY 1, 2, 3
"""


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_first_tiers'),
        ('billing', '0011_billing_profiles'),
    ]

    operations = [
        migrations.CreateModel(
            name='UnbilledUsage',
            fields=[
                ('pk', models.CompositePrimaryKey('workspace_id', 'month', 'price_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('month', models.DateField()),
                ('requests', models.BigIntegerField()),
                ('paid_requests', models.BigIntegerField()),
                ('prompt_tokens', models.BigIntegerField()),
                ('cached_tokens', models.BigIntegerField()),
                ('completion_tokens', models.BigIntegerField()),
                ('cost_nanos', models.BigIntegerField()),
                ('waived_nanos', models.BigIntegerField()),
                ('price', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.price')),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.workspace')),
            ],
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
