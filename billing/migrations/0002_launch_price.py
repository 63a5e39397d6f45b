"""The price Pylo opens with: $0.90 in, $0.18 cached, $3.90 out, by the million tokens."""

from datetime import UTC, datetime
from uuid import UUID

from django.db import migrations

LAUNCH = UUID("01946f4e-0000-7000-8000-000000000001")


def add(apps, schema_editor):
    apps.get_model("billing", "Price").objects.create(
        id=LAUNCH,
        model="moonshotai/kimi-k2.6",
        input_nanos=900,
        cached_nanos=180,
        output_nanos=3900,
        starts_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def remove(apps, schema_editor):
    apps.get_model("billing", "Price").objects.filter(id=LAUNCH).delete()


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]
    operations = [migrations.RunPython(add, remove)]
