from __future__ import annotations

import ast
import configparser
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("accounts", "bench", "billing", "gateway", "pylo_site", "sandbox")
LONGEST = 300
VAGUE = {"utils", "util", "helpers", "helper", "services", "service", "common", "misc", "managers"}
PURE = (
    *("billing.merkle", "billing.receipts", "billing.statements"),
    *("accounts.tokens", "billing.money", "billing.periods", "billing.pricing"),
    *("gateway.assemble", "gateway.breaker", "gateway.dialects", "gateway.errors", "gateway.limits", "gateway.meter"),
    *("gateway.routing", "gateway.schema", "gateway.sse", "gateway.usage"),
)
EXACT = (
    *("billing/money.py", "billing/pricing.py", "billing/ledger.py", "billing/drafting.py", "billing/invoicing.py"),
    *("billing/credit_form.py", "billing/topup.py", "billing/prices.py", "billing/rollup.py"),
    *(
        "billing/recording.py",
        "billing/granting.py",
        "billing/postings.py",
        "billing/spends.py",
        "billing/spend_rebuild.py",
        "billing/balance_alerts.py",
        "billing/reconciliation/purses.py",
        "billing/grants.py",
    ),
    *(
        "billing/reconciliation/__init__.py",
        "billing/charts.py",
        "billing/reports/usage.py",
        "billing/reports/requests.py",
    ),
    *("billing/topup_auto.py", "billing/refunds.py", "billing/reports/payments.py"),
    *("billing/receipts.py", "billing/statements.py", "billing/receipt_trees.py", "billing/verification.py"),
    *("billing/reports/sheets.py", "billing/reports/invoices.py", "billing/reports/account.py"),
)


def sources() -> list[Path]:
    found = [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]
    return [file for file in found if "migrations" not in file.parts]


def exists(module: str) -> bool:
    path = ROOT / module.replace(".", "/")
    return path.with_suffix(".py").exists() or path.is_dir()


def inexact(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            found.append(f"line {node.lineno}: {node.value}")
        elif isinstance(node, ast.Name) and node.id == "float":
            found.append(f"line {node.lineno}: float")
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            found.append(f"line {node.lineno}: / (// is exact)")
    return found


def test_no_file_is_longer_than_its_ceiling() -> None:
    long = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in sources()}
    assert {name: lines for name, lines in long.items() if lines > LONGEST} == {}


def test_every_file_is_named_for_its_subject() -> None:
    parts = {part for file in sources() for part in (*file.relative_to(ROOT).parent.parts, file.stem)}
    assert parts & VAGUE == set()


def test_the_request_path_starts_without_django() -> None:
    module = "gateway.app" if exists("gateway.app") else "gateway.usage"
    code = f"import sys, {module}; print(*(name for name in sys.modules if name.startswith('django')))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")


def test_every_pure_module_is_in_the_contract() -> None:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    listed = contracts["importlinter:contract:pure"]["source_modules"].split()
    assert {module for module in PURE if exists(module)} - set(listed) == set()


@pytest.mark.parametrize("name", [name for name in EXACT if (ROOT / name).exists()] or EXACT[:1])
def test_money_is_never_a_float(name: str) -> None:
    file = ROOT / name
    assert inexact(ast.parse(file.read_text() if file.exists() else "")) == []


@pytest.mark.parametrize("code", ["x = 0.5", "x = float(1)", "x = 1 / 2", "x /= 2"])
def test_a_float_is_seen(code: str) -> None:
    assert len(inexact(ast.parse(code))) == 1
