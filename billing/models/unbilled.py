"""What no invoice holds yet."""

from __future__ import annotations

from django.db import models

from accounts.models import Workspace
from billing.models.prices import Price


class UnbilledUsage(models.Model):
    """The records that are on no invoice, summed by UTC month of admission and by price: moved with the balance.

    A projection, as balances are: an invoice is made of the records themselves. Tokens are those that are charged for.
    """

    pk = models.CompositePrimaryKey("workspace_id", "month", "price_id")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+", db_index=False)
    month = models.DateField()  # its first day
    price = models.ForeignKey(Price, on_delete=models.PROTECT, related_name="+", db_index=False)
    requests = models.BigIntegerField()
    paid_requests = models.BigIntegerField()
    prompt_tokens = models.BigIntegerField()
    cached_tokens = models.BigIntegerField()
    completion_tokens = models.BigIntegerField()
    cost_nanos = models.BigIntegerField()
    waived_nanos = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.workspace_id} {self.month:%Y-%m}: {self.cost_nanos} n$"
