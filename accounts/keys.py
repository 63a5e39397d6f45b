"""Keys: issue, revoke, rename. A key's secret exists only in the `Token` that `issue` returns."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING

import redis
import structlog
from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import IntegrityError, transaction
from redis.backoff import NoBackoff
from redis.retry import Retry

from accounts.models import ApiKey
from accounts.tokens import ENTROPY_BYTES, Token, digest, mint

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from accounts.models import User, Workspace

REVOKED_CHANNEL = "pylo:keys:revoked"
ANNOUNCE_SECONDS = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """What a key may at most do by itself; None: what its workspace may. The names are the columns'."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent_requests: int | None = None


class KeyRefused(Exception):  # noqa: N818 - the root of this file's refusals
    """No key was made."""


class EmailNotVerified(KeyRefused):
    """Whoever asks has not shown yet that the e-mail address is theirs."""


class FormAlreadyUsed(KeyRefused):
    """The same form made `key` before; its secret was shown then and cannot be shown again."""

    def __init__(self, key: ApiKey) -> None:
        self.key = key
        super().__init__(f"this form has already made {key}")


def may_issue(user: User) -> bool:
    verified: bool = EmailAddress.objects.filter(user=user, verified=True).exists()
    return verified


def issue(  # noqa: PLR0913 - one key, and all that is told of it
    *,
    workspace: Workspace,
    name: str,
    created_by: User,
    expires_at: datetime | None,
    at: datetime,
    form_token: UUID | None = None,
    limits: KeyLimits | None = None,
) -> tuple[ApiKey, Token]:
    if not may_issue(created_by):
        raise EmailNotVerified
    token = mint(secrets.token_bytes(ENTROPY_BYTES))
    key = ApiKey(
        workspace=workspace,
        name=name,
        digest=digest(token, settings.PYLO_KEY_PEPPERS[0]),
        prefix=token.prefix,
        last_four=token.last_four,
        created_by=created_by,
        created_at=at,
        expires_at=expires_at,
        form_token=form_token,
        **asdict(limits or KeyLimits()),
    )
    try:
        with transaction.atomic():
            key.save(force_insert=True)
    except IntegrityError:
        made_before = ApiKey.objects.of(workspace).filter(form_token=form_token).first() if form_token else None
        if made_before is None:
            raise
        raise FormAlreadyUsed(made_before) from None
    log.info("key.issued", key=str(key.pk), workspace=str(workspace.pk), user=created_by.pk)
    return key, token


def revoke(key: ApiKey, at: datetime) -> bool:
    """Revoke for good, and tell the gateways once it is committed; False when it was revoked before."""
    moved = ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=at)
    if moved:
        log.info("key.revoked", key=str(key.pk), workspace=str(key.workspace_id))
    # Said again for a key revoked before: the first message may have been lost with Redis.
    transaction.on_commit(partial(_announce, key.pk))
    key.refresh_from_db(fields=("revoked_at",))
    return bool(moved)


def limit(key: ApiKey, limits: KeyLimits) -> None:
    """Set what the key may at most do. Gateways follow as they read the key again, within 30 s."""
    ApiKey.objects.filter(pk=key.pk).update(**asdict(limits))
    key.refresh_from_db(fields=tuple(asdict(limits)))
    log.info("key.limited", key=str(key.pk), workspace=str(key.workspace_id), **asdict(limits))


def rename(key: ApiKey, name: str) -> None:
    ApiKey.objects.filter(pk=key.pk).update(name=name)
    key.name = name


def _announce(key_id: UUID) -> None:
    """Tell every gateway to drop the key. Unheard, each forgets it by itself when its cache entry expires."""
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL,
            socket_connect_timeout=ANNOUNCE_SECONDS,
            socket_timeout=ANNOUNCE_SECONDS,
            retry=Retry(NoBackoff(), 0),  # redis-py's own retries would hold the page for seconds
        ) as client:
            client.publish(REVOKED_CHANNEL, str(key_id))
    except redis.RedisError as error:
        log.warning("key.revocation_unheard", key=str(key_id), error=type(error).__name__)
