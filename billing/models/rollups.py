"""What the records of an hour sum up to."""

from __future__ import annotations

from django.db import models

from accounts.models import ApiKey, Workspace


class UsageRollup(models.Model):
    """The records of one UTC hour by workspace and key: recomputed from them whole and upserted, never added to."""

    hour = models.DateTimeField()
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, related_name="+")
    requests = models.BigIntegerField()
    failed = models.BigIntegerField()  # those that cost nothing, by how they ended
    prompt_tokens = models.BigIntegerField()
    cached_tokens = models.BigIntegerField()
    completion_tokens = models.BigIntegerField()
    reasoning_tokens = models.BigIntegerField()
    cost_nanos = models.BigIntegerField()
    waived_nanos = models.BigIntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("workspace", "hour", "key"), name="rollup_once"),)
        indexes = (models.Index(fields=("hour",), name="rollup_by_hour"),)

    def __str__(self) -> str:
        return f"{self.workspace_id} {self.hour:%Y-%m-%dT%H}"


class RollupMark(models.Model):
    """Every record that was recorded before `up_to` is in the rollups."""

    name = models.CharField(primary_key=True, max_length=16)
    up_to = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} up to {self.up_to:%Y-%m-%d %H:%M:%S} UTC"
