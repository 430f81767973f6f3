"""Measures whole imports of one and of ten million customers with a ledger, without HTTP. Run by ``make benchmarks``.

The first run sends everything, the second nothing, and the third what changed: one row of a hundred, while one of a
thousand is gone. The baseline, in the same process, is to read and prepare the rows without a ledger. Takes a quarter
of an hour and 5 GB of disk, or two minutes with ``--quick``, which leaves ten million rows out. Linux only, for its
account of memory.
"""

from __future__ import annotations

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
from common import ALL_COLUMNS, NoHttpClient, begin_peak, customers, peak, say

from airflow_provider_socialscrm.importer.changes.options import Ledger
from airflow_provider_socialscrm.importer.fields.reader import InputReader
from airflow_provider_socialscrm.importer.identity import ImportIdentity
from airflow_provider_socialscrm.importer.options import AUTO, Options
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sources.open_source import open_source

MILLION: Final = 1_000_000
MIB: Final = 2**20
GROUP: Final = 100_000
"""Customers that are made at a time, and rows of a row group."""

CHANGED, GONE = 100, 1000
"""One row of so many has changed, and one is gone."""

QUICK: Final = "--quick"
"""The argument that leaves ten million rows out."""

OPTIONS: Final = Options(rules=ALL_COLUMNS, rows_per_call=AUTO)


def main() -> None:
    """Print one table; each size is measured in a process of its own."""
    say("what", "figure")
    for millions in (1,) if QUICK in sys.argv else (1, 10):
        subprocess.run([sys.executable, __file__, str(millions * MILLION)], check=True)


def measure(rows: int) -> None:
    """Write two inputs, import them, and print the figures."""
    with tempfile.TemporaryDirectory() as name:
        before, after = Path(name, "before.parquet"), Path(name, "after.parquet")
        write(before, rows, changed=False)
        write(after, rows, changed=True)
        few = Path(name, "few.parquet")
        write(few, GROUP, changed=False)
        imported(Path(name, "warm"), few, "warm up")
        say(f"{rows:,} rows, 15 columns, Parquet, a ledger, without HTTP", "")
        with figures("  baseline: to read and prepare the rows without a ledger") as baseline:
            prepare(before)
        ledger = Path(name, "ledger")
        for what, path, sent in (
            ("  first run, which sends everything", before, rows),
            ("  second run, which sends nothing", before, 0),
            ("  third run, which sends what changed", after, rows // CHANGED),
        ):
            with figures(what, baseline["cpu"]):
                manifest = imported(ledger, path, what)
            assert manifest["rows"]["accepted"] == sent, (manifest["rows"], sent)
            assert manifest["calls"]["sent"] > 0 or not sent
        assert manifest["changes"]["gone"] == rows // GONE, manifest["changes"]
        say("  the ledger on disk", f"{size_of(ledger) / rows:.1f} bytes a row, with what a later run deletes")
        say("  its base alone (at most 20)", f"{size_of(ledger / 'base') / rows:.1f} bytes a row")


def write(path: Path, rows: int, *, changed: bool) -> None:
    """Write customers, of whom some have changed and others are gone if so asked."""
    writer = None
    for start in range(0, rows, GROUP):
        frame = customers(GROUP, start=start)
        if changed:
            frame.loc[frame.index % CHANGED == 1, "desc"] = "Moved"
            frame = frame[frame.index % GONE != 0]
        table = pa.Table.from_pandas(frame, preserve_index=False)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer
    writer.close()


def prepare(path: Path) -> None:
    """Read the rows and prepare them to be sent."""
    with closing(InputReader(open_source(path), OPTIONS, agent_in_row=False, envelope=lambda _: 200)) as reader:
        reader.read()
        for prepared in reader.prepared_batches():
            assert len(prepared.rows)


def imported(ledger: Path, path: Path, run_id: str) -> Any:
    """Import a file and return the manifest."""
    run = Import(
        open_source(path),
        NoHttpClient(),
        OPTIONS,
        identity=ImportIdentity("task", "dag", run_id),
        ledger=Ledger(ledger),
    )
    run.run()
    return run.manifest()


def size_of(folder: Path) -> int:
    """Return how many bytes the files of a folder have."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


@contextmanager
def figures(what: str, baseline: float | None = None) -> Iterator[dict[str, float]]:
    """Print what the body took, also as a ratio of CPU time to the baseline, and yield it."""
    idle, wall, cpu = begin_peak(), time.perf_counter(), time.process_time()
    taken: dict[str, float] = {}
    yield taken
    taken["cpu"] = time.process_time() - cpu
    ratio = f", {taken['cpu'] / baseline:.2f} times the baseline" if baseline else ""
    memory = f"{(peak() - idle) / MIB:.0f} MiB over idle"
    say(what, f"{time.perf_counter() - wall:.1f} s, {taken['cpu']:.1f} s CPU{ratio}, {memory}")


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1] != QUICK:
        measure(int(sys.argv[1]))
    else:
        main()
