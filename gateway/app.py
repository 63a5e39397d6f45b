"""The API, step by step: Request → Principal → Permit → Lease → Attempt → relay → meter → RequestRecord."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway import keyless, quotes, relay, telemetry, validation
from gateway.admission import Asked
from gateway.auth import authenticate
from gateway.edge import Edge, unavailable
from gateway.errors import ApiError, InvalidRequest
from gateway.meter import Admitted, Meter
from gateway.outlets import outlet_of
from gateway.ports import StoreUnavailable
from gateway.routes import Route, resolve

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.admission import Admission, Permit
    from gateway.asgi import Receive, Reply, Request, Scope, Send
    from gateway.attempt import Attempts
    from gateway.catalog import Catalog
    from gateway.claims import Claim, Claims
    from gateway.config import GatewayConfig
    from gateway.drain import Drain
    from gateway.management import Management
    from gateway.metrics.counting import Metrics
    from gateway.metrics.endpoint import Endpoint
    from gateway.outlets import Outlet
    from gateway.overload import Held, Overload
    from gateway.ports import Clock, Journal, KeyStore, Principal
    from gateway.routes import Target
    from gateway.telemetry import Access
    from gateway.uids import RequestIds
    from gateway.usage import RequestRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the gateway is put together from, by `gateway.runtime`."""

    config: GatewayConfig
    clock: Clock
    entropy: Callable[[int], bytes]
    keys: KeyStore
    catalog: Catalog
    admission: Admission
    claims: Claims
    attempts: Attempts
    journal: Journal
    drain: Drain
    overload: Overload
    metrics: Metrics
    scrape: Endpoint
    management: Management


class Gateway:
    """The ASGI application of /v1, and of the paths that say whether it serves."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._edge = Edge(parts.clock, parts.entropy, parts.metrics, secure=parts.config.secure)
        self._keyless = keyless.Keyless(parts.catalog, parts.clock, parts.drain, parts.scrape)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; what is raised on the way becomes HTTP at the edge."""
        await self._edge.answer(scope, receive, send, self._answer)

    async def _answer(self, request: Request, reply: Reply, ids: RequestIds, line: Access) -> None:
        if ids.refused:
            text = "X-Request-Id is one header of 1 to 128 characters of A-Z a-z 0-9 . _ : / + = @ -"
            raise InvalidRequest(text, code="invalid_request_id")
        if keyless.is_preflight(request):
            line.method = request.method
            await keyless.preflight(request, reply)
            return
        target = resolve(request.method, request.path)
        line.method, line.route = request.method, target.route
        if request.method == "OPTIONS":
            await keyless.options(target.route, reply)
        elif target.route.needs_key:
            await self._with_key(target, request, reply, ids, line)
        else:
            await self._keyless.answer(target.route, request, reply)

    async def _with_key(self, target: Target, request: Request, reply: Reply, ids: RequestIds, line: Access) -> None:
        self._parts.drain.admit()
        now_ms = self._parts.clock.ms()
        principal = await authenticate(request, self._parts.keys, self._parts.config.peppers, now_ms)
        line.workspace_id, line.key_id = str(principal.workspace_id), str(principal.key_id)
        match target.route:
            case Route.MODELS:
                await reply.json(200, await self._parts.catalog.list(now_ms))
            case Route.MODEL:
                await reply.json(200, await self._parts.catalog.model(target.argument, now_ms))
            case Route.REQUEST:
                await self._parts.management.request(target.argument, request, reply, principal)
            case _:
                self._parts.overload.admit()
                with self._parts.overload.body() as held:
                    await self._chat(request, reply, ids, principal, line, held)

    async def _chat(
        self, request: Request, reply: Reply, ids: RequestIds, principal: Principal, line: Access, held: Held
    ) -> None:
        parts = self._parts
        body = await request.json(parts.config.max_body_bytes, held.declared)
        chat = validation.parse(held.read(body))
        model = parts.catalog.require(chat.model)
        price = await parts.catalog.price(model, now_ms := parts.clock.ms())
        asked = Asked(
            principal=principal,
            uid=ids.uid,
            body_bytes=len(body),
            wanted=quotes.wanted(chat, len(body), price, request.headers(quotes.HEADER)),
            price=price,
            at_ms=now_ms,
        )
        async with (
            parts.admission.permit(asked, reply.carry) as permit,
            await parts.claims.claim(parts.claims.identity(request, ids, principal, body), price) as claim,
        ):
            meter = Meter(
                Admitted(
                    uid=ids.uid,
                    request_id=ids.request_id,
                    workspace_id=principal.workspace_id,
                    key_id=principal.key_id,
                    price_id=price.id,
                    model=model,
                    stream=chat.stream is True,
                    admitted_at_ms=now_ms,
                ),
                chat.text_bytes,
                reply.tries,
                claim.digests,
                permit.most,
            )
            outlet = outlet_of(chat, reply, meter.admitted, parts.config.deadlines.keep_alive)
            try:
                await self._durably(parts.journal.admit(meter.admitted), ids)
                # The disk works meanwhile; no upstream hears of the request before it is done.
                with parts.attempts.prepared(permit.clamped(chat), meter, ids, len(body)) as failover:
                    await self._durably(parts.journal.sync(), ids)
                    async with request.connected(outlet.heartbeat()):
                        # What is settled is no longer taken back by a drain.
                        async with parts.drain.running(), await failover.first_token() as answer:
                            parts.journal.first(ids.uid, parts.clock.ms())
                            await relay.forward(
                                answer, outlet, meter, parts.journal, parts.clock, parts.config.deadlines
                            )
                        self._settle(meter.completed(at_ms=parts.clock.ms()), claim, permit)
                        await parts.journal.start()
                        # The disk works meanwhile.
                        ending = outlet.ending(meter.finish_reason, meter.usage, permit.cost)
                        await self._sync(ids, claim)
                await outlet.finish(ending)
            except BaseException as error:  # however it ends, it ends in one record
                self._settle(meter.broke(error, sent=reply.status, at_ms=parts.clock.ms()), claim, permit)
                if not isinstance(error, ApiError):
                    raise
                await self._fail(error, outlet, claim)
            finally:
                self._note(line, meter)

    async def _durably(self, writing: Awaitable[None], ids: RequestIds) -> None:
        """Wait for a write that must succeed, or no upstream hears of the request."""
        try:
            await writing
        except StoreUnavailable as error:
            telemetry.crash(ids.own_id, error)
            self._parts.metrics.journal_failed()
            raise unavailable() from None

    async def _sync(self, ids: RequestIds, claim: Claim) -> None:
        """Wait for the disk; what is settled will be charged, so a disk that fails here withholds no answer.

        And until a retry would be known for one: who has the answer may send it again at once.
        """
        try:
            await self._parts.journal.sync()
        except StoreUnavailable as error:
            telemetry.crash(ids.own_id, error)
            self._parts.metrics.journal_failed()
        await claim.told()

    def _note(self, line: Access, meter: Meter) -> None:
        line.take(meter)
        if meter.record is not None:
            self._parts.metrics.ended(meter.record)

    async def _fail(self, error: ApiError, outlet: Outlet, claim: Claim) -> None:
        await claim.told()
        await outlet.fail(error)

    def _settle(self, record: RequestRecord | None, claim: Claim, permit: Permit) -> None:
        """Write the request's end, and tell its retries of it; only its first end is a record."""
        if record is not None:
            permit.settle(record)
            self._parts.journal.settle(record)
            claim.settled(record)
