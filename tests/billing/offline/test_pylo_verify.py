"""The program that customers run, run as they do: on files from the portal, with no Django and no network."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import async_to_sync

from billing import invoicing
from billing.models import Invoice, Price
from billing.reports import evidence
from gateway.usage import Outcome, Tokens
from tests.billing.factories import MODEL
from tests.billing.seed import NOW, record, tenant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from django.test import Client

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]
PROGRAM = Path(__file__).parents[3] / "billing" / "offline" / "pylo_verify.py"
OUTSIDE = {"key", "request_id"}  # a client's own words, which no receipt has


async def whole(parts: AsyncIterator[bytes]) -> bytes:
    return b"".join([part async for part in parts])


@dataclass
class Files:
    folder: Path
    invoice: Invoice

    @property
    def rows(self) -> list[list[str]]:
        with (self.folder / "requests.csv").open(newline="") as file:
            return list(csv.reader(file))

    def write(self, rows: list[list[str]]) -> None:
        with (self.folder / "requests.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)

    @property
    def document(self) -> Any:
        return json.loads((self.folder / "statement.json").read_text())

    def verify(self, *more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", str(PROGRAM), "requests.csv", "statement.json", "keys.json", *more]
        return subprocess.run(command, cwd=self.folder, env={}, capture_output=True, text=True, check=False)


@pytest.fixture
def files(client: Client, tmp_path: Path) -> Files:
    """The second invoice of a workspace, at two prices, with something carried in and a request that was free."""
    alice = tenant("alice")
    client.force_login(alice.owner)
    record(alice.key, NOW - timedelta(hours=9))
    invoicing.issue(workspace=alice.workspace, until=NOW - timedelta(hours=8), now=NOW)
    new = NOW - timedelta(hours=5)
    Price.objects.update(ends_at=new)
    dear = Price.objects.create(model=MODEL, input_nanos=1000, cached_nanos=200, output_nanos=4000, starts_at=new)
    record(alice.key, NOW - timedelta(hours=7), Tokens(3_000_001, 2_000_000, 500_003, 7))
    record(alice.key, NOW - timedelta(hours=6), outcome=Outcome.UPSTREAM_CUT)
    record(alice.key, NOW - timedelta(hours=4), price_id=dear.id, request_id="job/17:a")
    record(alice.key, NOW - timedelta(hours=3), price_id=dear.id, outcome=Outcome.CLIENT_GONE)
    record(alice.key, NOW - timedelta(hours=2), Tokens(), outcome=Outcome.SHED, price_id=dear.id)
    invoice = invoicing.issue(workspace=alice.workspace, until=NOW - timedelta(hours=1), now=NOW)
    page = f"/invoices/{invoice.number}"
    requests = async_to_sync(whole)(client.get(f"{page}/csv/").streaming_content)  # type: ignore[attr-defined]
    (tmp_path / "requests.csv").write_bytes(requests)
    (tmp_path / "statement.json").write_bytes(client.get(f"{page}/statement/").content)
    (tmp_path / "invoice.pdf").write_bytes(client.get(f"{page}/pdf/").content)
    (tmp_path / "keys.json").write_bytes(client.get("/.well-known/pylo-receipt-keys.json").content)
    return Files(tmp_path, invoice)


def changed(cell: str) -> str:
    """The cell, off by one."""
    if cell.isdecimal():
        return str(int(cell) + 1)
    return cell[:-1] + ("1" if cell[-1:] == "0" else "0")


def test_an_invoice_as_issued_holds(files: Files) -> None:
    done = files.verify("--root", files.invoice.merkle_root, "--pdf", "invoice.pdf")
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == f"{files.invoice.number}: 5 requests, {files.invoice.usage_nanos} n$: all of it holds.\n"


def test_any_cell_that_is_off_by_one_fails_and_its_row_is_named(files: Files) -> None:
    header, *rows = files.rows
    for column, name in enumerate(header):
        number = column % 4  # another row for each
        other = [list(row) for row in rows]
        other[number][column] = changed(rows[number][column])
        files.write([header, *other])
        done = files.verify()
        if name in OUTSIDE:
            assert done.returncode == 0
        else:
            assert (name, done.returncode, done.stdout.split(" (")[0]) == (name, 1, f"WRONG  row {number + 2}")


def test_a_row_that_is_gone_or_there_twice_is_seen(files: Files) -> None:
    header, *rows = files.rows
    files.write([header, *rows[:2], *rows[3:]])
    gone = files.verify()
    assert "the statement has requests 5, the rows have 4" in gone.stdout
    assert "output of moonshotai/kimi-k2.6 at 4000 n$: 1134 tokens, and 567 in the rows" in gone.stdout
    files.write([header, rows[0], *rows])
    twice = files.verify()
    assert twice.stdout.startswith(f"WRONG  row 3 (req_{rows[0][2]}): it comes twice")
    assert (gone.returncode, twice.returncode) == (1, 1)


def test_a_row_that_was_made_consistent_by_hand_still_leads_to_another_root(files: Files) -> None:
    header, *rows = files.rows
    before = files.verify()
    index = header.index("reasoning_tokens")
    rows[0][index] = "8"
    files.write([header, *rows])
    told = files.verify().stdout.split("has the hash ")[1].split(",")[0]
    rows[0][header.index("receipt_hash")] = told
    files.write([header, *rows])
    done = files.verify()
    assert (before.returncode, done.returncode) == (0, 1)
    assert done.stdout.startswith("WRONG  the rows have the root ")


@pytest.mark.parametrize("name", ["tokens", "unit_nanos", "exact_nanos", "carried_in_nanos", "cents"])
def test_a_line_that_is_off_by_one_is_named_and_no_longer_signed(files: Files, name: str) -> None:
    document = files.document
    document["statement"]["lines"][1][name] += 1
    (files.folder / "statement.json").write_text(json.dumps(document))
    done = files.verify()
    assert done.returncode == 1
    assert "WRONG  line 2: " in done.stdout
    assert "the signature is not the key's over this statement" in done.stdout


def test_a_statement_that_another_signed_or_another_root_or_pdf_is_refused(files: Files) -> None:
    keys = json.loads((files.folder / "keys.json").read_text())
    keys["keys"][0]["key_id"] = "0123456789abcdef"
    (files.folder / "keys.json").write_text(json.dumps(keys))
    (files.folder / "invoice.pdf").write_bytes(b"%PDF-other")
    done = files.verify("--root", "00" * 32, "--pdf", "invoice.pdf")
    assert done.returncode == 1
    for words in ("which is not among yours", "not yours", "the PDF is not the one that was issued"):
        assert words in done.stdout


def test_it_is_one_short_file_that_stands_alone() -> None:
    text = PROGRAM.read_text()
    assert len(text.splitlines()) < 200
    imported = {line.split()[1].split(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))}
    assert imported - set(sys.stdlib_module_names) == {"cryptography"}


def test_the_sheet_has_all_that_the_program_reads() -> None:
    text = PROGRAM.read_text()
    assert {name for name in evidence.HEADER if f'"{name}"' not in text} == {
        *("key", "request_id", "input_nanos_per_token", "cached_nanos_per_token", "output_nanos_per_token"),
    }
