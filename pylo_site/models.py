"""What operators have ordered."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class UpstreamControl(models.Model):
    """Whether an operator keeps new requests away from an upstream. One without a row was never touched."""

    name = models.TextField(unique=True)  # as in the upstreams' file, where it may have gone since
    draining = models.BooleanField(default=False)
    reason = models.TextField(blank=True)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    changed_at = models.DateTimeField()

    class Meta:
        verbose_name = "upstream"

    def __str__(self) -> str:
        return self.name
