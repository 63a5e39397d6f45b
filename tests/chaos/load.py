"""Requests at a steady rate, due whether or not the last was answered; and what each client saw."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.wire.asking import MODEL

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE: Final = "127.0.0.1"
MOST_READ: Final = 65_536
PATIENCE: Final = 60.0  # seconds: whoever is not answered by then is not answered
SHORT: Final[Any] = {"messages": [{"role": "user", "content": "Repeat: ok"}], "max_completion_tokens": 4}


@dataclass(frozen=True, slots=True)
class Told:
    """What one client saw. Seconds; `due` counts from the beginning of the load."""

    due: float
    name: str
    status: int  # 0: none
    first: float  # to the first byte, which comes with the first token
    whole: float
    code: str  # of the error it was told, in its stream too; "cut" where the answer just ended; "" when all is well

    @property
    def ok(self) -> bool:
        return self.code == ""


async def ask(port: int, key: str, name: str, asked: Any = None, *, due: float = 0.0) -> Told:
    """Send one request on a connection of its own and read its answer to the end."""
    loop = asyncio.get_running_loop()
    began, first, heard = loop.time(), 0.0, b""
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(HERE, port)
            try:
                writer.write(spelled(key, name, SHORT if asked is None else asked))
                while piece := await reader.read(MOST_READ):
                    first = first or loop.time() - began
                    heard += piece
            finally:
                writer.close()
    except (OSError, TimeoutError):
        pass
    whole = loop.time() - began
    return Told(due, name, status(heard), first or whole, whole, error(heard))


async def steadily(port: int, key: str, *, rate: float, seconds: float, prefix: str, asked: Any = None) -> list[Told]:
    """Ask `rate` times a second."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.TaskGroup() as group:
        asking = []
        for number in range(int(rate * seconds)):
            due = number / rate
            await asyncio.sleep(began + due - loop.time())
            asking.append(group.create_task(ask(port, key, f"{prefix}-{number}", asked, due=due)))
    return [each.result() for each in asking]


def spelled(key: str, name: str, asked: Any) -> bytes:
    body = json.dumps({"model": MODEL, "stream": True} | asked).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n"
        f"X-Request-Id: {name}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def status(heard: bytes) -> int:
    words = heard[:16].split(b" ")
    return int(words[1]) if len(words) > 1 and words[1][:3].isdigit() else 0


def error(heard: bytes) -> str:
    if b"data: [DONE]" in heard:
        return ""
    _, mark, said = heard.rpartition(b'"code":"')
    return said.partition(b'"')[0].decode() if mark else "cut"


def failures(told: Sequence[Told]) -> str:
    """Say how many failed, and with what."""
    kinds = Counter(f"{each.status} {each.code}" for each in told if not each.ok)
    named = ", ".join(f"{count} × {kind}" for kind, count in kinds.most_common())
    return f"{sum(kinds.values())} of {len(told)} failed{f' ({named})' if named else ''}"


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that this share of them does not pass."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
