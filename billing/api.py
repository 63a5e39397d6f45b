"""The management API, under /v1: what the portal shows, from the same functions, for programs.

The gateway stands before it: it knows the key, and says in the scope whose it is (`gateway.management`). Nothing else
comes through, so an endpoint reads its path and `Caller`, and answers with a schema or an `ApiError`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.cache import cache
from django.utils import timezone
from ninja import NinjaAPI, Path
from ninja.renderers import JSONRenderer
from ninja.security import HttpBearer
from ninja.throttling import BaseThrottle

from billing import api_errors
from billing.api_schemas import ErrorEnvelope, RequestOut, request_out
from billing.reports import receipt

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest

PER_MINUTE = 600
YOUNG_SECONDS = 60  # after which an id that has no record is no longer worth a second look
REFUSALS = {401: ErrorEnvelope, 404: ErrorEnvelope, 429: ErrorEnvelope, 503: ErrorEnvelope}


@dataclass(frozen=True, slots=True)
class Caller:
    workspace_id: UUID


class OfTheGateway(HttpBearer):
    """Takes the gateway's word for whose key it was; a request that came another way has none."""

    def __call__(self, request: HttpRequest) -> Caller | None:
        workspace_id = getattr(request, "scope", {}).get("pylo.workspace_id")
        return Caller(workspace_id) if isinstance(workspace_id, UUID) else None

    def authenticate(self, request: HttpRequest, token: str) -> None:
        """Never called: the key stays with the gateway."""


class Compact(JSONRenderer):
    json_dumps_params = api_errors.SPELLING


class PerWorkspace(BaseThrottle):
    """So many a minute, counted in the cache: a bound on the database's work, so a lost count does not matter."""

    def allow_request(self, request: Any) -> bool:
        now = timezone.now()
        name = f"api:{request.auth.workspace_id}:{now:%H%M}"
        count = cache.get(name, 0)
        if count >= PER_MINUTE:
            return False
        cache.set(name, count + 1, timeout=60)
        return True

    def wait(self) -> float:
        return 60 - timezone.now().second


api = NinjaAPI(
    title="Pylo management API",
    version="1",
    description="What the portal shows, for programs. Errors have OpenAI's envelope, as everything under /v1.",
    urls_namespace="api",
    openapi_url=None,  # /docs/openapi.json has it, without a key
    docs_url=None,
    auth=OfTheGateway(),
    throttle=PerWorkspace(),
    renderer=Compact(),
)
api_errors.told_by(api)


@api.get("/requests/{path:name}", response={200: RequestOut, **REFUSALS}, summary="One request and its receipt")
def one_request(request: Any, name: Path[str]) -> RequestOut:
    """Find a request by Pylo's own id (`req_…`) or by the X-Request-Id it came with; of several, the newest.

    Its record is written some tenths of a second after it ended; before that it is a 404 with `retry-after`.
    """
    record = receipt.find(request.auth.workspace_id, name)
    if record is None:
        raise api_errors.NotYet(retry_after=1) if is_young(name, timezone.now()) else api_errors.NotFound
    return request_out(receipt.receipt(record))


def is_young(name: str, now: datetime) -> bool:
    """Say whether an id of Pylo's own is of the last minute: a UUIDv7 begins with its milliseconds."""
    uid = receipt.own(name)
    if uid is None:
        return False
    age_ms = int(now.timestamp() * 1000) - (uid.int >> 80)
    return 0 <= age_ms < YOUNG_SECONDS * 1000
