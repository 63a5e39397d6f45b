"""Moonshot's spelling of the chat API for Kimi K2.6, both ways. Pure.

Asked: sampling is fixed there, so it is left out; a forced tool call and a history of tool calls without reasoning are
refused while thinking is on, so the one turns thinking off, the other is given a blank; short tool names are
lengthened, and schemas written in Moonshot's flavour. Answered: usage comes in the finish chunk's choice, without a
count of reasoning.
"""

from __future__ import annotations

import msgspec

from gateway.dialects.asking import (
    USAGE_AT_THE_END,
    Ask,
    History,
    calls_in,
    choice_of,
    end_user,
    forces_a_call,
    own,
    tool_names,
    with_parameters,
)
from gateway.dialects.exchanges import Exchange
from gateway.dialects.reading import Asked, ChunkReader
from gateway.dialects.schemas import Budget, flavoured
from gateway.dialects.tool_ids import CanonicalIds
from gateway.dialects.tool_names import MOONSHOTS, ToolNames
from gateway.schema import Chat, ResponseFormat, Thinking, Tool


def exchange(chat: Chat, model: str, tenant: str) -> Exchange:
    names = ToolNames(tool_names(chat), MOONSHOTS)
    thinks = chat.thinks and not forces_a_call(chat)
    history = History(
        reasoning="reasoning_content", names=names, ids=CanonicalIds(), fills_reasoning=thinks, fills_content=True
    )
    budget = Budget()
    ask = Ask(
        model=model,
        messages=history.spelled(chat),
        stream=True,
        stream_options=USAGE_AT_THE_END,
        max_completion_tokens=chat.limit,
        stop=chat.stops or None,
        tools=[_tool(tool, names, budget) for tool in chat.tools or []] or None,
        tool_choice=choice_of(chat, names),
        response_format=_format(chat.response_format, budget),
        thinking=_thinking(chat, thinks=thinks),
        prompt_cache_key=own(tenant, chat.prompt_cache_key),
        safety_identifier=end_user(chat, tenant),
    )
    asked = Asked(names=names, calls_before=calls_in(chat), thinks=chat.thinks)
    return Exchange(msgspec.json.encode(ask), ChunkReader(asked))


def _thinking(chat: Chat, *, thinks: bool) -> Thinking | None:
    if not thinks:
        return Thinking(type="disabled")
    return Thinking(type="enabled", keep="all") if chat.keeps_thoughts else None


def _tool(tool: Tool, names: ToolNames, budget: Budget) -> Tool:
    function = with_parameters(tool).function
    if function is None:
        return tool
    schema = flavoured(function.parameters or {}, budget)
    return msgspec.structs.replace(
        tool,
        function=msgspec.structs.replace(
            function,
            name=names.sent(function.name),
            parameters=schema.document,
            strict=bool(function.strict) and schema.exact,  # left out, it would be true there and false at OpenAI
        ),
    )


def _format(form: ResponseFormat | None, budget: Budget) -> ResponseFormat | None:
    if form is None or form.json_schema is None:
        return form
    schema = flavoured(form.json_schema.schema or {}, budget)
    strict = bool(form.json_schema.strict) and schema.exact
    json_schema = msgspec.structs.replace(form.json_schema, schema=schema.document, strict=strict)
    return msgspec.structs.replace(form, json_schema=json_schema)
