"""Measures the difference between an input and a ledger: time, memory, size on disk. Run by ``make benchmarks``.

Each measurement is a process of its own. Its baseline in the same process is to sort the same pairs once with NumPy.
Takes about five minutes and 4 GB of disk, or one minute with ``--quick``, which leaves the largest out. Linux only, for
its account of memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from common import ALL_COLUMNS, customers, say

from airflow_provider_socialscrm.importer.changes.compaction import buckets_for, compact
from airflow_provider_socialscrm.importer.changes.compare import compare
from airflow_provider_socialscrm.importer.changes.difference import Change
from airflow_provider_socialscrm.importer.changes.entries import Layout, Outcome
from airflow_provider_socialscrm.importer.changes.hashing import field_bytes, payloads
from airflow_provider_socialscrm.importer.changes.input_rows import InputRows
from airflow_provider_socialscrm.importer.changes.keys import Keyring
from airflow_provider_socialscrm.importer.changes.options import Ledger
from airflow_provider_socialscrm.importer.changes.recording import LedgerWriter
from airflow_provider_socialscrm.importer.changes.storage import LocalStorage
from airflow_provider_socialscrm.importer.changes.store import LedgerStore, Target
from airflow_provider_socialscrm.importer.fields.reader import InputReader
from airflow_provider_socialscrm.importer.options import Options
from airflow_provider_socialscrm.importer.sources.open_source import open_source

MILLION: Final = 1_000_000
MIB: Final = 2**20
CHANGED, GONE = 100, 1000
"""One row of so many has changed, and one is gone."""

FIELDS: Final = {
    "friendName": 255, "address": 255, "email": 255, "birthday": 255, "desc": 255, "income": 255, "sex": 3,
    "profession": 3, "tabName": 3, "stage": 1, "source": 1, "languageTag": 1, "Loyalty Level": 2, "Last Order": 1,
}  # fmt: skip
"""How many different bytes each field of the benchmarks' customers has, at most."""

LAYOUT: Final = Layout(tuple(sorted(FIELDS)), ("welcome",))

QUICK: Final = "--quick"
"""The argument that leaves the 100 million pairs out."""

ROWS_PER_SECOND: Final = 4_500
"""Customers that a first load sends: 45 calls a second with 100 rows each; it decides how many times there are."""

FIRST_NUMBER: Final = 8_613_000_000_000
BATCH: Final = 50_000
_ODD: Final = np.uint64(0x9E3779B97F4A7C15)


def main() -> None:
    """Print one table."""
    say("what", "figure")
    unchanged()
    sizes = [(10, True, 10, 300)] if QUICK in sys.argv else [(10, True, 10, 300), (100, False, 60, 350)]
    with tempfile.TemporaryDirectory() as name:
        for millions, with_fields, seconds, memory in sizes:
            folder = Path(name, str(millions))
            figures = in_process(str(folder), str(millions), "fields" if with_fields else "pairs")
            what = "with the bytes of 14 fields" if with_fields else "pairs alone"
            say(f"{millions:,},000,000 rows, 1 % changed, 0.1 % gone, {what}", "")
            say(f"  difference (at most {seconds} s)", f"{figures['wall']:.1f} s, {figures['cpu']:.1f} s CPU")
            say("  baseline: to sort the same keys once", f"{figures['sort']:.1f} s CPU")
            say("  ratio of CPU time", f"{figures['cpu'] / figures['sort']:.2f}")
            say(f"  memory over idle (at most {memory} MiB)", f"{figures['memory'] / MIB:.0f} MiB")
            say("  on disk (at most 20 bytes a row)", f"{figures['bytes'] / millions / MILLION:.1f} bytes a row")


def unchanged() -> None:
    """Measure an import of rows that did not change, up to where it would send, and compare with preparing them."""
    frame = customers(MILLION)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "customers.parquet")
        frame.to_parquet(path, index=False)
        reader = InputReader(open_source(path), Options(rules=ALL_COLUMNS), agent_in_row=False, envelope=lambda _: 200)
        started = time.process_time()
        reader.read()
        for prepared in reader.prepared_batches():
            assert len(prepared.rows)
        preparing = time.process_time() - started
        started = time.process_time()
        fields = field_columns(frame)
        hashing_fields = time.process_time() - started
        adopt(Path(name, "ledger"), reader, fields)
        started = time.process_time()
        counts = compared(Path(name, "ledger"), reader, fields)
        more = time.process_time() - started + hashing_fields
        reader.close()
    assert counts == {Change.UNCHANGED: MILLION}, counts
    say(f"{MILLION:,} rows unchanged, 15 columns, Parquet: rows to send", "0")
    say("  hashed and compared with the ledger", f"{more:.2f} s CPU, of which bytes of fields {hashing_fields:.2f} s")
    say("  baseline: to prepare the rows without a ledger", f"{preparing:.2f} s CPU")
    say("  ratio of both together to the baseline (at most 2)", f"{(preparing + more) / preparing:.2f}")


def field_columns(frame: Any) -> Any:
    """Return the bytes of the fields of all rows."""
    columns = (pa.Array.from_pandas(frame[name]).cast(pa.string()) for name in LAYOUT.fields)
    return np.column_stack([field_bytes(texts) for texts in columns])


def hashed(reader: InputReader) -> Iterator[tuple[Any, Any]]:
    """Yield the keys and payloads of the rows."""
    for checked in reader._spool:
        yield checked.keys, payloads(checked.bodies)


def adopt(folder: Path, reader: InputReader, fields: Any) -> None:
    """Write a ledger that has accepted all rows as they are."""
    store = open_store(str(folder))
    writer, start = LedgerWriter(store, LAYOUT, "first"), 0
    for keys, hashes in hashed(reader):
        entries = np.zeros(len(keys), LAYOUT.dtype)
        entries["key"], entries["payload"], entries["fields"] = keys, hashes, fields[start : start + len(keys)]
        writer.adopt(entries)
        start += len(keys)
    writer.commit()


def compared(folder: Path, reader: InputReader, fields: Any) -> Any:
    """Hash and compare the rows, and return how many are of which class, asked for in order."""
    store, start = open_store(str(folder)), 0
    rows = InputRows(store, LAYOUT)
    for keys, hashes in hashed(reader):
        rows.add(keys, hashes, fields=fields[start : start + len(keys)])
        start += len(keys)
    with closing(compare(store, store.snapshot(), rows, Ledger(str(folder)), int(time.time()))) as found:
        verdicts, counts = found.verdicts(), Counter[Change]()
        for checked in reader._spool:
            counts.update(map(Change, verdicts.of(checked.keys)[0].tolist()))
    return counts


def in_process(*arguments: str) -> dict[str, float]:
    """Measure in a fresh process."""
    command = [sys.executable, __file__, *arguments]
    subprocess.run([*command, "make"], check=True)
    figures: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return figures


def open_store(folder: str) -> LedgerStore:
    """Open a ledger."""
    store = LedgerStore(LocalStorage(Path(folder)), Target("https://crm.example", "1", "body"), Keyring())
    store.open()
    return store


def make(folder: str, rows: int, layout: Layout) -> None:
    """Write a ledger of so many customers, bucket by bucket, so that it takes little memory."""
    store = open_store(folder)
    codec, chance = store.codec(layout), np.random.default_rng(1)
    parts = buckets_for(rows) * 2
    files = []
    for part in range(parts):
        places = np.arange(part * rows // parts, (part + 1) * rows // parts)
        entries = np.zeros(len(places), layout.dtype)
        entries["key"] = FIRST_NUMBER + places * 7
        entries["payload"] = entries["key"].astype(np.uint64) * _ODD
        entries["outcome"], entries["was_accepted"] = Outcome.ACCEPTED, True
        entries["seen"] = 1_790_000_000 + places // ROWS_PER_SECOND
        entries["first"] = entries["seen"]
        for place, name in enumerate(layout.fields):
            entries["fields"][:, place] = chance.integers(1, FIELDS[name] + 1, len(entries))
        files.append(store.write(f"log/first/1-0-{part:06}.parquet", entries, codec))
    store.commit("first", files, layout)
    compact(store, "first")


def batches(rows: int) -> Iterator[tuple[Any, Any]]:
    """Yield keys and payloads in an order that is not the ledger's, a few of them changed and others left out."""
    step = 7_368_787  # coprime to the number of rows: each comes once
    for start in range(0, rows, BATCH):
        places = np.arange(start, min(start + BATCH, rows)) * step % rows
        places = places[places % GONE != GONE - 1]
        keys = FIRST_NUMBER + places * 7
        yield keys, keys.astype(np.uint64) * _ODD + (places % CHANGED == 0)


def measure(folder: str, rows: int, layout: Layout) -> None:
    """Compare, and print the figures."""
    store = open_store(folder)
    fields = np.ones((BATCH, len(layout.fields)), np.uint8)
    warm_up(layout)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak counts from here
    idle = status("VmRSS")
    wall, cpu = time.perf_counter(), time.process_time()
    pairs = InputRows(store, layout)
    for keys, hashes in batches(rows):
        pairs.add(keys, hashes, fields=fields[: len(keys)])
    spooled = time.process_time() - cpu
    found = compare(store, store.snapshot(), pairs, Ledger(folder), int(time.time()))
    verdicts, sent = found.verdicts(), 0
    for keys, _ in batches(rows):
        sent += int((verdicts.of(keys)[0] == Change.CHANGED).sum())
    figures = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "spooled": spooled}
    figures["memory"] = status("VmHWM") - idle
    found.close()
    assert found.counts.rows[Change.CHANGED] == sent == rows // CHANGED, (found.counts.rows, sent)
    assert found.counts.gone == rows // GONE
    figures["bytes"] = sum(path.stat().st_size for path in Path(folder, "base").rglob("*.parquet"))
    started = time.process_time()
    for _ in range(rows // (10 * MILLION)):
        np.sort(np.random.default_rng(1).integers(0, 2**50, 10 * MILLION))
    figures["sort"] = time.process_time() - started
    sys.stdout.write(json.dumps(figures))


def warm_up(layout: Layout) -> None:
    """Compare a few rows, so that what is imported and allocated once does not count."""
    with tempfile.TemporaryDirectory() as name:
        make(name, 1000, layout)
        store = open_store(name)
        pairs = InputRows(store, layout)
        for keys, hashes in batches(1000):
            pairs.add(keys, hashes)
        compare(store, store.snapshot(), pairs, Ledger(name), 0).close()


def status(name: str) -> int:
    """Return a figure of this process's memory in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    if len(sys.argv) > 2:
        chosen = LAYOUT if sys.argv[3] == "fields" else Layout((), LAYOUT.once)
        (make if "make" in sys.argv else measure)(sys.argv[1], int(sys.argv[2]) * MILLION, chosen)
    else:
        main()
