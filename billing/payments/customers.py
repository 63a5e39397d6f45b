"""The provider's customer of a workspace, made when the first payment begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accounts.models import Role
from billing.models import PaymentCustomer
from billing.payments.provider import NoSuchCustomer

if TYPE_CHECKING:
    from accounts.models import Workspace
    from billing.payments.provider import Card, Order, Provider


def of(workspace: Workspace, provider: Provider) -> str:
    """Return the customer's id. Two at once make two and keep one."""
    rows = PaymentCustomer.objects.filter(workspace=workspace, provider=provider.name)
    found = rows.values_list("customer", flat=True).first()
    if found is not None:
        return found
    made = provider.customer(workspace=str(workspace.id), email=_email(workspace))
    row, _ = PaymentCustomer.objects.get_or_create(
        workspace=workspace, provider=provider.name, defaults={"customer": made}
    )
    return row.customer


def begin(order: Order, workspace: Workspace, provider: Provider, *, return_url: str, keep_card: bool) -> str:
    """Start a payment by a person and return where; a customer that was removed at the provider's is made anew."""
    try:
        return provider.begin(order, customer=of(workspace, provider), return_url=return_url, keep_card=keep_card)
    except NoSuchCustomer:
        PaymentCustomer.objects.filter(workspace=workspace, provider=provider.name).delete()
        return provider.begin(order, customer=of(workspace, provider), return_url=return_url, keep_card=keep_card)


def cards(workspace: Workspace, provider: Provider) -> tuple[Card, ...]:
    """Return the saved cards of a workspace; asks nobody when it never paid."""
    found = PaymentCustomer.objects.filter(workspace=workspace, provider=provider.name).first()
    if found is None:
        return ()
    try:
        return provider.cards(found.customer)
    except NoSuchCustomer:
        return ()


def _email(workspace: Workspace) -> str:
    owner = workspace.memberships.filter(role=Role.OWNER).select_related("user").order_by("id").first()
    return owner.user.email if owner else ""
