"""Measures the operator against the forty lines that a user would write instead. Run by ``make benchmarks``.

Both import the same table into the same sandbox, in turns, each time in a fresh process that has imported Airflow and
logs as a task does. Takes about five minutes, nearly all of it waiting for the pace.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from hashlib import md5
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import requests
from common import KEY, customers, sandbox, say
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

if TYPE_CHECKING:
    import pandas as pd

ROWS: Final = 100_000
ROWS_PER_CALL: Final = 100
CALLS_PER_SECOND: Final = 45
CONNECTIONS: Final = 16
LATENCY: Final = 0.15
"""Seconds the sandbox takes for a call; 16 connections keep the pace with up to 0.35, so that the pace decides."""

STATE_LATENCY: Final = 0.01
"""Seconds that Airflow takes to keep a task's state: our assumption, a request to a server nearby."""

ROUNDS: Final = 3
MOST_WALL: Final = 1.03
MOST_CPU: Final = 1.2

KINDS: Final = {"str": "text as pandas keeps it by default", "object": "text as Python's objects"}
"""How a table keeps its text: ``to_dict`` is slower with pandas' own, the operator with Python's objects."""

Runs = list[dict[str, float]]


class BusyError(Exception):
    """The CRM took nothing of a call, and would take it later."""


def forty_lines(frame: pd.DataFrame, url: str) -> int:
    """Import a frame as one would in a ``PythonOperator``, and return how many customers the CRM took."""
    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=CONNECTIONS))
    lock, next_start = threading.Lock(), time.monotonic()

    def wait_for_turn() -> None:
        nonlocal next_start
        with lock:
            start = max(next_start, time.monotonic())
            next_start = start + 1 / CALLS_PER_SECOND
        time.sleep(max(0.0, start - time.monotonic()))

    @retry(
        retry=retry_if_exception_type((BusyError, requests.ConnectionError, requests.Timeout)),
        wait=wait_random_exponential(max=60),
        stop=stop_after_attempt(6),
        reraise=True,
    )
    def send(rows: list[dict[str, Any]]) -> int:
        wait_for_turn()
        create_time = datetime.now(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m-%d %H:%M:%S")
        token = md5(f"1agent_wang{create_time}{KEY}".encode()).hexdigest()
        body = {"tenantId": "1", "userName": "agent_wang", "token": token, "createTime": create_time, "data": rows}
        response = session.put(f"{url}/wscrm-bus-api/customer/api/import", json=body, timeout=(10, 60))
        if response.status_code in (429, 503):
            raise BusyError(response.status_code)
        response.raise_for_status()
        answer = response.json()
        if answer["code"] in (500, 517):
            raise BusyError(answer["code"])
        if answer["code"] != 200:
            raise ValueError(f"{answer['code']}: {answer['message']}")
        return len(rows)

    in_form = {"birthday": frame["birthday"].str.replace("-", "/"), "sex": frame["sex"].str.lower()}
    records = [
        {name: value for name, value in row.items() if value is not None and value == value}  # noqa: PLR0124 - not NaN
        for row in frame.assign(**in_form).to_dict("records")
    ]
    chunks = [records[start : start + ROWS_PER_CALL] for start in range(0, len(records), ROWS_PER_CALL)]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return sum(pool.map(send, chunks))


def operator(frame: pd.DataFrame, url: str) -> int:
    """Import a frame with the operator, and return how many customers the CRM took."""
    from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator

    os.environ["AIRFLOW_CONN_SOCIALSCRM_DEFAULT"] = json.dumps(
        {
            "conn_type": "socialscrm", "host": url, "login": "agent_wang", "password": KEY,
            "extra": {"tenant_id": "1", "calls_per_second": CALLS_PER_SECOND},
        }
    )  # fmt: skip
    task = SocialSCRMImportOperator(
        task_id="import_customers",
        data=frame,
        extension_fields="all",
        rows_per_call=ROWS_PER_CALL,
        concurrency=CONNECTIONS,
    )
    manifest = task.execute({"ti": TaskInstance(), "task": task, "task_state_store": TaskStateStore()})
    accepted: int = manifest["rows"]["accepted"]
    return accepted


class TaskInstance:
    """What the operator looks at of Airflow's."""

    dag_id, run_id, task_id, map_index, max_tries = "benchmark", "manual", "import_customers", -1, 0


class TaskStateStore:
    """Takes the task's state as Airflow does: encoded, and after some time."""

    def get(self, _key: str) -> None:
        """Return that there is none."""

    def set(self, _key: str, state: Any) -> None:
        """Encode the state, and wait as for an answer."""
        json.dumps(state)
        time.sleep(STATE_LATENCY)

    def delete(self, _key: str) -> None:
        """Forget nothing."""


IMPORTS: Final[dict[str, Callable[[Any, str], int]]] = {"operator": operator, "forty lines": forty_lines}


def measure(name: str, kind: str, url: str, log: str) -> None:
    """Import as a task would, once, and print the seconds it took.

    What is imported and made before is not counted: Airflow, the DAG file's own imports and the table.
    """
    from airflow.sdk.execution_time import task_runner  # noqa: F401 - what any task's process has imported
    from airflow.sdk.log import configure_logging

    import airflow_provider_socialscrm.operators.socialscrm  # noqa: F401 - as does the DAG file

    with Path(log).open("wb", buffering=0) as channel:
        configure_logging(json_output=True, log_level="INFO", output=channel, sending_to_supervisor=True)
        frame = customers(ROWS).astype(kind)
        wall, cpu = time.perf_counter(), time.process_time()
        accepted = IMPORTS[name](frame, url)
        seconds = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    assert accepted == ROWS
    sys.stdout.write(json.dumps(seconds))


def in_process(name: str, kind: str, url: str, home: str) -> dict[str, float]:
    """Measure in a fresh process, with a home of Airflow's of its own."""
    command = [sys.executable, __file__, name, kind, url, str(Path(home, "task.log"))]
    environment = {**os.environ, "AIRFLOW_HOME": home, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    finished = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    seconds: dict[str, float] = json.loads(finished.stdout.splitlines()[-1])
    return seconds


def main() -> None:
    """Print one table."""
    say("what", "figure")
    say(
        f"{ROWS:,} rows within Airflow's process, {ROWS_PER_CALL} a call, {CALLS_PER_SECOND} calls/s",
        f"{CONNECTIONS} connections, {LATENCY * 1000:.0f} ms latency, median of {ROUNDS} runs in turns",
    )
    with tempfile.TemporaryDirectory() as home, sandbox("--latency", str(LATENCY)) as url:
        for kind in KINDS:
            compare(kind, url, home)
        codes = requests.get(f"{url}/_sandbox/stats", timeout=10).json()["calls_by_code"]
    say("  calls of all runs by the code of their response", json.dumps(codes))


def compare(kind: str, url: str, home: str) -> None:
    """Run both in turns and print their figures."""
    runs: dict[str, Runs] = {name: [] for name in IMPORTS}
    for _ in range(ROUNDS):
        for name in IMPORTS:
            runs[name].append(in_process(name, kind, url, home))
    for name in IMPORTS:
        say(f"{KINDS[kind]}: {name}", f"{median(runs[name], 'wall'):.2f} s, {median(runs[name], 'cpu'):.2f} s CPU")
    say(f"  ratio of wall time (at most {MOST_WALL:.2f})", ratio(runs, "wall"))
    say(f"  ratio of CPU time (at most {MOST_CPU:.2f})", ratio(runs, "cpu"))


def median(runs: Runs, what: str) -> float:
    """Return the middle of a figure's values."""
    return statistics.median(run[what] for run in runs)


def ratio(runs: dict[str, Runs], what: str) -> str:
    """Return the operator's figure over the other's: of the medians, and of each round."""
    ours, theirs = runs.values()
    rounds = [one[what] / other[what] for one, other in zip(ours, theirs, strict=True)]
    return f"{median(ours, what) / median(theirs, what):.3f} (rounds: {', '.join(f'{each:.3f}' for each in rounds)})"


if __name__ == "__main__":
    measure(*sys.argv[1:]) if len(sys.argv) > 1 else main()
