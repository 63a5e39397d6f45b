"""vLLM's spelling of the chat API, serving Kimi's open weights. Pure.

Asked: thinking is a variable of the chat template; reasoning is `reasoning`, in the history too; a forced tool call is
made without reasoning or refused while thinking is on, so it turns thinking off. Answered: usage comes at the end, with
details only where the server was started so, and `stop` where a call was forced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gateway.dialects.asking import (
    USAGE_AT_THE_END,
    Ask,
    cache_salt,
    calls_in,
    choice_of,
    forces_a_call,
    open_history,
    template_switches,
    tool_names,
    with_parameters,
)
from gateway.dialects.exchanges import Exchange
from gateway.dialects.reading import Asked, ChunkReader
from gateway.dialects.tool_names import ToolNames

if TYPE_CHECKING:
    from gateway.dialects.asking import Field
    from gateway.schema import Chat


def exchange(chat: Chat, model: str, tenant: str) -> Exchange:
    return open_exchange(chat, model, tenant, field="reasoning")


def open_exchange(chat: Chat, model: str, tenant: str, *, field: Field) -> Exchange:
    """Spell the request as both open servers take it; `field` has the reasoning of earlier turns."""
    names = ToolNames(tool_names(chat))
    thinks = chat.thinks and not forces_a_call(chat)
    ask = Ask(
        model=model,
        messages=open_history(field, names).spelled(chat),
        stream=True,
        stream_options=USAGE_AT_THE_END,
        max_completion_tokens=chat.limit,
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
        parallel_tool_calls=chat.parallel_tool_calls if chat.tools else None,
        response_format=chat.response_format,
        chat_template_kwargs=template_switches(chat, thinks=thinks),
        cache_salt=cache_salt(tenant),
    )
    asked = Asked(names=names, calls_before=calls_in(chat), thinks=chat.thinks, tags=True)
    return Exchange(msgspec.json.encode(ask), ChunkReader(asked))
