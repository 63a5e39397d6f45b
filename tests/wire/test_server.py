"""What the server does below the application: bodies stay in memory, a stop ends in order."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx
import pytest

from tests.fakes.process import Process, free_port
from tests.wire.asking import COUNT, MODEL, named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.fakes.stack import Member, Stack

LARGE: Final = 200_000  # bytes; Twisted by itself puts 100 000 and more into a temporary file
RECORD: Final = "SELECT outcome, cost_nanos FROM billing_requestrecord WHERE request_id = %s"
USED: Final = "SELECT last_used_at IS NOT NULL FROM accounts_apikey WHERE id = %s"


def another_server(stack: Stack, *options: str, **settings: str) -> tuple[Process, str]:
    """Start a second server beside the stack's, for a test that ends it."""
    port = free_port()
    return stack.serve(f"another-{port}", port, settings, *options), f"http://127.0.0.1:{port}"


def body(words: str) -> bytes:
    return f'{{"model":"{MODEL}","stream":true,"messages":[{{"role":"user","content":"{words}"}}]}}'.encode()


def held_in_files(stack: Stack, word: bytes) -> list[str]:
    """Return the files with `word` in them, of those the product has open, deleted ones too, and of those it wrote."""
    ours = [process.pid for process in stack.processes if process.running and process.name in ("server", "ship")]
    files = [each for pid in ours for each in opened_by(pid)] + [
        each for each in stack.var.rglob("*") if each.is_file()
    ]
    return [str(each) for each in files if word in read(each)]


def read(file: Path) -> bytes:
    """Return what is in a file; what is closed meanwhile, or was a socket, is none."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


def opened_by(pid: int) -> list[Path]:
    """Return the ways to a process's open files, deleted ones among them."""
    return [each for each in Path(f"/proc/{pid}/fd").iterdir() if each.is_file()]


def in_pieces(content: bytes) -> Iterator[bytes]:
    yield content[: LARGE // 2]
    yield content[LARGE // 2 :]


def held_while_answering(stack: Stack, key: str, content: bytes | Iterable[bytes], word: bytes) -> list[str]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    url = f"{stack.api_base}/chat/completions"
    with httpx.stream("POST", url, content=content, headers=headers, timeout=20) as answer:
        assert answer.status_code == httpx.codes.OK
        next(answer.iter_bytes())
        return held_in_files(stack, word)


def test_a_large_prompt_is_never_in_a_file_not_even_a_deleted_one(stack: Stack, member: Member) -> None:
    stack.upstream.heal()
    word = f"word{secrets.token_hex(6)}"
    content = body(f"Count to 100 {word} " + "x" * LARGE)
    assert held_while_answering(stack, member.key, content, word.encode()) == []
    assert held_while_answering(stack, member.key, in_pieces(content), word.encode()) == []
    assert held_in_files(stack, word.encode()) == []


def test_the_search_for_words_in_files_finds_one_that_is_deleted(tmp_path: Path) -> None:
    with (tmp_path / "spool").open("w+b") as spool:
        spool.write(b"word")
        spool.flush()
        (tmp_path / "spool").unlink()
        assert [each for each in opened_by(os.getpid()) if each.read_bytes() == b"word"] != []


def test_a_body_without_a_length_is_refused_at_the_limit(stack: Stack, member: Member) -> None:
    headers = {"Authorization": f"Bearer {member.key}", "Content-Type": "application/json"}
    content = (b"x" * 2**20 for _ in range(6))
    answer = httpx.post(f"{stack.api_base}/chat/completions", content=content, headers=headers, timeout=20)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


def test_a_header_of_the_clients_does_not_set_the_root_path(stack: Stack) -> None:
    page = httpx.get(f"{stack.base_url}/", headers={"Daphne-Root-Path": "/evil"})
    assert page.status_code == httpx.codes.OK
    assert "/evil" not in page.text


def test_a_stop_writes_down_what_is_held_even_while_a_body_is_half_sent(stack: Stack) -> None:
    server, url = another_server(stack)
    member = stack.member()
    httpx.get(f"{url}/v1/models", headers={"Authorization": f"Bearer {member.key}"}).raise_for_status()
    assert stack.sql(USED, member.key_id) == [(False,)]
    with socket.create_connection(("127.0.0.1", urlsplit(url).port or 0)) as half:
        half.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        server.stop()
    assert stack.sql(USED, member.key_id) == [(True,)]
    assert "Traceback" not in server.tail()


def test_two_processes_share_a_port_and_end_together(stack: Stack) -> None:
    server, url = another_server(stack, "--processes", "2")
    first, second = children(server.pid)
    address = ("127.0.0.1", urlsplit(url).port or 0)
    before = sockets(first), sockets(second)
    with ExitStack() as lines:
        for _ in range(40):
            lines.enter_context(socket.create_connection(address))
        stack.eventually(lambda: min(sockets(first) - before[0], sockets(second) - before[1]) > 5)
    os.kill(second, signal.SIGKILL)
    assert server._child.wait(10) == 1
    assert not Path(f"/proc/{first}").exists()


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def sockets(pid: int) -> int:
    """Count the sockets that a process has open; what it closes while it is counted is none."""
    count = 0
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            count += str(each.readlink()).startswith("socket:")
    return count


@pytest.mark.conformance(142)
def test_a_stream_that_a_stop_does_not_wait_for_ends_with_an_error_and_is_free(stack: Stack) -> None:
    server, url = another_server(stack, PYLO_DRAIN_SECONDS="0")
    member, mine = stack.member(), named()
    stack.upstream.heal()
    stack.upstream.fail({"kind": "slow", "tokens_per_second": 20})
    headers = {"Authorization": f"Bearer {member.key}", "X-Request-Id": mine}
    asked = {"model": MODEL, "messages": COUNT, "stream": True}
    with httpx.stream("POST", f"{url}/v1/chat/completions", json=asked, headers=headers, timeout=20) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith("data: ")
        os.kill(server.pid, signal.SIGTERM)
        events = [line for line in lines if line]
    assert json.loads(events[-1].removeprefix("data: "))["error"]["code"] == "server_shutting_down"
    assert server._child.wait(10) == 0
    assert stack.eventually(lambda: stack.sql(RECORD, mine)) == [("interrupted", 0)]


@pytest.mark.conformance(20, 142)
def test_a_stop_lets_a_stream_end_and_refuses_what_comes_on_an_open_line(stack: Stack) -> None:
    server, url = another_server(stack)
    member, mine = stack.member(), named()
    stack.upstream.heal()
    stack.upstream.fail({"kind": "slow", "tokens_per_second": 100})
    headers = {"Authorization": f"Bearer {member.key}", "X-Request-Id": mine}
    asked = {"model": MODEL, "messages": COUNT, "stream": True}
    with ExitStack() as lines_open:
        client, other, eye = (lines_open.enter_context(httpx.Client(base_url=url, timeout=20)) for _ in range(3))
        client.headers = httpx.Headers(headers)
        assert other.get("/v1/models").status_code == httpx.codes.UNAUTHORIZED
        assert eye.get("/ready").status_code == httpx.codes.OK
        with client.stream("POST", "/v1/chat/completions", json=asked) as answer:
            lines = answer.iter_lines()
            assert next(lines).startswith("data: ")
            os.kill(server.pid, signal.SIGTERM)
            stack.eventually(lambda: "draining" in server.tail())
            refused, ready = other.get("/v1/models"), eye.get("/ready")
            assert [line for line in lines if line][-1] == "data: [DONE]"
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "server_is_overloaded")
    assert ready.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert 1 <= int(refused.headers["retry-after"]) <= 5
    assert (refused.headers["x-should-retry"], refused.headers["connection"]) == ("true", "close")
    assert server._child.wait(10) == 0
    ((outcome, cost),) = stack.eventually(lambda: stack.sql(RECORD, mine))
    assert outcome == "completed"
    assert cost > 0
