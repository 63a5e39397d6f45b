"""Odd chunks that servers have been seen to send, as changes to good ones; each by the name a fault orders it by."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]


def _delta(chunk: Json) -> Json:
    choices = chunk.get("choices") or [{}]
    delta: Json = choices[0].get("delta") or {}
    return delta


def _finish(chunk: Json) -> str | None:
    choices = chunk.get("choices") or [{}]
    reason: str | None = choices[0].get("finish_reason")
    return reason


def _calls(chunk: Json) -> list[Json]:
    calls: list[Json] = _delta(chunk).get("tool_calls") or []
    return calls


class Quirks:
    """The chosen quirks of one answer, in the order they were named."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._opened: dict[int, Json] = {}
        self._usage: Json | None = None
        self._tagged = ""  # "open" while reasoning is written as content

    def bent(self, chunk: Json) -> list[Json]:
        """Return what is sent in the place of `chunk`."""
        chunks = [deepcopy(chunk)]
        for name in self._names:
            chunks = [bent for one in chunks for bent in QUIRKS[name](self, one)]
        return chunks

    def repeat_role(self, chunk: Json) -> list[Json]:
        if chunk.get("choices"):
            _delta(chunk)["role"] = "assistant"
        return [chunk]

    def no_role(self, chunk: Json) -> list[Json]:
        """Leave the role out, and the chunk with it that has nothing else."""
        role = _delta(chunk).pop("role", None)
        says = any(_delta(chunk).values()) or chunk.get("usage") or _finish(chunk)
        return [chunk] if says or role is None else []

    def empty_choices_first(self, chunk: Json) -> list[Json]:
        return [chunk | {"choices": []}, chunk] if _delta(chunk).get("role") else [chunk]

    def nulls(self, chunk: Json) -> list[Json]:
        for call in _calls(chunk):
            call.update({name: call.get(name) for name in ("id", "type")})
            call["function"] = {"name": None} | call["function"]
        delta = _delta(chunk)
        if chunk.get("choices"):
            missing = {"content", "role", "refusal", "tool_calls", "function_call"} - delta.keys()
            delta.update(dict.fromkeys(missing))
        return [chunk]

    def repeat_id(self, chunk: Json) -> list[Json]:
        for call in _calls(chunk):
            call["id"] = self._opening(call)["id"]
        return [chunk]

    def repeat_name(self, chunk: Json) -> list[Json]:
        for call in _calls(chunk):
            call["function"]["name"] = self._opening(call)["function"]["name"]
        return [chunk]

    def _opening(self, call: Json) -> Json:
        """Return the fragment that opened this one's call."""
        return self._opened.setdefault(call["index"], deepcopy(call))

    def name_in_pieces(self, chunk: Json) -> list[Json]:
        calls = _calls(chunk)
        name = calls[0]["function"].get("name") if calls else None
        if not name:
            return [chunk]
        first, second = deepcopy(chunk), deepcopy(chunk)
        _calls(first)[0]["function"]["name"] = name[: len(name) // 2]
        _calls(second)[0] |= {"function": {"name": name[len(name) // 2 :]}}
        return [first, second]

    def no_index(self, chunk: Json) -> list[Json]:
        for call in _calls(chunk):
            call.pop("index", None)
        return [chunk]

    def one_index(self, chunk: Json) -> list[Json]:
        for call in _calls(chunk):
            call["index"] = 0
        return [chunk]

    def no_type(self, chunk: Json) -> list[Json]:
        for call in _calls(chunk):
            call.pop("type", None)
        return [chunk]

    def no_ids(self, chunk: Json) -> list[Json]:
        for call in _calls(chunk):
            call.pop("id", None)
        return [chunk]

    def same_ids(self, chunk: Json) -> list[Json]:
        for call in _calls(chunk):
            if call.get("id"):
                call["id"] = "call_0"
        return [chunk]

    def think_tags(self, chunk: Json) -> list[Json]:
        """Write reasoning as a server without a parser does."""
        delta = _delta(chunk)
        reasoning = delta.pop("reasoning_content", None) or delta.pop("reasoning", None)
        if reasoning:
            delta["content"] = reasoning if self._tagged else f"<think>{reasoning}"
            self._tagged = "open"
        elif self._tagged == "open" and (delta.get("content") or delta.get("tool_calls") or _finish(chunk)):
            self._tagged = "closed"
            delta["content"] = f"</think>{delta.get('content') or ''}"
        return [chunk]

    def details(self, chunk: Json) -> list[Json]:
        """Say reasoning in details without an index, as aggregators do."""
        delta = _delta(chunk)
        reasoning = delta.pop("reasoning_content", None) or delta.pop("reasoning", None)
        if reasoning:
            delta["reasoning_details"] = [{"type": "reasoning.text", "text": reasoning}]
        return [chunk]

    def mirrored(self, chunk: Json) -> list[Json]:
        delta = _delta(chunk)
        reasoning = delta.get("reasoning_content") or delta.get("reasoning")
        if reasoning:
            delta.update(reasoning_content=reasoning, reasoning=reasoning)
        return [chunk]

    def usage_in_choice(self, chunk: Json) -> list[Json]:
        usage = chunk.pop("usage", None)
        if usage and not chunk.get("choices"):
            chunk["choices"] = [{"index": 0, "delta": {}, "finish_reason": None, "usage": usage}]
        elif usage:
            chunk["choices"][0]["usage"] = usage
        return [chunk]

    def chunk_after_usage(self, chunk: Json) -> list[Json]:
        told = chunk.get("usage") or any(choice.get("usage") for choice in chunk.get("choices") or ())
        return [chunk, chunk | {"choices": [], "usage": None}] if told else [chunk]


QUIRKS: Final[dict[str, Callable[[Quirks, Json], list[Json]]]] = {
    name: method for name, method in vars(Quirks).items() if callable(method) and name[0] != "_" and name != "bent"
}
