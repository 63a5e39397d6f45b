from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from tests.fakes.stack import Member, Stack

HOSTED = "https://api.pylo.sh/v1"
BODY = """{
    "model": "moonshotai/kimi-k2.6",
    "stream": true,
    "messages": [
      {"role": "user", "content": "Write a haiku about routing tables."}
    ]
  }"""
CURL = f"""\
curl https://api.pylo.sh/v1/chat/completions \\
  -H "Authorization: Bearer $PYLO_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{BODY}'
"""
PYTHON = """\
import os
from openai import OpenAI

client = OpenAI(
    base_url="https://api.pylo.sh/v1",
    api_key=os.environ["PYLO_API_KEY"],
)

stream = client.chat.completions.create(
    model="moonshotai/kimi-k2.6",
    stream=True,
    messages=[
        {"role": "user", "content": "Write a haiku about routing tables."},
    ],
)

for chunk in stream:
    delta = chunk.choices[0].delta.content
    if delta:
        print(delta, end="", flush=True)
"""


def run(stack: Stack, member: Member, *command: str) -> str:
    env = {"PATH": stack.env["PATH"], "PYLO_API_KEY": member.key}
    done = subprocess.run(list(command), env=env, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def by_hand(stack: Stack, member: Member) -> str:
    """Send what curl would, where there is no curl."""
    place = urlsplit(stack.api_base)
    request = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer {member.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\nConnection: close\r\n\r\n{BODY}"
    )
    with socket.create_connection((place.hostname, place.port or 80), timeout=30) as line:
        line.sendall(request.encode())
        return b"".join(iter(lambda: line.recv(65536), b"")).decode()


def test_the_curl_line_of_the_quickstart_streams_a_haiku(stack: Stack, member: Member) -> None:
    stack.upstream.heal()
    if shutil.which("curl", path=stack.env["PATH"]):
        said = run(stack, member, "sh", "-c", CURL.replace(HOSTED, stack.api_base))
    else:
        said = by_hand(stack, member)
    assert said.count('"reasoning_content":"') > 5
    assert '"finish_reason":"stop"' in said
    assert "data: [DONE]" in said


def test_the_python_of_the_quickstart_prints_a_haiku(stack: Stack, member: Member) -> None:
    stack.upstream.heal()
    said = run(stack, member, sys.executable, "-c", PYTHON.replace(HOSTED, stack.api_base))
    assert len(said.splitlines()) == 3
