"""The command `llm` with Pylo in its extra-openai-models.yaml, as its documentation says to add an endpoint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from checking import ANSWERED, API_KEY, BASE_URL, HAIKU, MODEL, ROUNDS, WEATHER, WRONG_KEY, holds, poem, run, same

COMMAND = Path(sys.executable).with_name("llm")
HOME = Path("llm")
MODELS = f"""\
- model_id: pylo
  model_name: {MODEL}
  api_base: {BASE_URL}
  api_key_name: pylo
  supports_tools: true
  supports_schema: true
- model_id: nobody
  model_name: gpt-nobody
  api_base: {BASE_URL}
  api_key_name: pylo
"""
FUNCTION = """
def get_weather(city: str) -> str:
    "Tell the weather of a city."
    return "Fine in " + city
"""


def llm(*words: str, fails: bool = False) -> str:
    """Return what the command printed, to stderr if it should fail."""
    environ = {**os.environ, "LLM_USER_PATH": str(HOME)}
    done = subprocess.run([COMMAND, *words], env=environ, capture_output=True, text=True, check=False, timeout=60)
    same((done.returncode != 0, done.stderr if done.returncode and not fails else ""), (fails, ""))
    return done.stderr if fails else done.stdout


def models() -> str:
    holds(llm("models", "-m", "pylo"), "pylo")
    return "pylo"


def create() -> str:
    return poem(llm("-m", "pylo", "--no-stream", HAIKU).strip())


def stream() -> str:
    said = poem(llm("-m", "pylo", "--usage", HAIKU).strip())
    (logged,) = json.loads(llm("logs", "--json", "-n", "1"))
    assert logged["input_tokens"] > 0
    assert logged["output_tokens"] > 0
    return said


def conversation() -> str:
    return poem(llm("-m", "pylo", "--continue", "Another haiku.").strip())


def tools() -> str:
    assert llm("-m", "pylo", "--functions", FUNCTION, WEATHER).strip().startswith(ANSWERED)
    logged = json.loads(llm("logs", "--json", "-n", str(ROUNDS + 1)))
    calls = [call for each in logged for call in each["tool_calls"]]
    same([(call["name"], call["arguments"]) for call in calls], [("get_weather", {"city": "sandbox"})] * ROUNDS)
    return f"{len(calls)} rounds"


def tools_in_one_piece() -> str:
    said = llm("-m", "pylo", "--no-stream", "--functions", FUNCTION, WEATHER).strip()
    assert said.startswith(ANSWERED)
    return said


def structured() -> str:
    same(json.loads(llm("-m", "pylo", "--schema", "title, stars int", HAIKU)), {"title": "sandbox", "stars": 1})
    return "title, stars int"


def bad_key() -> str:
    said = llm("-m", "pylo", "--key", WRONG_KEY, HAIKU, fails=True)
    holds(said, "Incorrect API key provided")
    return said.strip()


def unknown_model() -> str:
    said = llm("-m", "nobody", HAIKU, fails=True)
    holds(said, "gpt-nobody")
    return said.strip()


def bad_parameter() -> str:
    said = llm("-m", "pylo", "-o", "max_tokens", "0", HAIKU, fails=True)
    holds(said, "'max_tokens'")
    return said.strip()


HOME.mkdir()
(HOME / "extra-openai-models.yaml").write_text(MODELS)
(HOME / "keys.json").write_text(json.dumps({"pylo": API_KEY}))
HOME = HOME.resolve()
run(
    "llm",
    *(models, create, stream, conversation, tools, tools_in_one_piece, structured),
    *(bad_key, unknown_model, bad_parameter),
)
