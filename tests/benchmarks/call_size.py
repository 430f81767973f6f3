"""Measures how an import finds the rows that a call may carry, against 100 rows a call. Run by ``make benchmarks``.

A call takes 200 ms and 0.2 ms for each row, and is refused above a limit that the engine does not know. First without
HTTP, so that the law alone decides, and then in the sandbox, whose own work for a row counts, too. Takes three minutes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final

from common import ALL_COLUMNS, KEY, LATENCY, NoHttpClient, customers, sandbox, say

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.errors import TooLargeError
from airflow_provider_socialscrm.api.settings import DEFAULT_CALLS_PER_SECOND, Settings
from airflow_provider_socialscrm.importer.options import AUTO, DEFAULT_CONCURRENCY, DEFAULT_ROWS, Options
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sources.open_source import open_source

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import pandas as pd

PER_ROW: Final = 0.0002
"""Seconds that a row takes."""

NO_LIMIT: Final = 1_000_000
LIMITS: Final = (NO_LIMIT, 1_000, 150)

LEAST_GAIN: Final = 4.0
LEAST_RATIO: Final = 0.9
MOST_FAILED: Final = 12

ROWS_AT_100: Final = 60_000
ROWS: Final = 300_000
FEW: Final = 5_000


class LawClient(NoHttpClient):
    """Takes the time of a call, and no CPU, and refuses what is above the limit.

    :param limit: rows a call.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(DEFAULT_CALLS_PER_SECOND)
        self._limit = limit

    def import_customers(self, rows: Sequence[bytes], *, agent: str | None) -> Any:  # noqa: ARG002 - as the client
        """Take a call."""
        is_refused = len(rows) > self._limit
        time.sleep(LATENCY if is_refused else LATENCY + PER_ROW * len(rows))
        if is_refused:
            raise TooLargeError("507")


@contextmanager
def law(limit: int) -> Iterator[Any]:
    """Yield a client without HTTP."""
    yield LawClient(limit)


@contextmanager
def over_http(limit: int) -> Iterator[Any]:
    """Yield a client of a fresh sandbox."""
    fault = f"kind=latency,seconds={LATENCY},per_row={PER_ROW}"
    with sandbox("--fault", fault, "--rows-per-call", str(limit)) as url:
        settings = Settings(url, "1", KEY, "agent_wang")
        with closing(Client(settings, connections=DEFAULT_CONCURRENCY)) as client:
            yield client


def main() -> None:
    """Print one table."""
    say("what", "figure")
    for limit in LIMITS:
        name = "no limit" if limit == NO_LIMIT else f"{limit:,} rows at most"
        for kind, client_of in (("without HTTP", law), ("in the sandbox", over_http)):
            say(f"{name}, {kind}", "")
            compare(lambda limit=limit, client_of=client_of: client_of(limit), has_limit=limit != NO_LIMIT)


def compare(client: Any, *, has_limit: bool) -> None:
    """Import with and without the search, in turns, and print the figures."""
    fixed = imported(client(), ROWS_AT_100, DEFAULT_ROWS)
    found = imported(client(), ROWS, AUTO)
    again = imported(client(), ROWS, AUTO, found["rows_per_call"])
    say("  rows a call that were found; rows/s, and with 100", f"{found['rows_per_call']:,}; {_pair(found, fixed)}")
    say(f"  ratio (at least {LEAST_RATIO if has_limit else LEAST_GAIN})", f"{_rate(found) / _rate(fixed):.2f}")
    say(f"  splits, retries (at most {MOST_FAILED}) of calls", _failed(found))
    say(
        "  the next run, which knows the size: rows/s; splits, retries of calls",
        f"{_rate(again):,.0f}; {_failed(again)}",
    )
    few, fixed = imported(client(), FEW, AUTO, found["rows_per_call"]), imported(client(), FEW, DEFAULT_ROWS)
    say(f"  the same with {FEW:,} rows: ratio (at least {LEAST_RATIO})", f"{_rate(few) / _rate(fixed):.2f}")


def imported(client: AbstractContextManager[Any], rows: int, size: int | str, start: int | None = None) -> Any:
    """Import customers and return the manifest.

    :param size: the option ``rows_per_call``.
    :param start: the size that an earlier run has found.
    """
    frame: pd.DataFrame = customers(rows)
    with client as opened:
        options = Options(rows_per_call=size, rules=ALL_COLUMNS)
        run = Import(open_source(frame), opened, options, start_rows=start)
        run.run()
    manifest = run.manifest()
    assert manifest["rows"]["accepted"] == rows
    return manifest


def _rate(manifest: Any) -> float:
    rate: float = manifest["rows_per_second"]
    return rate


def _pair(one: Any, other: Any) -> str:
    return f"{_rate(one):,.0f}; {_rate(other):,.0f}"


def _failed(manifest: Any) -> str:
    calls = manifest["calls"]
    return f"{calls['splits']}, {calls['retries']} of {calls['sent']}"


if __name__ == "__main__":
    main()
