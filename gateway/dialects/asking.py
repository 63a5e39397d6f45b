"""What all dialects share in the request: the body's shape, the history respelled, ids of a tenant's own. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from gateway.dialects.tool_ids import CanonicalIds, Ids
from gateway.schema import (
    Chat,
    FunctionCall,
    Message,
    NamedFunction,
    Part,
    Quiet,
    Reasoning,
    ResponseFormat,
    StreamOptions,
    TemplateSwitches,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
)
from gateway.tool_calls import is_object

if TYPE_CHECKING:
    from gateway.dialects.tool_names import ToolNames

NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}
NO_ARGUMENTS = "{}"
BLANK = " "
USAGE_AT_THE_END = StreamOptions(include_usage=True)

_encode = msgspec.json.Encoder().encode

Field = Literal["reasoning_content", "reasoning", ""]


class Ask(Quiet, frozen=True, omit_defaults=True, kw_only=True):
    """The body of a request; what is None is left out. It is always streamed and with usage: time and cost are seen."""

    model: str
    messages: list[Message]
    stream: bool
    stream_options: StreamOptions
    max_completion_tokens: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    repetition_penalty: float | None = None
    seed: int | None = None
    stop: list[str] | None = None
    tools: list[Tool] | None = None
    tool_choice: str | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    thinking: Thinking | None = None
    reasoning: Reasoning | None = None
    reasoning_effort: str | None = None
    chat_template_kwargs: TemplateSwitches | None = None
    prompt_cache_key: str | None = None
    safety_identifier: str | None = None
    cache_salt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """How an upstream wants the turns before."""

    reasoning: Field  # the field for it, or none
    names: ToolNames
    ids: Ids
    fills_reasoning: bool = False  # a tool call without reasoning gets a blank
    needs_objects: bool = False  # a call with broken arguments is sent them within an object
    fills_content: bool = False  # who neither said nor called anything gets a blank

    def spelled(self, chat: Chat) -> list[Message]:
        return [self._message(message) for message in chat.messages or []]

    def _message(self, message: Message) -> Message:
        calls = self._calls(message.tool_calls or [])
        thoughts = message.thoughts or (BLANK if calls and self.fills_reasoning else "")
        return Message(
            role="system" if message.role == "developer" else message.role,
            content=self._content(message),
            name=self.names.sent(message.name) if message.name and message.role == "tool" else message.name,
            tool_calls=calls or None,
            tool_call_id=self.ids.answer(message.tool_call_id) if message.tool_call_id else None,
            reasoning_content=thoughts or None if self.reasoning == "reasoning_content" else None,
            reasoning=thoughts or None if self.reasoning == "reasoning" else None,
        )

    def _calls(self, calls: list[ToolCall]) -> list[ToolCall]:
        named = [self.names.sent(call.function.name) if call.function else "" for call in calls]
        ids = self.ids.calls(zip((call.id or "" for call in calls), named, strict=True))
        return [
            ToolCall(
                id=identity,
                type="function",
                function=FunctionCall(name=name, arguments=self._arguments(call.function)) if call.function else None,
            )
            for call, name, identity in zip(calls, named, ids, strict=True)
        ]

    def _arguments(self, function: FunctionCall) -> str:
        given = function.arguments or NO_ARGUMENTS
        return given if not self.needs_objects or is_object(given) else _encode({"arguments": given}).decode()

    def _content(self, message: Message) -> str | None:
        text = joined(message.content)
        if message.role == "assistant" and message.tool_calls:
            return text
        return text or message.refusal or (BLANK if self.fills_content else "")


def joined(content: str | list[Part] | None) -> str | None:
    """Join the parts as the model's own template does, with nothing between; not every server takes a list."""
    return "".join(part.text or "" for part in content) if isinstance(content, list) else content


def calls_in(chat: Chat) -> int:
    return sum(len(message.tool_calls or ()) for message in chat.messages or ())


def tool_names(chat: Chat) -> list[str]:
    """Return every name a tool goes by in the request, first those on offer."""
    offered = [tool.function.name for tool in chat.tools or () if tool.function is not None]
    called = [
        call.function.name
        for message in chat.messages or ()
        for call in message.tool_calls or ()
        if call.function is not None
    ]
    return offered + called


def forces_a_call(chat: Chat) -> bool:
    return bool(chat.tools) and (isinstance(chat.tool_choice, ToolChoice) or chat.tool_choice == "required")


def with_parameters(tool: Tool) -> Tool:
    """A tool without parameters takes none; some servers want that said."""
    if tool.function is None or tool.function.parameters:
        return tool
    return msgspec.structs.replace(tool, function=msgspec.structs.replace(tool.function, parameters=NO_PARAMETERS))


def choice_of(chat: Chat, names: ToolNames) -> str | ToolChoice | None:
    """Return the tool choice; without tools there is none to make."""
    choice = chat.tool_choice
    if not chat.tools or not isinstance(choice, ToolChoice) or choice.function is None:
        return choice if chat.tools else None
    return ToolChoice(type="function", function=NamedFunction(name=names.sent(choice.function.name)))


def own(tenant: str, name: str | None) -> str | None:
    """Return a tenant's own form of an identifier: two tenants' never meet, and no upstream learns the original."""
    if name is None:
        return None
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16, key=tenant.encode()[:64]).hexdigest()


def end_user(chat: Chat, tenant: str) -> str | None:
    """Return the tenant's end user, under the newer parameter or the older one."""
    return own(tenant, chat.safety_identifier if chat.safety_identifier is not None else chat.user)


def cache_salt(tenant: str) -> str:
    """Return what keeps a tenant's prefixes apart in a cache: nobody can find out by timing what another asked."""
    return blake2b(b"prefix cache", digest_size=32, key=tenant.encode()[:64]).hexdigest()


def template_switches(chat: Chat, *, thinks: bool) -> TemplateSwitches:
    """Return the variables of Kimi's chat template, which the open servers hand through."""
    return TemplateSwitches(thinking=thinks, preserve_thinking=True if thinks and chat.keeps_thoughts else None)


def open_history(field: Field, names: ToolNames) -> History:
    """The history for a host of the open weights."""
    return History(reasoning=field, names=names, ids=CanonicalIds(), needs_objects=True)
