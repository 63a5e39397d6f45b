from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING, Any

import psycopg
import redis
from openai import APIError
from psycopg import sql

from tests.wire.asking import MODEL, named

if TYPE_CHECKING:
    from openai import OpenAI

    from tests.fakes.stack import Stack

TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
RECORD = "SELECT 1 FROM billing_requestrecord WHERE request_id = %s"


def in_files(stack: Stack, word: bytes) -> list[str]:
    return [str(path) for path in stack.var.rglob("*") if path.is_file() and word in path.read_bytes()]


def in_database(stack: Stack, word: str) -> list[str]:
    found = []
    with psycopg.connect(stack.env["DATABASE_URL"]) as connection:
        for (table,) in connection.execute(TABLES).fetchall():
            rows = sql.SQL("SELECT count(*) FROM {0} WHERE {0}::text LIKE %s").format(sql.Identifier(table))
            if connection.execute(rows, [f"%{word}%"]).fetchall() != [(0,)]:
                found.append(str(table))
    return found


def in_redis(stack: Stack, word: bytes) -> list[bytes]:
    with redis.Redis.from_url(stack.env["REDIS_URL"]) as client:
        return [key for key in client.scan_iter() if word in key or word in (client.dump(key) or b"")]


def say(client: OpenAI, what: str, **values: Any) -> None:
    messages: Any = [{"role": "user", "content": what}]
    list(client.chat.completions.create(**({"model": MODEL, "messages": messages, "stream": True} | values)))


def test_no_word_of_a_prompt_or_an_answer_is_kept_anywhere(client: OpenAI, stack: Stack) -> None:
    word = f"word{secrets.token_hex(6)}"
    mine = named()
    say(client, f"Repeat: {word} " * 3, extra_headers={"X-Request-Id": mine})
    say(client, f"{word} " * 50_000)  # far over what a server would keep in memory by itself
    with contextlib.suppress(APIError):
        say(client, word, stop=[word] * 9)
    for fault in ({"status": 400, "type": "invalid_request_error", "message": word}, {"kind": "error", "after": 2}):
        stack.upstream.fail(fault)
        with contextlib.suppress(APIError):
            say(client, word)
    stack.eventually(lambda: stack.sql(RECORD, mine))
    assert in_files(stack, word.encode()) == []
    assert in_database(stack, word) == []
    assert in_redis(stack, word.encode()) == []
