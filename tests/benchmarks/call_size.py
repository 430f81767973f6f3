"""Measures how an import finds the rows that a call may carry, against 100 rows a call. Run by ``make benchmarks``.

The sandbox takes 200 ms for a call and 0.2 ms for each row, and refuses calls above a limit that the engine does not
know. Takes about two minutes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import requests
from common import ALL_COLUMNS, KEY, LATENCY, customers, sandbox, say

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.settings import Settings
from airflow_provider_socialscrm.importer.options import AUTO, DEFAULT_CONCURRENCY, DEFAULT_ROWS, Options
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sources.open_source import open_source

if TYPE_CHECKING:
    import pandas as pd

PER_ROW: Final = 0.0002
"""Seconds the sandbox takes for a row."""

NO_LIMIT: Final = 1_000_000
LIMITS: Final = (NO_LIMIT, 1_000, 150)

LEAST_GAIN: Final = 4.0
LEAST_RATIO: Final = 0.9
MOST_FAILED: Final = 12

ROWS_AT_100: Final = 60_000
ROWS: Final = 300_000


def main() -> None:
    """Print one table."""
    say("what", "figure")
    few, many, small = customers(ROWS_AT_100), customers(ROWS), customers(5_000)
    for limit in LIMITS:
        name = "no limit" if limit == NO_LIMIT else f"{limit:,} rows"
        rows_at_100, _ = rows_a_second(few, limit, DEFAULT_ROWS)
        found, failed = rows_a_second(many, limit, AUTO)
        ratio = found["rows_per_second"] / rows_at_100["rows_per_second"]
        floor = LEAST_GAIN if limit == NO_LIMIT else LEAST_RATIO
        say(f"{name}: rows a call that were found", f"{found['rows_per_call']:,}")
        say(f"  rows/s, and with {DEFAULT_ROWS} a call", _pair(found, rows_at_100))
        say(f"  ratio (at least {floor})", f"{ratio:.2f}")
        say(f"  calls that failed (at most {MOST_FAILED}), of all", f"{failed} of {found['calls']['sent']}")
        again, failed = rows_a_second(many, limit, AUTO, start=found["rows_per_call"])
        say("  the next run: rows/s, calls that failed", f"{again['rows_per_second']:,.0f}; {failed}")
        short, _ = rows_a_second(small, limit, AUTO, start=found["rows_per_call"])
        short_at_100, _ = rows_a_second(small, limit, DEFAULT_ROWS)
        say("  the next run with 5,000 rows: rows/s, and at 100", _pair(short, short_at_100))


def rows_a_second(frame: pd.DataFrame, limit: int, rows: int | str, start: int | None = None) -> tuple[Any, int]:
    """Import a frame and return the manifest, and how many calls failed.

    :param limit: rows above which the sandbox refuses a call.
    :param rows: the option ``rows_per_call``.
    :param start: the size that an earlier run has found.
    """
    fault = f"kind=latency,seconds={LATENCY},per_row={PER_ROW}"
    with sandbox("--fault", fault, "--rows-per-call", str(limit)) as url:
        client = Client(Settings(url, "1", KEY, "agent_wang"), connections=DEFAULT_CONCURRENCY)
        options = Options(rows_per_call=rows, rules=ALL_COLUMNS)
        run = Import(open_source(frame), client, options, start_rows=start)
        run.run()
        client.close()
        codes = requests.get(f"{url}/_sandbox/stats", timeout=10).json()["calls_by_code"]
    manifest = run.manifest()
    assert manifest["rows"]["accepted"] == len(frame)
    return manifest, sum(calls for code, calls in codes.items() if code != "200")


def _pair(one: Any, other: Any) -> str:
    return f"{one['rows_per_second']:,.0f}; {other['rows_per_second']:,.0f}"


if __name__ == "__main__":
    main()
