"""Around every answer: its ids, its headers, its line in the log; the only place where errors become HTTP."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gateway import telemetry
from gateway.asgi import Reply, Request, on_every_answer
from gateway.errors import ApiError, BrokenOff, ClientGone, InternalError, Unavailable
from gateway.meter import GONE
from gateway.ports import StoreUnavailable
from gateway.telemetry import Access
from gateway.uids import ENTROPY_BYTES, identify, uuid7

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.asgi import Receive, Scope, Send
    from gateway.errors import Headers
    from gateway.metrics.counting import Metrics
    from gateway.ports import Clock
    from gateway.uids import RequestIds

    Answering = Callable[[Request, Reply, RequestIds, Access], Awaitable[None]]


class Edge:
    """`entropy` returns so many random bytes; `secure` says that the public URL is https."""

    def __init__(self, clock: Clock, entropy: Callable[[int], bytes], metrics: Metrics, *, secure: bool) -> None:
        self._clock = clock
        self._entropy = entropy
        self._metrics = metrics
        self._always = on_every_answer(secure=secure)

    async def answer(self, scope: Scope, receive: Receive, send: Send, answering: Answering) -> None:
        """Have a request answered, or tell its client of the error; nothing else reaches a client."""
        clock = self._clock
        began_ms, began = clock.ms(), clock.seconds()
        uid = uuid7(began_ms, self._entropy(ENTROPY_BYTES))
        request = Request(scope, receive)
        ids = identify(uid, request.headers(b"x-request-id"))

        def stamp() -> Headers:
            now = clock.seconds()
            timing = reply.tries.headers(began, now, streams=reply.streams)
            return [*self._always, (b"openai-processing-ms", b"%d" % ((now - began) * 1000)), *timing]

        reply = Reply(send, ids, stamp, bodiless=request.method == "HEAD")
        line = Access(pylo_request_id=ids.own_id, x_request_id=ids.request_id)
        try:
            with suppress(ClientGone):  # amid its answer, or before it could be told of an error
                await self._answer_or_tell(answering, request, reply, ids, line)
        finally:
            line.status, line.duration_ms = reply.status or GONE, clock.ms() - began_ms
            telemetry.access(line)
            self._metrics.answered(line)
            if (asked_at := reply.tries.first_asked_at) is not None:
                self._metrics.reached_upstream(asked_at - began)

    async def _answer_or_tell(
        self, answering: Answering, request: Request, reply: Reply, ids: RequestIds, line: Access
    ) -> None:
        try:
            await answering(request, reply, ids, line)
        except (ClientGone, BrokenOff):  # there is nobody to tell, or the server cuts the connection
            raise
        except ApiError as error:
            line.error_code, line.shed = error.code, error.shed
            self._metrics.told(error)
            await reply.error(error)
        except Exception as error:  # noqa: BLE001 - the edge: logged, answered
            telemetry.crash(ids.own_id, error)
            told = unavailable() if isinstance(error, StoreUnavailable) else InternalError()
            line.error_code = told.code
            await reply.error(told)


def unavailable() -> Unavailable:
    """Return what is told where a store that must answer does not."""
    return Unavailable("The service is unavailable. Please try again shortly.", retry_after=5)
