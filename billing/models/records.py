"""One row a request, and how far the journals are shipped."""

from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import ApiKey, Workspace
from billing.models.invoices import Invoice
from billing.models.prices import Price


class RequestRecord(models.Model):
    """One admitted request as it ended, at the price it was admitted under. Never the words of it."""

    uid = models.UUIDField(primary_key=True, editable=False)
    request_id = models.CharField(max_length=128)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="requests", db_index=False)
    key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, related_name="requests", db_index=False)
    price = models.ForeignKey(Price, on_delete=models.PROTECT, related_name="+", db_index=False)
    model = models.CharField(max_length=80)
    stream = models.BooleanField()
    admitted_at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=timezone.now)
    upstream = models.CharField(max_length=40, blank=True)
    attempts = models.PositiveSmallIntegerField()
    status = models.PositiveSmallIntegerField()
    outcome = models.CharField(max_length=24)
    finish_reason = models.CharField(max_length=24, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    prompt_tokens = models.BigIntegerField()
    cached_tokens = models.BigIntegerField()
    completion_tokens = models.BigIntegerField()
    reasoning_tokens = models.BigIntegerField()
    usage_source = models.CharField(max_length=12)
    first_token_ms = models.PositiveIntegerField(null=True)
    duration_ms = models.PositiveIntegerField()
    cost_nanos = models.BigIntegerField()  # charged
    waived_nanos = models.BigIntegerField()  # what it would have cost, had we or an upstream not broken it
    invoice = models.ForeignKey(Invoice, null=True, on_delete=models.PROTECT, related_name="records", db_index=False)
    batch = models.UUIDField(null=True)  # of the shipper: the posting `usage:<batch>:<workspace>` charged it
    tries = models.JSONField(null=True)  # each upstream that was asked, unless it was one and it answered

    class Meta:
        indexes = (  # each costs every insert about 1 µs; a BRIN next to nothing, and time only grows
            models.Index(fields=("workspace", "-admitted_at"), name="record_by_workspace"),
            models.Index(fields=("workspace", "request_id"), name="record_by_request_id"),
            models.Index(fields=("workspace", "admitted_at"), condition=Q(invoice=None), name="record_not_invoiced"),
            models.Index(fields=("key", "-admitted_at"), name="record_by_key"),
            models.Index(fields=("invoice", "uid"), condition=Q(invoice__isnull=False), name="record_by_invoice"),
            BrinIndex(fields=("admitted_at",), name="record_by_admission", autosummarize=True, pages_per_range=32),
            models.Index(fields=("recorded_at",), name="record_by_recording"),  # a batch has one moment: deduplicated
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(cached_tokens__gte=0, cached_tokens__lte=F("prompt_tokens")), name="record_cached_in_prompt"
            ),
            models.CheckConstraint(
                condition=Q(reasoning_tokens__gte=0, reasoning_tokens__lte=F("completion_tokens")),
                name="record_reasoning_in_completion",
            ),
            models.CheckConstraint(
                condition=Q(cost_nanos__gte=0, waived_nanos__gte=0), name="record_cost_not_negative"
            ),
        )

    def __str__(self) -> str:
        return self.request_id


class Idempotency(models.Model):
    """A charged request whose retry is to be known: `digest` names its id and body under the key of one day."""

    pk = models.CompositePrimaryKey("workspace_id", "digest")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+", db_index=False)
    digest = models.BinaryField(max_length=16)
    uid = models.UUIDField()
    admitted_at = models.DateTimeField()

    class Meta:
        indexes = (BrinIndex(fields=("admitted_at",), name="idempotency_by_admission", pages_per_range=32),)

    def __str__(self) -> str:
        return f"req_{self.uid}"


class JournalOffset(models.Model):
    """How far a journal segment was shipped, in bytes; moved in the transaction that inserts its records."""

    segment = models.CharField(primary_key=True, max_length=200)
    shipped = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.segment}:{self.shipped}"


class JournalWriter(models.Model):
    """A process that journals, by its directory (`<host>/<boot>-<pid>-<random>`), until all it wrote is shipped.

    A purse that Redis lost is made again only when everyone here without a burial has told what it holds.
    """

    name = models.CharField(primary_key=True, max_length=160)
    opened_at = models.DateTimeField()
    buried_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=("opened_at",), condition=Q(buried_at=None), name="writer_not_buried"),)

    def __str__(self) -> str:
        return self.name
