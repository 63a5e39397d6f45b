"""OpenAI's own chat API, and servers that refuse all that it does not name. Pure.

Asked: thinking off is `reasoning_effort: none`; reasoning of earlier turns has no field and stays away; tool calls keep
the client's ids. Answered: reasoning is counted in the usage and not told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gateway.dialects.asking import (
    USAGE_AT_THE_END,
    Ask,
    History,
    calls_in,
    choice_of,
    end_user,
    own,
    tool_names,
)
from gateway.dialects.exchanges import Exchange
from gateway.dialects.reading import Asked, ChunkReader
from gateway.dialects.tool_ids import OpenAIIds
from gateway.dialects.tool_names import ToolNames

if TYPE_CHECKING:
    from gateway.schema import Chat


def exchange(chat: Chat, model: str, tenant: str) -> Exchange:
    names = ToolNames(tool_names(chat))
    ask = Ask(
        model=model,
        messages=History(reasoning="", names=names, ids=OpenAIIds()).spelled(chat),
        stream=True,
        stream_options=USAGE_AT_THE_END,
        max_completion_tokens=chat.limit,
        temperature=chat.temperature,
        top_p=chat.top_p,
        frequency_penalty=chat.frequency_penalty,
        presence_penalty=chat.presence_penalty,
        seed=chat.seed,
        stop=chat.stops or None,
        tools=chat.tools or None,
        tool_choice=choice_of(chat, names),
        parallel_tool_calls=chat.parallel_tool_calls if chat.tools else None,
        response_format=chat.response_format,
        reasoning_effort=chat.reasoning_effort if chat.thinks else "none",
        prompt_cache_key=own(tenant, chat.prompt_cache_key),
        safety_identifier=end_user(chat, tenant),
    )
    asked = Asked(names=names, calls_before=calls_in(chat), thinks=chat.thinks, tags=True)
    return Exchange(msgspec.json.encode(ask), ChunkReader(asked))
