"""OpenAI's own description of chat and models, tried on us by Schemathesis: examples, edge cases, fuzzing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from checking import API_KEY, BASE_URL, run, same
from trimmed import write

CHECKS = "not_a_server_error,response_schema_conformance,status_code_conformance,unsupported_method"
EXAMPLES = "60"  # of each operation in the fuzzing phase
COMMAND = Path(sys.executable).with_name("schemathesis")
WHOLE, OFFERED = Path("whole.json"), Path("offered.json")
TAIL = 60  # lines


def _holds(spec: Path, path: str, *statuses: int) -> str:
    """Run the phases against one path; return how often each status came. The `statuses` must be among them."""
    name = "-".join([spec.stem, *path.strip("/}").replace("{", "").split("/")])
    words = ["run", str(spec), "--url", BASE_URL, "--header", f"Authorization: Bearer {API_KEY}", "--no-color"]
    words += ["--include-path", path, "--phases", "examples,coverage,fuzzing", "--checks", CHECKS]
    words += ["--max-examples", EXAMPLES, "--seed", "1", "--request-timeout", "20", "--continue-on-failure"]
    words += ["--report-har-path", f"{name}.har"]
    done = subprocess.run([COMMAND, *words], capture_output=True, text=True, check=False)
    Path(f"{name}.log").write_text(done.stdout + done.stderr)
    same((done.returncode, "\n".join(done.stdout.splitlines()[-TAIL:]) if done.returncode else ""), (0, ""))
    entries = json.loads(Path(f"{name}.har").read_text())["log"]["entries"]
    counts = Counter(entry["response"]["status"] for entry in entries)
    same(sorted(set(statuses) - set(counts)), [])
    return ", ".join(f"{status} × {count}" for status, count in sorted(counts.items()))


def chat_completions() -> str:
    return _holds(WHOLE, "/chat/completions", 200, 400, 405)


def chat_completions_as_offered() -> str:
    return _holds(OFFERED, "/chat/completions", 200, 400, 405)


def models() -> str:
    return _holds(WHOLE, "/models", 200, 405)


def one_model() -> str:
    return _holds(WHOLE, "/models/{model}", 200, 404, 405)


write(WHOLE, offered=False)
write(OFFERED, offered=True)
run("schemathesis", chat_completions, chat_completions_as_offered, models, one_model)
