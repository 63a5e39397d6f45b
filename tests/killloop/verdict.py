"""What everybody says of each request, beside each other: clients, upstreams, the ledger. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fakes.sandbox import Call
    from tests.killloop.clients import Seen

CHARGED = ("completed", "client_gone")


@dataclass(frozen=True, slots=True)
class Row:
    """One record. There is one for each `uid`, or something is wrong."""

    uid: str
    request_id: str
    workspace: str
    outcome: str
    source: str
    prompt: int
    completion: int
    cost: int


@dataclass(slots=True)
class Verdict:
    figures: dict[str, int] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)

    def finds(self, what: str, about: str, *said: object) -> None:
        self.findings.append(f"{what}: {about}: {', '.join(map(str, said))}")


def judge(seen: Sequence[Seen], calls: Sequence[Call], rows: Sequence[Row]) -> Verdict:
    """Compare; `findings` is empty when all agree."""
    verdict = Verdict()
    served: defaultdict[str, list[Call]] = defaultdict(list)
    for call in calls:
        served[call.uid.removeprefix("req_")].append(call)
    by_uid = {row.uid: row for row in rows}
    _each_once(verdict, served, rows)
    for uid, row in by_uid.items():
        _tokens(verdict, row, served.get(uid, []))
    asked: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        asked[row.request_id].append(row)
    for each in seen:
        _client(verdict, each, asked.get(each.request_id, []), served)
    ends = Counter(row.outcome for row in rows)
    verdict.figures |= {
        "requests": len(seen),
        "records": len(rows),
        "completed tokens": sum(row.completion for row in rows if row.outcome == "completed"),
        "tokens sent by upstreams": sum(call.tokens for call in calls),
        "tokens given to clients": sum(each.tokens for each in seen),
        **{f"records {outcome}": count for outcome, count in sorted(ends.items())},
    }
    return verdict


def _each_once(verdict: Verdict, served: dict[str, list[Call]], rows: Sequence[Row]) -> None:
    times = Counter(row.uid for row in rows)
    lost = [uid for uid, calls in served.items() if any(call.tokens for call in calls) and not times[uid]]
    double = [uid for uid, count in times.items() if count > 1]
    for uid in lost:
        verdict.finds("lost", uid, "an upstream gave tokens, and no record has them")
    for uid in double:
        verdict.finds("double", uid, f"{times[uid]} records")
    verdict.figures |= {"lost": len(lost), "double": len(double)}


def _tokens(verdict: Verdict, row: Row, calls: list[Call]) -> None:
    """The upstream's own log: a completed answer to the token, any other never more than was sent."""
    sent = calls[-1].tokens if calls else 0
    if row.outcome == "completed":
        told = calls[-1] if calls else None
        if told is None or told.reason != "finish" or (row.prompt, row.completion) != (told.prompt_tokens, sent):
            verdict.finds("completed", row.uid, f"recorded {row.prompt} + {row.completion}", f"upstream {told}")
    elif row.completion > sent:
        verdict.finds("metered ≤ sent", row.uid, row.outcome, f"recorded {row.completion}", f"upstream {sent}")


def _client(verdict: Verdict, seen: Seen, rows: list[Row], served: dict[str, list[Call]]) -> None:
    charged = [row for row in rows if row.outcome in CHARGED and row.cost]
    if len(charged) > 1:
        verdict.finds("double", seen.request_id, f"charged {len(charged)} times", [row.uid for row in charged])
    own = [row for row in rows if row.uid in seen.ids] or rows
    if seen.whole:
        completed = [row for row in own if row.outcome == "completed"]
        if len(completed) != 1 or completed[0].completion != seen.tokens:
            verdict.finds("client", seen.request_id, f"was given {seen.tokens} and an end", [*map(str, rows)])
        elif seen.usage is not None and seen.usage != seen.tokens:
            verdict.finds("usage", seen.request_id, f"told {seen.usage}", f"given {seen.tokens}")
    elif seen.tokens and max((row.completion for row in own), default=-1) < seen.tokens:
        verdict.finds("received ≤ metered", seen.request_id, f"given {seen.tokens}", [*map(str, rows)])
    if seen.tokens > max((call.tokens for row in own for call in served.get(row.uid, [])), default=0):
        verdict.finds("received ≤ sent", seen.request_id, f"given {seen.tokens}", [row.uid for row in own])
