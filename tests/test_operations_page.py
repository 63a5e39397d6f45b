"""docs/operations.md knows every field of the log and every metric, and the alert rules name only what there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.metrics.families import FAMILIES, Kind
from gateway.overload import Sign
from gateway.routing import ShedReason
from gateway.telemetry import ACCESS_FIELDS, CRASH_FIELDS, FAULT_FIELDS

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
ALERTS = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())
RULES: list[dict[str, Any]] = ALERTS["groups"][0]["rules"]
SUFFIXES = {Kind.COUNTER: ("_total",), Kind.GAUGE: ("",), Kind.HISTOGRAM: ("_bucket", "_count", "_sum")}
SHOWN = {each.name + suffix: each for each in FAMILIES for suffix in SUFFIXES[each.kind]}
METRIC = re.compile(r"\b(?:pylo|gen_ai)_\w+")


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def first_cells(text: str) -> list[str]:
    """The names in the first cells of a table's rows."""
    return [
        name for cell in re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)
    ]


def test_the_table_of_the_log_has_each_field_once() -> None:
    assert sorted(first_cells(section("The log"))) == sorted(ACCESS_FIELDS)


def test_the_fields_of_faults_and_crashes_are_told_too() -> None:
    words = set(re.findall(r"`(\w+)`", section("The log")))
    assert {*FAULT_FIELDS, *CRASH_FIELDS} - words == set()


def test_the_table_of_the_metrics_has_each_family_once() -> None:
    named = [name.removesuffix("_total") for name in first_cells(section("Metrics"))]
    assert sorted(named) == sorted(each.name for each in FAMILIES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_names_metrics_and_labels_that_there_are(rule: dict[str, Any]) -> None:
    names = set(METRIC.findall(rule["expr"]))
    assert names - SHOWN.keys() == set()
    labels = {label for name in names for label in SHOWN[name].labels} | {"le", "job", "instance"}
    said = re.findall(r"(\w+)\s*(?:=~|!=|=)\s*\"", rule["expr"])
    by = [name.strip() for group in re.findall(r"by \(([^)]+)\)", rule["expr"]) for name in group.split(",")]
    assert {*said, *by} - labels == set()
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"]


def test_the_incident_names_only_metrics_that_there_are() -> None:
    text = section("During an incident")
    assert {
        name for name in METRIC.findall(text) if name not in SHOWN | {each.name: each for each in FAMILIES}
    } == set()
    assert {*ShedReason, *Sign} - set(re.findall(r"`(\w+)`", text)) == set()
