"""What it costs: prices, records, balances and postings, rollups, invoices. Money is integer nano-dollars."""

from __future__ import annotations

import uuid
from typing import Any, NoReturn

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeBoundary, RangeOperators
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Func, Q
from django.utils import timezone

from accounts.models import ApiKey, Workspace
from billing.errors import BillingError


class Issued(BillingError):  # noqa: N818 - reads as what it is
    """An issued invoice stays as it is; what is wrong with it is put right by another document."""


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


class Balance(models.Model):
    """A workspace's one balance: what was posted less what its records cost. It may fall to −`credit_line_nanos`."""

    workspace = models.OneToOneField(Workspace, primary_key=True, on_delete=models.PROTECT, related_name="balance")
    nanos = models.BigIntegerField(default=0)
    credit_line_nanos = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.workspace}: {self.nanos} n$"


class Posting(models.Model):
    """Credit put on or taken off a balance, by anything but usage. `key` makes each happen once: `signup:<id>`."""

    class Kind(models.TextChoices):
        SIGNUP_CREDIT = "signup_credit", "Sign-up credit"
        TOP_UP = "top_up", "Credit added"
        ADJUSTMENT = "adjustment", "Adjustment"

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="postings")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    nanos = models.BigIntegerField()
    key = models.CharField(max_length=120, unique=True)
    note = models.CharField(max_length=200, blank=True)
    posted_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"{self.kind} {self.nanos} n$"


class Invoice(models.Model):
    """Usage of one workspace over [period_start, period_end), finalised: a snapshot, with its PDF, never edited."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="invoices")
    number = models.CharField(max_length=32, unique=True)
    period_start = models.DateTimeField()
    period_end = models.DateTimeField()
    issued_at = models.DateTimeField()
    seller = models.JSONField()
    buyer = models.JSONField()
    requests = models.BigIntegerField()  # all of its records
    free_requests = models.BigIntegerField()  # those of them that cost nothing, by how they ended
    waived_nanos = models.BigIntegerField()  # what the free ones would have cost
    usage_nanos = models.BigIntegerField()  # the exact sum of its records' costs
    total_cents = models.BigIntegerField()  # the sum of its lines
    credit_cents = models.BigIntegerField()  # paid from the balance
    pdf = models.BinaryField()
    pdf_sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("workspace", "period_start"), name="invoice_once_per_period"),
            models.CheckConstraint(condition=Q(period_end__gt=F("period_start")), name="invoice_period_not_empty"),
        )

    def __str__(self) -> str:
        return self.number

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise Issued(f"invoice {self.number} is issued: it is never edited")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002 - the signature is Django's
        raise Issued(f"invoice {self.number} is issued: it is never deleted")

    @property
    def due_cents(self) -> int:
        return self.total_cents - self.credit_cents


class InvoiceLine(models.Model):
    """One item at one price: exact nano-dollars, rounded down to cents once, the rest carried to the next invoice."""

    class Item(models.TextChoices):
        INPUT = "input", "Input tokens"
        CACHED = "cached", "Cached input tokens"
        OUTPUT = "output", "Output tokens"

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField()
    item = models.CharField(max_length=12, choices=Item.choices)
    model = models.CharField(max_length=80)
    tokens = models.BigIntegerField()
    unit_nanos = models.BigIntegerField()
    exact_nanos = models.BigIntegerField()  # tokens × unit_nanos
    carried_in_nanos = models.BigIntegerField()  # the remainder of the same item's last line
    cents = models.BigIntegerField()  # floor((exact + carried in) ÷ 10 000 000)
    carried_out_nanos = models.BigIntegerField()

    class Meta:
        ordering = ("position",)
        constraints = (models.UniqueConstraint(fields=("invoice", "position"), name="invoice_line_position"),)

    def __str__(self) -> str:
        return f"{self.invoice} {self.item}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise Issued(f"invoice {self.invoice} is issued: its lines are never edited")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002 - the signature is Django's
        raise Issued(f"invoice {self.invoice} is issued: its lines are never deleted")


class InvoiceSeries(models.Model):
    """The last number given in a series of invoices; moved in the finalising transaction, so there are no gaps."""

    name = models.CharField(primary_key=True, max_length=16)
    last = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name}-{self.last}"


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
    tries = models.JSONField(null=True)  # each upstream that was asked, unless it was one and it answered

    class Meta:
        indexes = (  # each costs every insert about 1 µs; a BRIN next to nothing, and time only grows
            models.Index(fields=("workspace", "-admitted_at"), name="record_by_workspace"),
            models.Index(fields=("workspace", "request_id"), name="record_by_request_id"),
            models.Index(fields=("workspace", "admitted_at"), condition=Q(invoice=None), name="record_not_invoiced"),
            models.Index(fields=("key", "-admitted_at"), name="record_by_key"),
            models.Index(fields=("invoice",), condition=Q(invoice__isnull=False), name="record_by_invoice"),
            BrinIndex(fields=("admitted_at",), name="record_by_admission", autosummarize=True, pages_per_range=32),
            BrinIndex(fields=("recorded_at",), name="record_by_recording", autosummarize=True, pages_per_range=32),
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


class JournalOffset(models.Model):
    """How far a journal segment was shipped, in bytes; moved in the transaction that inserts its records."""

    segment = models.CharField(primary_key=True, max_length=200)
    shipped = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.segment}:{self.shipped}"
