"""Together's spelling of the chat API, serving Kimi's open weights. Pure.

Asked: `reasoning.enabled` is the switch, `max_tokens` the limit, `reasoning` the field of earlier turns; a forced tool
call turns thinking off, as everywhere with these weights. Answered: `eos` is its other word for `stop`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gateway.dialects.asking import (
    USAGE_AT_THE_END,
    Ask,
    calls_in,
    choice_of,
    forces_a_call,
    open_history,
    tool_names,
    with_parameters,
)
from gateway.dialects.exchanges import Exchange
from gateway.dialects.reading import Asked, ChunkReader
from gateway.dialects.tool_names import ToolNames
from gateway.schema import Reasoning

if TYPE_CHECKING:
    from gateway.schema import Chat

ENDS = frozenset({"eos"})


def exchange(chat: Chat, model: str, tenant: str) -> Exchange:  # noqa: ARG001 - it takes no identifier of the tenant's
    names = ToolNames(tool_names(chat))
    thinks = chat.thinks and not forces_a_call(chat)
    ask = Ask(
        model=model,
        messages=open_history("reasoning", names).spelled(chat),
        stream=True,
        stream_options=USAGE_AT_THE_END,
        max_tokens=chat.limit,
        temperature=chat.temperature,
        top_p=chat.top_p,
        top_k=chat.top_k,
        min_p=chat.min_p,
        frequency_penalty=chat.frequency_penalty,
        presence_penalty=chat.presence_penalty,
        repetition_penalty=chat.repetition_penalty,
        seed=chat.seed,
        stop=chat.stops or None,
        tools=[with_parameters(tool) for tool in chat.tools or []] or None,
        tool_choice=choice_of(chat, names),
        response_format=chat.response_format,
        reasoning=Reasoning(enabled=thinks),
    )
    asked = Asked(names=names, calls_before=calls_in(chat), thinks=chat.thinks, tags=True, ends=ENDS)
    return Exchange(msgspec.json.encode(ask), ChunkReader(asked))
