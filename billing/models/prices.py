"""What a token costs, and when."""

from __future__ import annotations

import uuid

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q


class _Range(Func):
    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


class Price(models.Model):
    """The price of a model's tokens over [starts_at, ends_at), nano-dollars a token; ranges never overlap."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    model = models.CharField(max_length=80)
    input_nanos = models.BigIntegerField()
    cached_nanos = models.BigIntegerField()
    output_nanos = models.BigIntegerField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(input_nanos__gte=0, cached_nanos__gte=0, output_nanos__gte=0), name="price_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")), name="price_ends_after_start"
            ),
            ExclusionConstraint(
                name="price_no_overlap",
                expressions=[
                    ("model", RangeOperators.EQUAL),
                    (_Range("starts_at", "ends_at", RangeBoundary()), RangeOperators.OVERLAPS),
                ],
            ),
        )

    def __str__(self) -> str:
        return f"{self.model} from {self.starts_at:%Y-%m-%d}"
