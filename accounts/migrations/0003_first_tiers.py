"""The tiers Pylo opens with. What ran without limits before goes into the largest."""

from django.db import migrations

TIERS = (("Free", 60, 300_000, 8), ("Build", 600, 2_000_000, 64), ("Scale", 6000, 20_000_000, 512))


def add(apps, schema_editor):
    tier = apps.get_model("accounts", "Tier")
    for name, requests, tokens, concurrent in TIERS:
        made = tier.objects.create(
            name=name,
            requests_per_minute=requests,
            tokens_per_minute=tokens,
            concurrent_requests=concurrent,
            is_first=name == "Free",
        )
    apps.get_model("accounts", "Workspace").objects.filter(tier=None).update(tier=made)


def remove(apps, schema_editor):
    apps.get_model("accounts", "Workspace").objects.update(tier=None)
    apps.get_model("accounts", "Tier").objects.filter(name__in=[name for name, *_ in TIERS]).delete()


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_limits")]
    operations = [migrations.RunPython(add, remove)]
