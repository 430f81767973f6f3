"""Measures the engine, in one table: pace, slow stores, isolation, CPU. Run by ``make benchmarks``: three minutes."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any, Final

import pandas as pd
import requests
from common import KEY, LATENCY, NoHttpClient, customers, sandbox, say

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.settings import Settings
from airflow_provider_socialscrm.api.signing import body_token
from airflow_provider_socialscrm.importer.options import ALL, DEFAULT_CONCURRENCY, DEFAULT_ROWS, Options, Rules
from airflow_provider_socialscrm.importer.results.checkpoint_stores import CheckpointStore, NoCheckpointStore
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sources.open_source import open_source

VENDOR_PACE: Final = 50.0

SAVE_SECONDS: Final = (0.0, 0.02, 0.1, 0.2)
"""How long a store takes for a save: a local file takes 1 ms or less, Airflow's API server 10 to 200 ms."""


class SlowClient(NoHttpClient):
    """Takes the time of a call, and no CPU, so that the pace and the saves alone decide how long an import takes."""

    def import_customers(self, _rows: Sequence[bytes], *, agent: str | None) -> Any:  # noqa: ARG002 - as the client
        """Take a call."""
        time.sleep(LATENCY)


class SlowStore(NoCheckpointStore):
    """Takes its time for each save, and counts them.

    :param seconds: what a save takes.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.saves = 0

    def save(self, state: dict[str, Any]) -> None:
        """Take the time of a save, in which Python's other threads go on, as with a real one."""
        json.dumps(state)
        time.sleep(self._seconds)
        self.saves += 1


def main() -> None:
    """Print one table."""
    say("what", "figure")
    pace(100_000)
    slow_stores(40_000)
    isolation(10_000)
    cpu(200_000)


def imported(url: str, frame: pd.DataFrame, calls_per_second: float, **options: Any) -> dict[str, Any]:
    """Import a frame and return the manifest."""
    settings = Settings(url, "1", KEY, "agent_wang", calls_per_second=calls_per_second)
    client = Client(settings, connections=options.get("concurrency", DEFAULT_CONCURRENCY))
    chosen = Options(max_rejected=1_000_000, rules=Rules(extension_fields=ALL), **options)
    run = Import(open_source(frame), client, chosen)
    run.run()
    client.close()
    return run.manifest()


def naive(url: str, frame: pd.DataFrame) -> float:
    """Import a frame as one would by hand, without any check, and return rows a second."""
    started = time.perf_counter()
    for start in range(0, len(frame), DEFAULT_ROWS):
        part = frame.iloc[start : start + DEFAULT_ROWS].astype(str)
        create_time = pd.Timestamp.now("Asia/Shanghai").strftime("%Y-%m-%d %H:%M:%S")
        body = {
            "tenantId": "1", "userName": "agent_wang", "data": part.to_dict("records"), "createTime": create_time,
            "token": body_token("1", "agent_wang", create_time, KEY),
        }  # fmt: skip
        requests.put(f"{url}/wscrm-bus-api/customer/api/import", data=json.dumps(body), timeout=60).raise_for_status()
    return len(frame) / (time.perf_counter() - started)


def pace(rows: int) -> None:
    """Compare the wall time with the floor that the vendor's limit sets."""
    with sandbox("--latency", str(LATENCY)) as url:
        by_hand = naive(url, customers(3_000))
        manifest = imported(url, customers(rows), 45.0)
        stats = requests.get(f"{url}/_sandbox/stats", timeout=10).json()
        alone = imported(url, customers(5_000), 45.0, concurrency=1)
    calls, seconds = manifest["calls"]["sent"], manifest["seconds"]["total"]
    peak = max(stats["peak_calls_per_second"].values())
    say(
        f"{rows:,} rows, {LATENCY * 1000:.0f} ms latency, {calls} calls",
        f"{seconds:.1f} s, {rows / seconds:,.0f} rows/s",
    )
    say("  ratio to the floor at 45 calls/s (at most 1.10)", f"{seconds / (calls / 45):.3f}")
    say("  ratio to the floor at the vendor's 50 calls/s", f"{seconds / (calls / VENDOR_PACE):.3f}")
    say("  most calls in any second at the server; answers 429", f"{peak}; {stats['calls_by_code'].get('429', 0)}")
    say("  with one connection", f"{alone['rows_per_second']:,.0f} rows/s")
    say("  by hand (sequential, unchecked)", f"{by_hand:,.0f} rows/s, ratio {rows / seconds / by_hand:.1f}")


def slow_stores(rows: int) -> None:
    """Compare the wall time with that of the same import without a checkpoint, whatever time a save takes."""
    source = open_source(customers(rows))

    def seconds_with(store: CheckpointStore) -> float:
        started = time.perf_counter()
        Import(source, SlowClient(45.0), Options(), None, store).run()
        return time.perf_counter() - started

    floor = seconds_with(NoCheckpointStore())
    say(f"{rows // DEFAULT_ROWS} calls at 45 calls/s without a checkpoint, the floor", f"{floor:.2f} s")
    for seconds in SAVE_SECONDS:
        store = SlowStore(seconds)
        ratio = seconds_with(store) / floor
        what = f"  a save takes {seconds * 1000:.0f} ms: ratio to the floor (at most 1.05); saves"
        say(what, f"{ratio:.3f}; {store.saves}")


def isolation(rows: int) -> None:
    """Count what it takes to find bad rows."""
    with sandbox("--latency", str(LATENCY)) as url:
        clean = imported(url, customers(rows), 45.0)
        say(f"{rows:,} rows without a bad one", f"{clean['calls']['sent']} calls, {clean['seconds']['total']:.1f} s")
        for bad in (1, 10, 100):
            manifest = imported(url, customers(rows, bad), 45.0)
            assert manifest["rows"]["rejected"] == bad
            more = manifest["calls"]["sent"] - clean["calls"]["sent"]
            figure = f"{manifest['calls']['sent']} calls (+{more}), {manifest['seconds']['total']:.1f} s"
            say(f"  with {bad} bad rows", figure)


def cpu(rows: int) -> None:
    """Measure the CPU time of everything but HTTP."""
    frame = customers(rows)
    started = time.process_time()
    for start in range(0, rows, DEFAULT_ROWS):
        json.dumps(frame.iloc[start : start + DEFAULT_ROWS].to_dict("records"))
    baseline = time.process_time() - started
    source = open_source(frame)
    started = time.process_time()
    Import(source, NoHttpClient(), Options()).run()
    ours = time.process_time() - started
    million = 1_000_000 / rows
    say("CPU seconds a million rows: source to report, without HTTP", f"{ours * million:.1f} s")
    say("  to_dict and json.dumps a chunk, nothing else", f"{baseline * million:.1f} s, ratio {baseline / ours:.2f}")


if __name__ == "__main__":
    main()
