"""A task whose tries are processes of their own, against a sandbox; some of them are killed with SIGKILL."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from airflow_provider_socialscrm.sandbox.server import Sandbox

PROCESS_TIMEOUT = 120.0
"""Seconds after which a worker that neither ends nor comes to the moment of its death is a failure."""

POLL = 0.005
"""Seconds between two looks."""


class KilledTask:
    """The tries of one task.

    :param worker: the script that is one try; it takes the task's arguments as JSON.
    :param crm: what it calls.
    :param folder: has the table, and takes what the task writes.
    :param numbers: in the table.
    :param arguments: of the task, besides the table and the number of the try.
    """

    def __init__(self, worker: Path, crm: Sandbox, folder: Path, numbers: Iterable[str], **arguments: Any) -> None:
        self.worker, self.crm, self.folder = worker, crm, folder
        self.arguments = {"data": str(folder / "in.parquet")} | arguments
        self.tries = 0
        pd.DataFrame({"whatsApp": numbers}).to_parquet(folder / "in.parquet")

    def start(self, **arguments: Any) -> subprocess.Popen[str]:
        """Start a try, with some other arguments."""
        self.tries += 1
        given = self.arguments | {"try_number": self.tries} | arguments
        environment = os.environ | {
            "AIRFLOW_CONN_SOCIALSCRM_DEFAULT": self.crm.connection_json(),
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        command = [sys.executable, str(self.worker), json.dumps(given)]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    def kill_when(self, is_reached: Callable[[], bool], **arguments: Any) -> None:
        """Start a try, and kill it at a moment."""
        worker = self.start(**arguments)
        deadline = time.monotonic() + PROCESS_TIMEOUT
        while not is_reached():
            assert worker.poll() is None, "the worker ended before it was killed"
            assert time.monotonic() < deadline
            time.sleep(POLL)
        worker.send_signal(signal.SIGKILL)
        worker.communicate(timeout=PROCESS_TIMEOUT)

    def run(self, **arguments: Any) -> tuple[int, str]:
        """Run a try to its end, and return its code and what it printed."""
        worker = self.start(**arguments)
        said, _ = worker.communicate(timeout=PROCESS_TIMEOUT)
        return worker.returncode, said
