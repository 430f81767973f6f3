"""Whatever the input, the limits and the faults: every row in one bucket, no bystander refused, few calls wasted."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from math import ceil, log2
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.codes import Family, look_up
from airflow_provider_socialscrm.api.errors import ServiceError, UncertainError, refusal
from airflow_provider_socialscrm.api.retry import RetryLimits
from airflow_provider_socialscrm.api.settings import AuthScheme, Settings
from airflow_provider_socialscrm.importer.columns.cleaning import clean_text
from airflow_provider_socialscrm.importer.options import ALL, Options, Rules
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sending.refused_fields import REFUSED_ROWS
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from airflow_provider_socialscrm.sandbox.settings import SandboxSettings
from tests.support.imports import number_of, rejected_rows
from tests.support.sandbox import NO_LIMIT, as_new

ALL_COLUMNS = Rules(extension_fields=ALL)
PATIENT = RetryLimits(attempts=1000, first_wait=0.0, longest_wait=0.0)
FEW = settings.default.max_examples // 5
"""Examples of tests that go over HTTP."""

GOOD, WELCOME = "good", "welcome"
INVALID = {"no-number": {"whatsApp": None}, "bad-birthday": {"birthday": "1990/02/30"}}
"""Found before any call, by the code in the dead letter."""

AGENTS = ("agent_wang", "agent_novak")
GHOSTS = ("ghost_a", "ghost_b")

COLUMNS = ("whatsApp", "agentAccount", "friendName", "birthday", "welcome", "Loyalty Level", "desc")


def table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    return pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in COLUMNS})


def row_of(place: int, kind: str, text: str) -> dict[str, Any]:
    row = {
        "whatsApp": number_of(place),
        "agentAccount": GHOSTS[place % 2] if kind == "ghost" else AGENTS[place % 2],
        "friendName": text or None,
    }
    if kind == WELCOME:
        row["welcome"] = "hello"
    elif kind == "533":
        row["Loyalty Level"] = "Tin"
    elif kind not in {GOOD, "ghost", *INVALID}:
        row["desc"] = f"refuse with {kind}"
    return row | INVALID.get(kind, {})


def as_sent(row: dict[str, Any], *, with_agent: bool) -> dict[str, Any]:
    names = [name for name in COLUMNS if row.get(name) and (with_agent or name != "agentAccount")]
    return {name: text for name in names if (text := clean_text(row[name]))}


class FakeCrm(Client):
    """Takes or refuses calls like the sandbox, without a wire; what happens to a call is told beforehand.

    :param faults: what becomes of the calls, one after the other; then nothing happens to any.
    :param partial: whether the good rows of a refused call are kept.
    """

    def __init__(self, settings: Settings, faults: Sequence[str] = (), *, partial: bool = False) -> None:
        super().__init__(settings)
        self._faults = list(faults)
        self._partial = partial
        self._lock = threading.Lock()
        self.customers: dict[str, dict[str, Any]] = {}
        self.welcomes: Counter[str] = Counter()
        self.calls: list[int] = []

    def import_customers(self, rows: Sequence[bytes], *, agent: str | None = None) -> Any:
        with self._lock:
            self.calls.append(len(rows))
            fault = self._faults.pop(0) if self._faults else "none"
            if fault in FAULTS_BEFORE:
                raise FAULTS_BEFORE[fault]
            self._take([msgspec.json.decode(row) for row in rows], agent)
            if fault == "lost after":
                raise UncertainError("the connection was lost")
            return ""

    def _take(self, rows: list[dict[str, Any]], agent: str | None) -> None:
        verdicts = [verdict(row, agent) for row in rows]
        refused = [number for number in verdicts if number]
        for row, number in zip(rows, verdicts, strict=True):
            if not number and (self._partial or not refused):
                self.customers[row["whatsApp"]] = row
                self.welcomes[row["whatsApp"]] += "welcome" in row
        if refused:
            raise refusal(look_up(refused[0], "the row is odd", family=Family.IMPORT))


FAULTS_BEFORE = {
    "517": refusal(look_up(517, family=Family.IMPORT)),
    "503": ServiceError("busy", http_status=503),
    "429": ServiceError("too many", http_status=429, retry_after=0),
    "502": refusal(look_up(502, family=Family.IMPORT), clock_offset=5.0),
    "lost before": UncertainError("the connection was lost"),
}
faults = st.lists(st.sampled_from(["none", "lost after", *FAULTS_BEFORE]), max_size=30).filter(
    lambda faults: faults.count("502") <= 1  # a second one before a call is accepted would show the same time again
)


def too_few_to_stop(kinds: Sequence[str]) -> bool:
    return kinds.count("533") < REFUSED_ROWS


def verdict(row: dict[str, Any], agent: str | None) -> int:
    if agent in GHOSTS:
        return 530
    if row.get("agentAccount") in GHOSTS:
        return 531
    if "Loyalty Level" in row:
        return 533
    return int(row["desc"].rpartition(" ")[2]) if "desc" in row else 0


# At most nine rows with codes nobody knows, as ten alike with nothing taken in between would be systemic; and fewer
# rows with an extension field, which only bad rows have here, than would stop the run.
kinds = (
    st.lists(st.sampled_from([GOOD, GOOD, GOOD, GOOD, WELCOME, "ghost", "533", "508", "532", *INVALID]), max_size=60)
    .filter(too_few_to_stop)
    .flatmap(
        lambda known: st.lists(st.sampled_from(["-1", "599"]), max_size=9).flatmap(
            lambda odd: st.permutations(known + odd)
        )
    )
)


def settings_of(scheme: str, url: str = "http://localhost:1", **changes: Any) -> Settings:
    return Settings(url, "1", SandboxSettings().api_key, "agent_wang", AuthScheme(scheme), calls_per_second=NO_LIMIT)


def dead(path: Path) -> dict[int, tuple[str, str]]:
    rows = rejected_rows(path)
    found = {place: (bucket, code) for place, bucket, code in rows}
    assert len(found) == len(rows)  # each row once
    return found


def verdicts(kinds: Sequence[str], scheme: str) -> dict[int, tuple[str, str]]:
    """Return bucket and code of the rows that must be in the dead letter, by position."""
    ghost = "531" if scheme == "header" else "530"
    return {
        place: ("invalid" if kind in INVALID else "rejected", ghost if kind == "ghost" else kind)
        for place, kind in enumerate(kinds)
        if kind not in {GOOD, WELCOME}
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kinds=kinds,
    widths=st.lists(st.integers(0, 300), min_size=1, max_size=10),
    faults=faults,
    scheme=st.sampled_from(["header", "body"]),
    partial=st.booleans(),
    rows_per_call=st.integers(1, 50),
    bytes_per_call=st.integers(700, 20_000),
    concurrency=st.integers(1, 4),
    on_unknown=st.sampled_from(["hold", "resend"]),
)
def test_every_row_ends_where_it_belongs(
    tmp_path, *, kinds, widths, faults, scheme, partial, rows_per_call, bytes_per_call, concurrency, on_unknown
):
    rows = [row_of(place, kind, "x" * widths[place % len(widths)]) for place, kind in enumerate(kinds)]
    crm = FakeCrm(settings_of(scheme), faults, partial=partial)
    options = Options(
        rows_per_call=rows_per_call,
        bytes_per_call=bytes_per_call,
        concurrency=concurrency,
        max_rejected=len(rows),
        on_unknown=on_unknown,
        rules=ALL_COLUMNS,
        retry_limits=PATIENT,
    )
    run = Import(open_source(table(rows)), crm, options, tmp_path / "dead.jsonl")
    run.run()
    crm.close()

    kept = dead(tmp_path / "dead.jsonl")
    unknown = {place for place, (bucket, _) in kept.items() if bucket == "unknown"}
    assert {place: verdict for place, verdict in kept.items() if place not in unknown} == verdicts(kinds, scheme)
    assert all(kinds[place] == WELCOME and on_unknown == "hold" for place in unknown)

    sent = [as_sent(row, with_agent=scheme == "header") for row in rows]
    accepted = [row for place, row in enumerate(sent) if place not in kept]
    assert [crm.customers.get(row["whatsApp"]) for row in accepted] == accepted
    assert {*crm.customers} - {row["whatsApp"] for row in accepted} <= {sent[place]["whatsApp"] for place in unknown}
    assert on_unknown == "resend" or max(crm.welcomes.values(), default=0) <= 1

    counts = Counter(bucket for bucket, _ in kept.values()) + Counter(accepted=len(accepted))
    shown = run.manifest()["rows"]
    assert {name: count for name, count in shown.items() if count} == counts + Counter(total=len(rows))
    assert run.manifest()["calls"]["sent"] == len(crm.calls)


def isolation_calls(size: int, bad: Sequence[int], code: int, widths: Sequence[int]) -> int:
    """Return the calls made beyond the first, to find rows of one chunk that are refused with a code."""
    rows = [
        {"whatsApp": number_of(place), "friendName": "x" * widths[place % len(widths)]}
        | ({"desc": f"refuse with {code}"} if place in bad else {})
        for place in range(size)
    ]
    names = ("whatsApp", "friendName", "desc")
    source = open_source(pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}))
    crm = FakeCrm(settings_of("body"))
    run = Import(source, crm, Options(rows_per_call=size, concurrency=1, max_rejected=size))
    run.run()
    crm.close()
    assert run.manifest()["rows"]["rejected"] == len(bad)
    assert run.manifest()["rows"]["accepted"] == size - len(bad)
    return len(crm.calls) - 1


widths = st.lists(st.integers(1, 2000), min_size=1, max_size=50)
"""Sizes of rows: how they are spread makes no difference to the calls."""


@st.composite
def chunks_with_bad_rows(draw: st.DrawFn, most: int) -> tuple[int, list[int]]:
    size = draw(st.integers(2, 200))
    return size, draw(st.lists(st.integers(0, size - 1), unique=True, min_size=1, max_size=min(size, most)))


@given(chunk=chunks_with_bad_rows(20), code=st.sampled_from([508, 532]), widths=widths)
def test_a_bad_row_of_a_known_code_costs_at_most_two_calls_a_halving(chunk, code, widths):
    size, bad = chunk
    assert isolation_calls(size, bad, code, widths) <= len(bad) * 2 * ceil(log2(size))


@given(chunk=chunks_with_bad_rows(1), code=st.sampled_from([-1, 599]), widths=widths)
def test_a_lone_bad_row_of_an_unknown_code_costs_one_probe_more(chunk, code, widths):
    size, bad = chunk
    assert isolation_calls(size, bad, code, widths) <= 2 * ceil(log2(size)) + 1


@given(chunk=chunks_with_bad_rows(9), code=st.sampled_from([-1, 599]), widths=widths)
def test_several_bad_rows_of_an_unknown_code_cost_at_most_a_probe_more_at_each_halving(chunk, code, widths):
    size, bad = chunk
    assert isolation_calls(size, bad, code, widths) <= len(bad) * 3 * ceil(log2(size))


wire_faults = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(
                ["reset_before", "reset_after", "truncated", "not_json", "empty", "no_code", "html", "http"]
            ),
            "times": st.integers(1, 3),
            "after": st.integers(0, 5),
        }
    ),
    max_size=3,
)


@settings(max_examples=FEW, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kinds=st.lists(
        st.sampled_from([GOOD, GOOD, GOOD, WELCOME, "ghost", "533", *INVALID]), min_size=1, max_size=40
    ).filter(too_few_to_stop),
    texts=st.lists(st.text(max_size=20).map(str.strip), min_size=1, max_size=10),
    faults=wire_faults,
    scheme=st.sampled_from(["header", "body"]),
    refusal=st.sampled_from(["atomic", "partial"]),
    failures=st.sampled_from(["unnamed", "whats_ids", "lists"]),
    rows_per_call=st.integers(1, 50),
    server_bytes=st.integers(1500, 20_000),
)
def test_every_row_ends_where_it_belongs_over_http(
    running_sandbox, tmp_path, *, kinds, texts, faults, scheme, refusal, failures, rows_per_call, server_bytes
):
    crm = as_new(
        running_sandbox, calls_per_second=NO_LIMIT, refusal=refusal, failures=failures, bytes_per_call=server_bytes
    )
    for fault in faults:
        crm.inject(**fault)
    rows = [row_of(place, kind, texts[place % len(texts)]) for place, kind in enumerate(kinds)]
    client = Client(settings_of(scheme, crm.url), connections=4)
    options = Options(
        rows_per_call=rows_per_call, concurrency=4, max_rejected=len(rows), rules=ALL_COLUMNS, retry_limits=PATIENT
    )
    run = Import(open_source(table(rows)), client, options, tmp_path / "dead.jsonl")
    run.run()
    client.close()

    kept = dead(tmp_path / "dead.jsonl")
    unknown = {place for place, (bucket, _) in kept.items() if bucket == "unknown"}
    expected = verdicts(kinds, scheme)
    assert {place for place in kept if place not in unknown} == {*expected}
    if not (refusal == "partial" and failures != "unnamed"):  # else the answer names the row and no code
        assert {place: verdict for place, verdict in kept.items() if place not in unknown} == expected
    assert all(kinds[place] == WELCOME for place in unknown)

    customers = {one["whatsApp"]: one for one in crm.customers()}
    accepted = [row for place, row in enumerate(rows) if place not in kept]
    held = [customers[row["whatsApp"]] for row in accepted]
    assert [{"whatsApp": one["whatsApp"], "agentAccount": one["agent"]} | one["fields"] for one in held] == [
        as_sent(row, with_agent=True) for row in accepted
    ]
    assert {*customers} - {row["whatsApp"] for row in accepted} <= {rows[place]["whatsApp"] for place in unknown}
    assert max((one["welcomes"] for one in customers.values()), default=0) <= 1
