"""A TCP proxy that breaks lines on order: it runs in a thread of its own, and a test sets its weather."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self, TypeVar

from tests.fakes.weather import FINE, Door, Then, Weather

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import Coroutine

T = TypeVar("T")

HERE = "127.0.0.1"
MOST_READ = 65_536
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER for no time
PATIENCE = 5.0  # seconds for the proxy's thread to do as it is told
FILLING = 4  # connections that fill the queue of a listener that takes one


class _Over(Exception):  # noqa: N818 - an event
    """The line is closed in good order, amid whatever it carried."""


class _Line:
    """One connection through the proxy."""

    def __init__(self, writer: StreamWriter, weather: Weather) -> None:
        self.writer = writer
        self.beyond: StreamWriter | None = None
        self.weather = weather
        self.old = False  # it is from before the weather
        self.passed = 0

    def under(self, weather: Weather) -> Weather:
        if self.weather is not weather:
            self.weather, self.old, self.passed = weather, True, 0
        return weather

    def reset(self) -> None:
        with suppress(OSError):
            self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.abort()

    def abort(self) -> None:
        for writer in (self.writer, self.beyond):
            if writer is not None:
                writer.transport.abort()


class FaultProxy:
    """Stands before a port of this machine. Every public method may be called from any thread."""

    def __init__(self, there: int) -> None:
        self.there = there
        self.port = 0
        self.accepted = 0
        self.asked: list[float] = []  # when a client said something, in monotonic seconds
        self._weather = FINE
        self._changed = asyncio.Event()
        self._lines: set[_Line] = set()
        self._server: asyncio.Server | None = None
        self._filled: list[socket.socket] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @classmethod
    def start(cls, there: int) -> Self:
        proxy = cls(there)
        proxy._thread.start()
        proxy.set(FINE)
        return proxy

    @property
    def connections(self) -> int:
        return len(self._lines)

    def set(self, weather: Weather) -> None:
        """Change the weather, for the connections that are open too."""
        self._do(self._set(weather))

    def reset(self) -> None:
        """Reset every connection that is open."""
        for line in tuple(self._lines):
            self._loop.call_soon_threadsafe(line.reset)

    def stop(self) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def _do(self, work: Coroutine[None, None, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    async def _set(self, weather: Weather) -> None:
        self._weather = weather
        self._changed.set()
        self._changed = asyncio.Event()
        if weather.door in {Door.OPEN, Door.MUTE}:
            await self._listen()
        else:
            await self._close_door()
        if weather.door is Door.DEAF:
            self._fill()

    async def _listen(self) -> None:
        if self._server is None:
            await self._close_door()
            self._server = await asyncio.start_server(self._serve, HERE, self.port, backlog=1024)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _close_door(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for each in self._filled:
            each.close()
        self._filled.clear()
        await asyncio.sleep(0)  # the loop lets go of the port

    def _fill(self) -> None:
        """Listen with a queue that is full: the kernel then drops whatever else would connect."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HERE, self.port))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(FILLING)]
        for each in fillers:
            each.setblocking(False)
            each.connect_ex((HERE, self.port))
        self._filled = [listener, *fillers]

    async def _stop(self) -> None:
        await self._set(FINE)  # whoever stalls goes on, and meets the end of its line
        await self._close_door()
        for line in self._lines:
            line.reset()
        if tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(tasks, timeout=1)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.accepted += 1
        line = _Line(writer, self._weather)
        self._lines.add(line)
        try:
            async with asyncio.TaskGroup() as group:
                await self._questions(reader, line, group)
        except* _Over:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        except* OSError:
            line.reset()  # as a client sees it when a process is killed
        finally:
            self._lines.discard(line)
            line.abort()

    async def _questions(self, reader: StreamReader, line: _Line, group: asyncio.TaskGroup) -> None:
        while data := await reader.read(MOST_READ):
            self.asked.append(self._loop.time())
            weather = line.under(self._weather)
            if weather.stale and line.old:
                raise ConnectionResetError
            if weather.instead:
                line.writer.write(weather.instead)
                await self._then(line, weather)
            elif weather.door is not Door.MUTE:
                if line.beyond is None:
                    answers, line.beyond = await asyncio.open_connection(HERE, self.there)
                    group.create_task(self._answers(answers, line))
                line.beyond.write(data)
                await line.beyond.drain()
        if line.beyond is not None:
            line.beyond.write_eof()

    async def _answers(self, reader: StreamReader, line: _Line) -> None:
        while data := await reader.read(MOST_READ):
            weather = line.under(self._weather)
            if weather.latency or weather.jitter:
                await asyncio.sleep(weather.latency + random.random() * weather.jitter)  # noqa: S311 - no secret
            cut = weather.then is not None and line.passed + len(data) >= weather.after
            part = data[: max(weather.after - line.passed, 0)] if cut else data
            line.passed += len(part)
            line.writer.write(part)
            await line.writer.drain()
            if weather.bandwidth:
                await asyncio.sleep(len(part) / weather.bandwidth)
            if cut and not await self._then(line, weather):
                return
            line.writer.write(data[len(part) :])  # a stall is over
        line.writer.write_eof()

    async def _then(self, line: _Line, weather: Weather) -> bool:
        """Do what comes after the weather's bytes; return whether the line goes on."""
        match weather.then:
            case Then.STALL:
                while self._weather is weather:
                    await self._changed.wait()
            case Then.RESET:
                raise ConnectionResetError
            case Then.CLOSE:
                raise _Over
            case Then.HALF:
                line.writer.write_eof()
                return False
            case None:
                pass
        return True
