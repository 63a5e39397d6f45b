"""OpenAI's own description of chat and models, tried on us by Schemathesis: examples, edge cases, fuzzing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from checking import API_KEY, BASE_URL, run
from trimmed import write

CHECKS = "not_a_server_error,response_schema_conformance,status_code_conformance,unsupported_method"
EXAMPLES = "60"  # of each operation in the fuzzing phase
SPEC = Path("openai.json")
TAIL = 60  # lines


def _holds(path: str) -> str:
    """Run the phases against one path, and return how many cases that was."""
    words = ["run", str(SPEC), "--url", BASE_URL, "--header", f"Authorization: Bearer {API_KEY}"]
    words += ["--include-path", path, "--phases", "examples,coverage,fuzzing", "--checks", CHECKS]
    words += [
        "--max-examples",
        EXAMPLES,
        "--seed",
        "1",
        "--no-color",
        "--request-timeout",
        "20",
        "--continue-on-failure",
    ]
    code = "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    Path(f"{path.strip('/').split('/')[0]}-{len(path)}.log").write_text(done.stdout + done.stderr)
    assert done.returncode == 0, "\n".join((done.stdout + done.stderr).splitlines()[-TAIL:])
    found = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert found, done.stdout
    assert found[1] == found[2], found[0]
    return found[0]


def chat_completions() -> str:
    return _holds("/chat/completions")


def models() -> str:
    return _holds("/models")


def one_model() -> str:
    return _holds("/models/{model}")


write(SPEC)
run("schemathesis", chat_completions, models, one_model)
