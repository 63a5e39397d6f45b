"""Verify an invoice of Pylo's on your own machine, with nothing but Python 3.10 and the package `cryptography`.

    python pylo_verify.py REQUESTS.csv STATEMENT.json KEYS.json [--root HEX] [--pdf INVOICE.pdf]

The first two are on the invoice's page, KEYS.json is https://<pylo>/.well-known/pylo-receipt-keys.json (keep a copy of
your own). Nothing is sent anywhere. It checks that

1. the statement is signed by one of the keys, and has the root and the PDF that you name;
2. each row is the receipt that its hash says, costs its tokens at its prices, and is there once;
3. the rows are, as a Merkle tree (RFC 6962), the statement's root; their number, cost and tokens are the statement's;
4. each line is its tokens at its price, rounded down once with the rest carried on, and the lines sum to the total.

Exit status 0 when all of it holds. Else 1, and what does not hold is named, with its row. Two columns stand outside of
it: the name of the key and the X-Request-Id, which are your own words and are not kept for ever.
"""

from __future__ import annotations

import argparse
import base64
import csv
import json
import sys
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

if TYPE_CHECKING:
    from collections.abc import Iterator

CHARGED = {"completed", "client_gone"}  # outcomes; all others are free
ITEMS = ("input", "cached", "output")
TEXTS = ("key_id", "model", "outcome", "price_id", "usage_source")
PRICES = tuple(f"{item}_nanos_per_token" for item in ITEMS)
NUMBERS = ("cached_tokens", "reasoning_tokens", "cost_nanos", "waived_nanos", *PRICES)
NANOS_PER_CENT, MOST_SHOWN = 10_000_000, 20


def canonical(values: dict[str, Any]) -> bytes:
    """Write the one text that is signed and hashed (RFC 8785)."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class Tree:
    """The root over leaves that come one by one."""

    def __init__(self) -> None:
        self._stack: list[tuple[int, bytes]] = []

    def add(self, leaf: bytes) -> None:
        size = 1
        while self._stack and self._stack[-1][0] == size:
            leaf = sha256(b"\x01" + self._stack.pop()[1] + leaf).digest()
            size *= 2
        self._stack.append((size, leaf))

    def root(self) -> str:
        if not self._stack:
            return sha256(b"").hexdigest()
        top = self._stack[-1][1]
        for _, left in reversed(self._stack[:-1]):
            top = sha256(b"\x01" + left + top).digest()
        return top.hex()


class Sums:
    """What the rows come to."""

    def __init__(self) -> None:
        self.rows = self.cost = self.waived = 0
        self.tokens: Counter[tuple[str, str, int]] = Counter()  # by item, model and nano-dollars a token
        self.tree = Tree()
        self.last_uid = ""


def check_row(row: dict[str, str], workspace: str, sums: Sums) -> Iterator[str]:
    """Add a row to the sums, and say what is wrong with it."""
    whole = {name: int(row[name]) for name in NUMBERS}
    fresh, cached, output = int(row["input_tokens"]), whole["cached_tokens"], int(row["output_tokens"])
    prices = [whole[name] for name in PRICES]
    total, prompt = fresh * prices[0] + cached * prices[1] + output * prices[2], fresh + cached
    terms = f"({prompt} - {cached}) * {prices[0]} + {cached} * {prices[1]} + {output} * {prices[2]}"
    receipt: dict[str, Any] = {name: row[name] for name in TEXTS}
    receipt |= whole | {
        "admitted_at": row["admitted_at_utc"],
        "arithmetic": f"{terms} = {total}",
        "completion_tokens": output,
        "format": "pylo-receipt-1",
        "id": "req_" + row["uid"],
        "prompt_tokens": prompt,
        "workspace_id": workspace,
    }
    cost, waived = whole["cost_nanos"], whole["waived_nanos"]
    leaf = sha256(b"\x00" + canonical(receipt)).digest()
    if leaf.hex() != row["receipt_hash"]:
        yield f"its receipt has the hash {leaf.hex()}, not {row['receipt_hash']}"
    charged = row["outcome"] in CHARGED
    if (cost, waived) != ((total, 0) if charged else (0, total)):
        yield f"its tokens come to {total} n$ {'charged' if charged else 'waived'}, not {cost} and {waived} waived"
    if row["cost_usd"] != f"{cost // 10**9}.{cost % 10**9:09d}":
        yield f"{row['cost_usd']} USD are not {cost} n$"
    if row["uid"] <= sums.last_uid:
        yield "it comes twice, or the rows are not in the order of their uids any more"
    sums.last_uid = row["uid"]
    sums.tree.add(leaf)
    sums.rows, sums.cost, sums.waived = sums.rows + 1, sums.cost + cost, sums.waived + waived
    if charged:
        for item, tokens, price in zip(ITEMS, (fresh, cached, output), prices, strict=True):
            sums.tokens[(item, row["model"], price)] += tokens


def check_rows(file: Path, workspace: str, sums: Sums) -> Iterator[str]:
    with file.open(newline="", encoding="utf-8-sig") as lines:
        for number, row in enumerate(csv.DictReader(lines), start=2):
            name = f"row {number} (req_{row.get('uid')})"
            try:
                for wrong in check_row(row, workspace, sums):
                    yield f"{name}: {wrong}"
            except (KeyError, TypeError, ValueError) as error:
                yield f"{name}: cannot be read: {error!r}"


def check_sums(statement: dict[str, Any], sums: Sums) -> Iterator[str]:
    """Compare what the rows come to with the statement."""
    for name, found in (("requests", sums.rows), ("usage_nanos", sums.cost), ("waived_nanos", sums.waived)):
        if statement[name] != found:
            yield f"the statement has {name} {statement[name]}, the rows have {found}"
    if statement["merkle_root"] != sums.tree.root():
        yield f"the rows have the root {sums.tree.root()}, the statement has {statement['merkle_root']}"
    invoiced: Counter[tuple[str, str, int]] = Counter()
    for line in statement["lines"]:
        invoiced[(line["item"], line["model"], line["unit_nanos"])] += line["tokens"]
    for one in sorted(+invoiced | +sums.tokens):
        if invoiced[one] != sums.tokens[one]:
            yield f"{one[0]} of {one[1]} at {one[2]} n$: {invoiced[one]} tokens, and {sums.tokens[one]} in the rows"


def check_lines(statement: dict[str, Any]) -> Iterator[str]:
    """Compare the lines with themselves, with each other and with the total."""
    carried: dict[str, int] = {}
    for number, line in enumerate(statement["lines"], start=1):
        exact, carried_in = line["exact_nanos"], line["carried_in_nanos"]
        if line["tokens"] * line["unit_nanos"] != exact:
            yield f"line {number}: {line['tokens']} tokens at {line['unit_nanos']} n$ are not {exact} n$"
        if carried_in != carried.get(line["item"], carried_in):
            yield f"line {number}: carries in {carried_in} n$, and the line before left {carried[line['item']]}"
        if divmod(exact + carried_in, NANOS_PER_CENT) != (line["cents"], line["carried_out_nanos"]):
            yield f"line {number}: {exact + carried_in} n$ are not {line['cents']} cents and what it carries on"
        carried[line["item"]] = line["carried_out_nanos"]
    if statement["total_cents"] != sum(line["cents"] for line in statement["lines"]):
        yield f"the total is {statement['total_cents']} cents, which is not the sum of the lines"


def check_signature(document: dict[str, Any], keys: dict[str, Any]) -> Iterator[str]:
    found = [key["public_key"] for key in keys["keys"] if key["key_id"] == document["signing_key_id"]]
    if not found:
        yield f"the statement is signed by the key {document['signing_key_id']}, which is not among yours"
        return
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(found[0]))
        public.verify(base64.b64decode(document["signature"]), canonical(document["statement"]))
    except (InvalidSignature, ValueError):
        yield "the signature is not the key's over this statement"


def problems(asked: argparse.Namespace, document: dict[str, Any], sums: Sums) -> Iterator[str]:
    statement = document["statement"]
    yield from check_signature(document, json.loads(asked.keys.read_text("utf-8")))
    if asked.root and asked.root.lower() != statement["merkle_root"]:
        yield f"the statement has the root {statement['merkle_root']}, not yours"
    if asked.pdf and sha256(asked.pdf.read_bytes()).hexdigest() != statement["pdf_sha256"]:
        yield "the PDF is not the one that was issued"
    yield from check_rows(asked.csv, statement["workspace_id"], sums)
    yield from check_sums(statement, sums)
    yield from check_lines(statement)


def main() -> int:
    parser = argparse.ArgumentParser(description="Verify an invoice of Pylo's, offline.")
    for name in ("csv", "statement", "keys"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--root", help="the root that the invoice prints")
    parser.add_argument("--pdf", type=Path, help="the invoice as PDF")
    asked = parser.parse_args()
    document, sums, found = json.loads(asked.statement.read_text("utf-8")), Sums(), 0
    for found, problem in enumerate(problems(asked, document, sums), start=1):
        if found <= MOST_SHOWN:
            sys.stdout.write(f"WRONG  {problem}\n")
    number, rows = document["statement"]["number"], f"{sums.rows:,} requests, {sums.cost} n$"
    sys.stdout.write(f"{number}: {found} things do not hold.\n" if found else f"{number}: {rows}: all of it holds.\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
