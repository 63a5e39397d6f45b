"""Tool calls as upstreams stream them → one opening fragment with id and name each, then arguments only. Pure.

Seen on the wire: no index, the same index for parallel calls, ids repeated, missing or the same for two calls, names
repeated or in pieces, arguments as an object, nulls anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from gateway.deltas import ToolFragment
from gateway.dialects.tool_ids import canonical
from gateway.faults import FaultKind, UpstreamFault
from gateway.schema import Quiet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.dialects.tool_names import ToolNames


class FunctionPiece(Quiet, frozen=True, omit_defaults=True):
    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class ToolPiece(Quiet, frozen=True, omit_defaults=True):
    index: int | None = None
    id: str | None = None
    function: FunctionPiece | None = None


NO_FUNCTION = FunctionPiece()


class _Call:
    """One call so far. Until it is opened, its name may still grow."""

    __slots__ = ("given", "held", "index", "name", "opened", "spoke")

    def __init__(self, index: int) -> None:
        self.index = index
        self.given = ""  # the upstream's id
        self.name = ""
        self.held = ""  # arguments from before it was opened
        self.opened = False
        self.spoke = False  # arguments have come


class ToolCalls:
    """The calls of one answer, numbered in the order they began."""

    def __init__(self, names: ToolNames, before: int) -> None:
        self._names = names
        self._before = before
        self._calls: list[_Call] = []
        self._at: dict[int, _Call] = {}  # by the upstream's index
        self._ids: set[str] = set()

    @property
    def begun(self) -> bool:
        return bool(self._calls)

    def read(self, pieces: Iterable[ToolPiece]) -> tuple[ToolFragment, ...]:
        fragments: list[ToolFragment] = []
        for piece in pieces:
            call = self._call(piece)
            if call is None:
                fragments += self.flush()
                call = self._begin(piece)
            fragments += self._grow(call, piece)
        return tuple(fragments)

    def flush(self) -> list[ToolFragment]:
        """Open what still waits for the rest of its name: nothing of it will come any more."""
        return [self._open(call) for call in self._calls if not call.opened]

    def _call(self, piece: ToolPiece) -> _Call | None:
        """Return the call a piece goes on with, None where it begins one."""
        function = piece.function or NO_FUNCTION
        if piece.index is not None:
            call = self._at.get(piece.index)
            another = call is not None and piece.id and call.given and piece.id != call.given and function.name
            return None if another else call
        if piece.id:
            return next((call for call in reversed(self._calls) if call.given == piece.id), None)
        if not self._calls:
            return None
        latest = self._calls[-1]
        again = function.name == latest.name and not _text(function.arguments).startswith("{")
        return None if function.name and latest.spoke and not again else latest

    def _begin(self, piece: ToolPiece) -> _Call:
        call = _Call(len(self._calls))
        self._calls.append(call)
        self._at[call.index if piece.index is None else piece.index] = call
        return call

    def _grow(self, call: _Call, piece: ToolPiece) -> list[ToolFragment]:
        function = piece.function or NO_FUNCTION
        arguments = _text(function.arguments)
        call.given = call.given or piece.id or ""
        call.spoke = call.spoke or bool(arguments)
        if call.opened:
            return [ToolFragment(index=call.index, arguments=arguments)] if arguments else []
        call.name = self._joined(call.name, function.name or "")
        call.held += arguments
        settled = call.name and (call.held or self._names.is_whole(call.name))
        return [self._open(call)] if settled else []

    def _joined(self, name: str, piece: str) -> str:
        """Add a piece to a name, unless it says again what is there."""
        whole = name + piece
        if not name or not piece or self._names.begins(whole):
            return whole
        if piece.startswith(name):
            return piece
        return name if self._names.is_whole(name) else whole

    def _open(self, call: _Call) -> ToolFragment:
        if not call.name:
            raise UpstreamFault(FaultKind.MALFORMED)
        call.opened = True
        name = self._names.restored(call.name)
        identity, index = call.given, self._before + call.index
        while not identity or identity in self._ids:
            identity, index = canonical(name, index), index + 1
        self._ids.add(identity)
        return ToolFragment(index=call.index, id=identity, name=name, arguments=call.held)


def _text(arguments: str | dict[str, Any] | None) -> str:
    return msgspec.json.encode(arguments).decode() if isinstance(arguments, dict) else arguments or ""
