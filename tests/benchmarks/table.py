"""Measures the way of a table to its calls: speed, memory, a million rows end to end, what a DAG file pays.

Run by ``make benchmarks``; takes about five minutes. Linux only, for its account of memory.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pandas as pd
import phonenumbers
import pyarrow as pa
import pyarrow.parquet as pq
from common import KEY, LATENCY, NoHttpClient, customers, sandbox, say

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.settings import Settings
from airflow_provider_socialscrm.importer.fields.phones import whatsapp_numbers
from airflow_provider_socialscrm.importer.fields.reader import InputReader
from airflow_provider_socialscrm.importer.options import ALL, DEFAULT_BYTES, Options, Rules
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sending.chunks import Limits, chunk_rows
from airflow_provider_socialscrm.importer.sources.open_source import open_source

MILLION: Final = 1_000_000
ROWS_PER_CALL: Final = 500
PACE: Final = 50.0
MIB: Final = 2**20
PROCESSES: Final = 20
"""Fresh processes whose median a DAG file's import is measured by."""

HEAVY: Final = ("pandas", "numpy", "pyarrow", "requests", "phonenumbers", "rich")


NUMBER_ROWS: Final = 100_000

NUMBERS: Final[dict[tuple[str | None, str], Callable[[random.Random], str]]] = {
    ("DE", "national mobiles, 0151..."): lambda chance: f"0151{chance.randrange(10**8):08}",
    ("DE", "own mobiles with the code, 49151..."): lambda chance: f"49151{chance.randrange(10**8):08}",
    ("DE", "foreign mobiles without a plus, 86152..."): lambda chance: f"86152{chance.randrange(10**8):08}",
    ("DE", "fixed lines, 030..."): lambda chance: f"030{chance.randrange(10**7):07}",
    ("CN", "national mobiles, 152..."): lambda chance: f"152{chance.randrange(10**8):08}",
    ("CN", "own mobiles with the code, 86152..."): lambda chance: f"86152{chance.randrange(10**8):08}",
    ("IN", "national mobiles, 98..."): lambda chance: f"98{chance.randrange(10**8):08}",
    ("ID", "national mobiles, 0812..."): lambda chance: f"0812{chance.randrange(10**8):08}",
    ("BR", "national mobiles, 119..."): lambda chance: f"119{chance.randrange(10**8):08}",
    ("US", "national numbers, 415..."): lambda chance: f"415{chance.randrange(200, 1000)}{chance.randrange(10**4):04}",
    (None, "with the code, 86152..."): lambda chance: f"86152{chance.randrange(10**8):08}",
    (None, "with a plus and blanks, +86 152 ..."): lambda chance: (
        f"+86 152 {chance.randrange(10**4):04} {chance.randrange(10**4):04}"
    ),
}
"""Kinds of numbers by region, each with a way to make one up."""


def main() -> None:
    """Print one table."""
    say("what", "figure")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parsing()
        numbers()
        speed("text as pandas keeps it by default", customers(MILLION))
        speed("text as Python's objects", customers(MILLION).astype(object))
        memory(folder)
        end_to_end(folder)


def speed(kind: str, frame: pd.DataFrame) -> None:
    """Compare the CPU time of the rows' way to encoded chunks with a dictionary for each row and no check."""
    rounds = [(cpu_seconds(lambda: encoded(frame)), cpu_seconds(lambda: by_hand(frame))) for _ in range(3)]
    ours, naive = (min(seconds) for seconds in zip(*rounds, strict=True))
    say(
        f"{len(frame):,} rows x {len(frame.columns)}, {kind}: mapped, checked, encoded",
        f"{len(frame) / ours:,.0f} rows/s",
    )
    say("  by hand, to_dict and json.dumps a chunk", f"{len(frame) / naive:,.0f} rows/s")
    ratios = sorted(by_hand / operator for operator, by_hand in rounds)
    each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    say("  ratio, median of 3 rounds (at least 4)", f"{ratios[1]:.2f} (rounds: {each})")


def encoded(frame: pd.DataFrame) -> None:
    """Take a frame all the way to the bytes of its calls."""
    reader = InputReader(
        open_source(frame), Options(rules=Rules(extension_fields=ALL)), agent_in_row=False, envelope=lambda _: 200
    )
    reader.read()
    limits, rows = Limits(ROWS_PER_CALL, DEFAULT_BYTES), 0
    for prepared in reader.prepared_batches():
        for chunk in chunk_rows(prepared.rows, limits, lambda _: 200):
            assert b",".join(chunk.bodies)
            rows += len(chunk.rows)
    assert rows == len(frame)


def by_hand(frame: pd.DataFrame) -> None:
    """Encode a frame as one would by hand."""
    for start in range(0, len(frame), ROWS_PER_CALL):
        json.dumps(frame.iloc[start : start + ROWS_PER_CALL].to_dict("records"))


def is_valid(written: str, region: str | None) -> bool:
    """Ask the library once, as one would by hand."""
    try:
        return phonenumbers.is_valid_number(
            phonenumbers.parse(written if region else f"+{written.lstrip('+')}", region)
        )
    except phonenumbers.NumberParseException:
        return False


def cpu_seconds(work: Callable[[], Any]) -> float:
    """Return the CPU time that something takes."""
    started = time.process_time()
    work()
    return time.process_time() - started


def numbers() -> None:
    """Measure how many numbers a second are read, and compare with the library's parser and check alone."""
    chance = random.Random(7)  # noqa: S311 - the same numbers in each run
    for (region, kind), make in NUMBERS.items():
        numbers_of(region, kind, list({make(chance) for _ in range(NUMBER_ROWS)}))


def numbers_of(region: str | None, kind: str, written: list[str]) -> None:
    """Measure one kind of numbers."""
    column = pa.array(written)
    ours = min(cpu_seconds(lambda: whatsapp_numbers(column, region)) for _ in range(3))
    alone = min(cpu_seconds(lambda: [is_valid(each, region) for each in written]) for _ in range(2))
    figure = f"{len(written) / ours:,.0f} a second; {alone / ours:.1f} times the library alone"
    say(f"numbers in {region}: {kind}", figure)


def memory(folder: Path) -> None:
    """Measure, each in a process of its own, how far the memory rises above what was there before the import."""
    for millions in (1, 5):
        path = folder / f"{millions}.parquet"
        with pq.ParquetWriter(path, pa.Table.from_pandas(customers(1)).schema) as writer:
            for _ in range(millions):
                writer.write_table(pa.Table.from_pandas(numbered(customers(MILLION), _)))
        rise, _ = in_process("path", str(path))
        say(f"memory over idle, Parquet of {millions:,},000,000 rows (at most 256 MiB)", f"{rise / MIB:.0f} MiB")
    rise, frame = in_process("frame", "")
    figure = f"{rise / MIB:.0f} MiB, {rise / frame:.2f} of the frame's {frame / MIB:.0f} MiB"
    say("memory over a DataFrame of 1,000,000 rows (at most half of the frame)", figure)


def numbered(frame: pd.DataFrame, million: int) -> pd.DataFrame:
    """Return customers with numbers of their own."""
    return frame.assign(whatsApp=(pd.Series(range(len(frame))) + 8_615_000_000_000 + million * MILLION).astype(str))


def in_process(kind: str, path: str) -> tuple[int, int]:
    """Import in a fresh process and return the bytes its memory rose by, and those of the frame, if any."""
    command = [sys.executable, __file__, kind, path]
    rise, frame = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return int(rise), int(frame)


def measure(kind: str, path: str) -> None:
    """Import without HTTP, and print how far this process's memory rose."""
    data = customers(MILLION) if kind == "frame" else Path(path)
    Import(open_source(customers(10)), NoHttpClient(), Options()).run()  # what is imported and kept once
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak counts from here
    before = status("VmRSS")
    Import(open_source(data), NoHttpClient(), Options(ROWS_PER_CALL, rules=Rules(extension_fields=ALL))).run()
    frame = int(data.memory_usage(deep=True).sum()) if kind == "frame" else 0
    sys.stdout.write(f"{status('VmHWM') - before} {frame}\n")


def status(name: str) -> int:
    """Return a figure of this process's memory in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def end_to_end(folder: Path) -> None:
    """Import a million rows by path, and compare the time with the floor that the pace sets."""
    # The limit is off: a call that arrives early would be refused, and what is measured is whether we keep the pace.
    with sandbox("--latency", str(LATENCY), "--calls-per-second", "1000") as url:
        settings = Settings(url, "1", KEY, "agent_wang", calls_per_second=PACE)
        client = Client(settings, connections=Options().concurrency)
        run = Import(
            open_source(folder / "1.parquet"), client, Options(ROWS_PER_CALL, rules=Rules(extension_fields=ALL))
        )
        started = time.perf_counter()
        run.run()
        seconds = time.perf_counter() - started
        client.close()
    manifest = run.manifest()
    assert manifest["rows"]["accepted"] == MILLION
    floor = manifest["calls"]["sent"] / PACE
    say(
        f"1,000,000 rows by path, {manifest['calls']['sent']:,} calls, {LATENCY * 1000:.0f} ms latency",
        f"{seconds:.1f} s",
    )
    say(f"  ratio to the floor at {PACE:.0f} calls/s (at most 1.05)", f"{seconds / floor:.3f}")


def parsing() -> None:
    """Measure what importing the operator adds to importing Airflow's SDK."""
    script = (
        "import sys, time\nimport airflow.sdk\nbefore = set(sys.modules)\nstarted = time.perf_counter()\n"
        "import airflow_provider_socialscrm.operators.socialscrm\nprint(time.perf_counter() - started)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules and name not in before])"
    )
    outputs = [
        subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.splitlines()
        for _ in range(PROCESSES)
    ]
    seconds = statistics.median(float(lines[0]) for lines in outputs)
    say(
        "importing the operator on top of airflow.sdk (at most 20 ms)",
        f"{seconds * 1000:.1f} ms; heavy: {outputs[0][1]}",
    )


if __name__ == "__main__":
    measure(*sys.argv[1:]) if len(sys.argv) > 1 else main()
