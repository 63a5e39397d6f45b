"""The answer to a request, always the same for the same prompt, and the tokens it is made of."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, Literal

from sandbox import words
from sandbox.documents import document
from sandbox.tokens import pieces

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sandbox.chat import Chat, Tool

Kind = Literal["reasoning", "content", "tool"]

COUNT: Final = re.compile(r"\bcount\b.{0,40}?\bto (\d{1,6})\b", re.IGNORECASE | re.DOTALL)
REPEAT: Final = re.compile(r"^\s*repeat:\s*(.+)", re.IGNORECASE | re.DOTALL)
GREETING: Final = re.compile(r"\s*(hello|hi|hey|good (morning|evening|day))\b", re.IGNORECASE)
ROUNDS: Final = re.compile(r"\b(two|three|four|[2-9]) rounds\b", re.IGNORECASE)
NUMBERS: Final = {"two": 2, "three": 3, "four": 4}
TOOL_WORDS: Final = re.compile(r"\b(call|use|tool|function)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Call:
    id: str
    name: str
    arguments: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    reasoning: str = field(repr=False)
    content: str = field(repr=False)
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Token:
    """One token of an answer; a tool call's first carries its id and name, those after it the arguments."""

    kind: Kind
    text: str = field(repr=False)
    index: int = 0
    opens: Call | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """What will be sent: the tokens, and the reason it ends."""

    tokens: tuple[Token, ...]
    finish: str

    @property
    def reasoning_tokens(self) -> int:
        return sum(token.kind == "reasoning" for token in self.tokens)

    def text(self, kind: Kind, index: int = 0) -> str:
        return "".join(token.text for token in self.tokens if token.kind == kind and token.index == index)

    def calls(self) -> tuple[Call, ...]:
        opened = [(token.index, token.opens) for token in self.tokens if token.opens]
        return tuple(Call(call.id, call.name, self.text("tool", index)) for index, call in opened)


def script(chat: Chat) -> Script:
    """Answer `chat`, cut where its stop strings and its token limit say."""
    said = _answer(chat)
    content = _until_stop(said.content, chat.stops)
    tokens = tuple(_tokens(Answer(said.reasoning, content, said.calls)))
    if len(tokens) > chat.limit:
        return Script(tokens[: chat.limit], "length")
    return Script(tokens, "tool_calls" if said.calls else "stop")


def _tokens(said: Answer) -> Iterator[Token]:
    yield from (Token("reasoning", piece) for piece in pieces(said.reasoning))
    yield from (Token("content", piece) for piece in pieces(said.content))
    for index, call in enumerate(said.calls):
        yield Token("tool", "", index, call)
        yield from (Token("tool", piece, index) for piece in pieces(call.arguments))


def _until_stop(content: str, stops: Sequence[str]) -> str:
    return content[: min((content.find(stop) for stop in stops if stop in content), default=len(content))]


def _answer(chat: Chat) -> Answer:
    seed = int.from_bytes(blake2b(chat.question.encode("utf-8", "surrogatepass"), digest_size=4).digest(), "big")
    called = _called(chat)
    if called:
        calls = tuple(_call(tool, chat.calls_before + index) for index, tool in enumerate(called))
        return Answer(_thoughts(chat, words.TOOL_THOUGHTS, seed), "", calls)
    poem = "haiku" in chat.question.lower() and chat.format is None
    thoughts = words.HAIKU_THOUGHTS if poem else words.THOUGHTS
    return Answer(_thoughts(chat, thoughts, seed), _content(chat, seed), ())


def _thoughts(chat: Chat, among: Sequence[str], seed: int) -> str:
    return among[seed % len(among)] if chat.thinking else ""


def _content(chat: Chat, seed: int) -> str:
    question = chat.question
    if chat.format is not None:
        sample = document(chat.format.schema) if chat.format.schema else {"answer": words.ANSWERS[0], "sandbox": True}
        return json.dumps(sample, ensure_ascii=False)
    if chat.after_tool:
        return words.TOOL_ANSWER
    if "haiku" in question.lower():
        among = words.ROUTING_HAIKU if "rout" in question.lower() else words.HAIKU
        return among[seed % len(among)]
    if counted := COUNT.search(question):
        return ", ".join(str(number) for number in range(1, int(counted[1]) + 1)) + "."
    if repeated := REPEAT.match(question):
        return repeated[1]
    among = words.GREETINGS if GREETING.match(question) else words.ANSWERS
    return among[seed % len(among)]


def _called(chat: Chat) -> list[Tool]:
    """Return the tools to call: the one demanded, else those the question names, else the first if it asks for one.

    A question for "three rounds" is answered after three answers that each called a tool, one after the other.
    """
    if chat.choice == "none" or not chat.tools:
        return []
    if chat.choice == "auto" and chat.rounds < _rounds(chat.question):
        return [chat.tools[chat.rounds % len(chat.tools)]]
    if chat.after_tool:
        return []
    if chat.choice == "required":
        return _named(chat) or [chat.tools[0]]
    if chat.choice != "auto":
        return [tool for tool in chat.tools if tool.name == chat.choice]
    return _named(chat) or ([chat.tools[0]] if TOOL_WORDS.search(chat.question) else [])


def _rounds(question: str) -> int:
    asked = ROUNDS.search(question)
    return (NUMBERS.get(asked[1].lower()) or int(asked[1])) if asked else 0


def _named(chat: Chat) -> list[Tool]:
    question = chat.question.lower()
    return [tool for tool in chat.tools if _noun(tool.name) in question or tool.name.lower() in question]


def _noun(name: str) -> str:
    """Return the last word of a tool's name: `get_weather` is asked for by "weather"."""
    return re.split(r"[_\-]", name.lower().rstrip("_-"))[-1]


def _call(tool: Tool, index: int) -> Call:
    arguments = json.dumps(document(tool.parameters), ensure_ascii=False)
    return Call(f"functions.{tool.name}:{index}", tool.name, arguments)
