"""What the benchmarks share: customers, a sandbox in its own process, a client without HTTP, a row of the table."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pandas as pd

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.settings import Settings
from airflow_provider_socialscrm.importer.options import Rules

KEY: Final = "BENCHMARKKEY01234567"
LATENCY: Final = 0.2
"""Seconds the sandbox takes for a call."""

ALL_COLUMNS: Final = Rules(extension_fields="all")
"""All fifteen columns are sent, two of them as extension fields."""

NAMES: Final = ("Ann Lee", "\u674e\u5c0f\u9f99", "Zo\u00eb M\u00fcller", "Ivan \u0418\u0432\u0430\u043d\u043e\u0432")


def say(what: str, figure: str) -> None:
    """Print one row."""
    sys.stdout.write(f"{what:<78} {figure}\n")
    sys.stdout.flush()


def customers(rows: int, bad: int = 0, start: int = 0) -> pd.DataFrame:
    """Return customers of fifteen columns, five of which differ from row to row, as in a warehouse.

    :param bad: rows with an extension field the CRM refuses, spread evenly.
    :param start: the place of the first customer, for a table that is made in parts.
    """
    number = pd.Series(range(start, start + rows))
    text = number.astype(str)
    days = pd.Timestamp("1950-01-01") + pd.to_timedelta(number % 20_000, unit="D")
    frame = pd.DataFrame(
        {
            "whatsApp": (number + 8_615_000_000_000).astype(str),
            "friendName": number.map(lambda n: NAMES[n % len(NAMES)]) + " " + text,
            "sex": number.map(lambda n: ("male", "Female", "unknown")[n % 3]),
            "birthday": days.dt.strftime("%Y-%m-%d"),
            "address": text + " Example Road, Springfield",
            "email": "someone" + text + "@example.com",
            "profession": number.map(lambda n: ("Engineer", "Teacher", "Nurse")[n % 3]),
            "income": (number % 500).astype(str) + " $",
            "desc": 'Likes "long walks" since ' + (number % 1_000).astype(str),
            "tabName": number.map(lambda n: ("VIP,Newsletter", "VIP", "New")[n % 3]),
            "stage": "New Customer",
            "source": "System",
            "languageTag": "Auto",
            "Loyalty Level": number.map(lambda n: ("Gold", "Silver")[n % 2]),
            "Last Order": "2026/01/02",
        }
    )
    if bad:
        frame.loc[:: rows // bad, "Loyalty Level"] = "Platinum"
    return frame


class NoHttpClient(Client):
    """Takes every call at once, so that only the importer's own work is measured."""

    def __init__(self, calls_per_second: float = 1e9) -> None:
        super().__init__(
            Settings("http://127.0.0.1", "1", KEY, "agent_wang", calls_per_second=calls_per_second), connections=1
        )

    def import_customers(self, _rows: Sequence[bytes], *, agent: str | None) -> Any:
        """Take a call."""


def begin_peak() -> int:
    """Let the peak of this process's memory count from here, and return what it has now, in bytes."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _status("VmRSS")


def peak() -> int:
    """Return the most memory that this process has had since :func:`begin_peak`, in bytes."""
    return _status("VmHWM")


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


@contextmanager
def sandbox(*options: str) -> Iterator[str]:
    """Run a sandbox in its own process, so that its CPU time is not ours, and yield its address."""
    command = [sys.executable, "-m", "airflow_provider_socialscrm.sandbox", "--port", "0", "--api-key", KEY, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().split()[4].rstrip(",")
        finally:  # or a failed benchmark would wait for the sandbox for ever
            process.terminate()
