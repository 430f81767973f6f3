"""Measures the screening of a million numbers: speed, and memory over idle. Run by ``make benchmarks``.

The sandbox is a process of its own, and so is each measurement. Linux only, for its account of memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from common import KEY, begin_peak, peak, sandbox, say

from airflow_provider_socialscrm.api import screening
from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.paces import Paces
from airflow_provider_socialscrm.api.repeats import perform
from airflow_provider_socialscrm.api.settings import AuthScheme, Settings
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from airflow_provider_socialscrm.screening.numbers import read_numbers
from airflow_provider_socialscrm.screening.order_store import FilePlaces, OrderStore
from airflow_provider_socialscrm.screening.orders import Wanted, place_orders
from airflow_provider_socialscrm.screening.output import Output, write_screened
from airflow_provider_socialscrm.screening.verdicts import fetch_results, joined

NUMBERS: Final = 1_000_000
WARM_UP: Final = 500
"""Numbers of an order that is not measured: as few as the CRM takes."""

MIB: Final = 2**20
MOST_MEMORY: Final = 400
"""MiB over idle that a screening of so many numbers may take: all of them, and their verdicts, are in memory."""

KIND, COUNTRY = "is_whatsapp", "IN"


def main(numbers: int = NUMBERS) -> None:
    """Print one table."""
    say("what", "figure")
    options = ("--screening-seconds", "0", "--calls-per-second", "100000")
    with sandbox(*options) as url, tempfile.TemporaryDirectory() as folder:
        for name, count in (("warm-up", WARM_UP), ("numbers", numbers)):
            first = 919_800_000_000
            texts = pa.array(range(first, first + count)).cast(pa.string())
            table = {"whatsApp": texts, "friendName": pa.array([f"Customer {n}" for n in range(count)])}
            pq.write_table(pa.table(table), f"{folder}/{name}.parquet", row_group_size=2**16)
        command = [sys.executable, __file__, url, folder]
        figures = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    say(f"{figures['rows']:,} numbers in {figures['orders']} orders", "")
    say("  numbers a second, the sandbox's work included", f"{figures['rows'] / figures['wall']:,.0f}")
    for step, seconds in figures["steps"].items():
        say(f"  {step}", f"{seconds:.1f} s")
    say("  CPU time", f"{figures['cpu']:.1f} s")
    say(f"  memory over idle (at most {MOST_MEMORY} MiB)", f"{figures['memory'] / MIB:.0f} MiB")


def measure(url: str, folder: Path) -> None:
    """Screen, and print the figures."""
    settings = Settings(url, "1", KEY, "agent_wang", AuthScheme.HEADER, calls_per_second=100_000.0)
    with closing(Client(settings)) as client, closing(Paces(settings)) as paces:
        run = Screening(client, paces, folder)
        run.screen("warm-up")
        run.steps.clear()
        idle = begin_peak()
        wall, cpu = time.perf_counter(), time.process_time()
        figures: dict[str, Any] = run.screen("numbers")
    figures |= {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "steps": run.steps}
    sys.stdout.write(json.dumps(figures | {"memory": peak() - idle}))


class Screening:
    """Does the steps of the task, each timed.

    :param folder: has the tables, and gets the outputs.
    """

    def __init__(self, client: Client, paces: Paces, folder: Path) -> None:
        self._client = client
        self._paces = paces
        self._folder = folder
        self.steps: dict[str, float] = {}

    def screen(self, name: str) -> dict[str, int]:
        """Screen a table."""
        source, path = open_source(self._folder / f"{name}.parquet"), self._folder / f"screened-{name}.parquet"
        with self._timed("read the numbers"):
            numbers = read_numbers(source, "whatsApp")
        with self._timed("order"):
            store = OrderStore(FilePlaces(path), name)
            store.begin()
            orders = place_orders(Wanted(numbers.distinct, KIND), store, self._order)
        with self._timed("fetch the results"):
            results = fetch_results(orders, lambda order: self._perform(screening.result_query(order)), path)
        with self._timed("join and write"):
            written = write_screened(source, numbers, joined(numbers, results), Output(path))
        assert written == numbers.rows
        return {"rows": written, "orders": len(orders)}

    def _order(self, numbers: Any) -> str:
        return screening.order_id_of(self._perform(screening.screening_order(numbers, KIND, COUNTRY)))

    def _perform(self, request: Any) -> Any:
        return perform(request, self._client, self._paces)

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self.steps[step] = time.perf_counter() - begun


if __name__ == "__main__":
    if len(sys.argv) > 2:
        measure(sys.argv[1], Path(sys.argv[2]))
    else:
        main(*map(int, sys.argv[1:]))
