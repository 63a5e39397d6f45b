"""GuideLLM's benchmark against us, as its documentation runs it against an OpenAI-compatible server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from checking import API_KEY, BASE_URL, MODEL, run, same

COMMAND = Path(sys.executable).with_name("guidellm")
REQUESTS = 12
PROMPTS = Path("prompts.jsonl")
TAIL = 8  # lines


def concurrent() -> str:
    return _benchmark("kind=concurrent,streams=2")


def throughput() -> str:
    return _benchmark("kind=throughput,max_concurrency=8")


def _benchmark(profile: str) -> str:
    """Run one profile to its end, and return what its report counts: no request may have failed."""
    out = Path("report.json")
    out.unlink(missing_ok=True)
    words = [
        "run",
        "--backend",
        f"kind=openai_http,target={BASE_URL.removesuffix('/v1')},model={MODEL},api_key={API_KEY}",
    ]
    words += ["--profile", profile, "--constraint", f"kind=max_requests,count={REQUESTS}"]
    words += [
        "--data",
        f"kind=json_file,path={PROMPTS}",
        "--output",
        f"kind=json,path={out}",
        "--disable-console-interactive",
    ]
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    done = subprocess.run(
        [COMMAND, *words],
        env={**os.environ, **offline},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    said = "\n".join((done.stdout + done.stderr).splitlines()[-TAIL:])
    same((done.returncode, said if done.returncode else ""), (0, ""))
    report: dict[str, Any] = json.loads(out.read_text())
    totals = [each["metrics"]["request_totals"] for each in report["benchmarks"]]
    same([(each["successful"], each["errored"]) for each in totals], [(REQUESTS, 0)])
    return f"{REQUESTS} requests, none failed"


PROMPTS.write_text(
    "".join(json.dumps({"prompt": f"Count to {20 + n}", "output_tokens_count": 40}) + "\n" for n in range(REQUESTS))
)
run("guidellm", concurrent, throughput)
