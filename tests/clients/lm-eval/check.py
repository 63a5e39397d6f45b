"""EleutherAI's evaluation harness with a task of its own on disk: `temperature` 0, `seed`, `stop` and `max_tokens`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from checking import API_KEY, BASE_URL, MODEL, run, same

COMMAND = Path(sys.executable).with_name("lm-eval")
QUESTIONS = 8
TASK = """\
task: counting
dataset_path: json
dataset_kwargs:
  data_files:
    test: {data}
test_split: test
output_type: generate_until
doc_to_text: "Count to {{{{n}}}}"
doc_to_target: "{{{{answer}}}}"
generation_kwargs:
  until: ["END"]
  max_gen_toks: 400
metric_list:
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
"""
TAIL = 8  # lines


def local_task() -> str:
    rows = [{"n": n, "answer": ", ".join(map(str, range(1, n + 1))) + "."} for n in range(3, 3 + QUESTIONS)]
    data = Path("counting.jsonl").resolve()
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    Path("counting.yaml").write_text(TASK.format(data=data))
    where = (
        f"model={MODEL},base_url={BASE_URL}/chat/completions,num_concurrent=2,max_retries=1,tokenized_requests=False"
    )
    words = ["run", "--model", "local-chat-completions", "--model_args", where, "--tasks", "counting.yaml"]
    words += ["--apply_chat_template", "--output_path", "out"]
    environ = {**os.environ, "OPENAI_API_KEY": API_KEY, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    done = subprocess.run([COMMAND, *words], env=environ, capture_output=True, text=True, check=False)
    said = "\n".join((done.stdout + done.stderr).splitlines()[-TAIL:])
    same((done.returncode, said if done.returncode else ""), (0, ""))
    (report,) = Path("out").rglob("results_*.json")
    scores = json.loads(report.read_text())["results"]["counting"]
    same([score for name, score in scores.items() if name.startswith("exact_match,")], [1.0])
    return f"{QUESTIONS} answers, all exact"


run("lm_eval", local_task)
