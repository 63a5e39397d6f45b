"""Aider from its command line: it asks with `temperature` 0 through the LiteLLM that it pins, and edits files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from checking import API_KEY, BASE_URL, HAIKU, MODEL, REASONING, WRONG_KEY, holds, poem, run, same

COMMAND = Path(sys.executable).with_name("aider")
QUIET = (
    *("--no-git", "--yes-always", "--no-show-model-warnings", "--no-check-update", "--no-show-release-notes"),
    *("--analytics-disable", "--no-pretty", "--no-fancy-input", "--map-tokens", "0", "--no-detect-urls"),
    *("--chat-history-file", str(Path("chat.md").resolve()), "--input-history-file", str(Path("input.txt").resolve())),
)
FILE = """\
Repeat: Here it is.

poem.txt
```
An old silent pond
```
"""


def aider(message: str, *words: str, key: str = API_KEY, model: str = MODEL) -> str:
    """Return what the command printed; it must end with 0, as it does also when the model refused."""
    own = {"OPENAI_API_BASE": BASE_URL, "OPENAI_API_KEY": key, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    done = subprocess.run(
        [COMMAND, "--model", f"openai/{model}", *QUIET, *words, "--message", message],
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    same((done.returncode, done.stderr if done.returncode else ""), (0, ""))
    return done.stdout


def stream() -> str:
    return _answer(aider(HAIKU))


def create() -> str:
    return _answer(aider(HAIKU, "--no-stream"))


def _answer(said: str) -> str:
    same("THINKING" in said, REASONING)
    lines = [line for line in said.splitlines() if line.strip()]
    (last,) = [number for number, line in enumerate(lines) if line.startswith("Tokens:")]
    return poem("\n".join(lines[last - 3 : last]))


def edit() -> str:
    said = aider(FILE, "--edit-format", "whole", "poem.txt")
    holds(said, "Applied edit to poem.txt")
    same(Path("poem.txt").read_text(), "An old silent pond\n")
    return "poem.txt"


def bad_key() -> str:
    return _refused(aider(HAIKU, key=WRONG_KEY), "litellm.AuthenticationError: ", "Incorrect API key provided")


def unknown_model() -> str:
    return _refused(aider(HAIKU, model="gpt-nobody"), "litellm.NotFoundError: ", "gpt-nobody")


def _refused(said: str, error: str, words: str) -> str:
    message = " ".join(said[said.find(error) :].split()) if error in said else said  # it wraps its lines
    holds(message, error)
    holds(message, words)
    return message


run("aider-chat", stream, create, edit, bad_key, unknown_model)
