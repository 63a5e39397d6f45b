import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_first_tiers"), ("billing", "0008_budget_alerts")]
    operations = [
        migrations.CreateModel(
            name="BalanceAlert",
            fields=[
                (
                    "workspace",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="balance_alert",
                        serialize=False,
                        to="accounts.workspace",
                    ),
                ),
                ("below_nanos", models.BigIntegerField()),
                ("told_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("below_nanos__gt", 0)), name="balance_alert_of_something"
                    )
                ],
            },
        ),
    ]
