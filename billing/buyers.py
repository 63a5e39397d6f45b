"""Who is billed, as of now, and what tax is charged. An invoice keeps a snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings

from accounts.models import Role
from billing.models import BillingProfile

if TYPE_CHECKING:
    from accounts.models import Workspace
    from billing.taxes import Tax


@dataclass(frozen=True, slots=True)
class Buyer:
    """A workspace with its billing profile, if it has one."""

    workspace: Workspace
    owner_email: str
    profile: BillingProfile | None

    @property
    def tax(self) -> Tax:
        country, tax_id = (self.profile.country, self.profile.tax_id) if self.profile else ("", "")
        return settings.PYLO_TAX.tax(country, tax_id)

    def snapshot(self) -> dict[str, object]:
        """Return it as an invoice keeps it, and as `documents` prints it."""
        plain = {"workspace": str(self.workspace.id), "name": self.workspace.name, "email": self.owner_email}
        if self.profile is None:
            return {**plain}
        return plain | {
            "name": self.profile.legal_name or self.workspace.name,
            "email": self.profile.email or self.owner_email,
            "invoice_email": self.profile.email,
            "address": self.profile.lines,
            "country": self.profile.country,
            "tax_id": self.profile.tax_id,
            "reference": self.profile.reference,
        }


def buyer(workspace: Workspace) -> Buyer:
    owner = workspace.memberships.filter(role=Role.OWNER).select_related("user").order_by("id").first()
    profile = BillingProfile.objects.filter(workspace=workspace).first()
    return Buyer(workspace, owner.user.email if owner else "", profile)
