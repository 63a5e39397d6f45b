"""An operator's orders to the gateway: drain an upstream, restore it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import redis
import structlog
from django.db import transaction

from pylo_site import impatient
from pylo_site.models import UpstreamControl

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import User

ORDERS = "pylo:brk:orders"  # gateway/stores/fleet.py reads it

log = structlog.get_logger(__name__)


def drain(name: str, *, reason: str, by: User, at: datetime) -> UpstreamControl:
    """Keep new requests away from an upstream; what runs there may end."""
    return _order(name, draining=True, reason=reason, by=by, at=at)


def restore(name: str, *, reason: str, by: User, at: datetime) -> UpstreamControl:
    return _order(name, draining=False, reason=reason, by=by, at=at)


def _order(name: str, *, draining: bool, reason: str, by: User, at: datetime) -> UpstreamControl:
    told = {"draining": draining, "reason": reason, "changed_by": by, "changed_at": at}
    with transaction.atomic():
        control, _ = UpstreamControl.objects.update_or_create(name=name, defaults=told)
        transaction.on_commit(_announce)
    log.info("upstream.drained" if draining else "upstream.restored", upstream=name, user=by.pk)
    return control


def _announce() -> None:
    """Tell the gateways to look now; unheard, each does so within two seconds."""
    try:
        with impatient.client() as client:
            client.incr(ORDERS)
    except redis.RedisError as error:
        log.warning("upstream.order_unheard", error=type(error).__name__)
