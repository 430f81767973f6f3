"""A large import by many tasks on Celery workers, of which one is killed in the middle, or all have to end."""

from __future__ import annotations

import logging
import re
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_socialscrm.importer.options import DEFAULT_CONCURRENCY

log = logging.getLogger(__name__)

ROWS = 200_000
TASKS = 8
WORKERS = ("one", "two")
ROWS_PER_CALL = 100
LIMIT = 50
"""Calls a second at the CRM."""
SLOW = 6.0
"""Seconds that a call takes until all tasks run, so that none of them ends before."""
RUN_SECONDS = 240.0
"""Seconds in which the whole run must end; at 45 calls a second its calls alone take 44."""


@pytest.fixture
def partitions(processes):
    """A folder with the table in partitions, as an upstream task would write it."""
    folder = processes.folder / "data"
    folder.mkdir()
    size = ROWS // TASKS
    for number in range(TASKS):
        positions = range(number * size, (number + 1) * size)
        customers = {
            "whatsApp": [f"86196{position:08}" for position in positions],
            "friendName": [f"Name {position}" for position in positions],
        }
        pq.write_table(pa.table(customers), folder / f"part-{number}.parquet")
    return folder


@pytest.fixture
def started(airflow, crm, redis_server, partitions):
    """Airflow with its processes started; the DAG runs at once."""
    airflow.environment.update(
        AIRFLOW_CONN_SOCIALSCRM_DEFAULT=crm.connection(pace_conn_id="queue"),
        AIRFLOW_CONN_QUEUE=redis_server.url,
        TEST_FOLDER=str(partitions),
    )
    for name in ("api-server", "scheduler", "dag-processor"):
        airflow.start(name, name)
    for name in WORKERS:
        start_worker(airflow, name)
    return airflow


def start_worker(airflow, name: str) -> None:
    pid = airflow.processes.folder / f"{name}.pid"
    airflow.start(
        name, "celery", "worker", "--skip-serve-logs", "--celery-hostname", f"{name}@cluster", "--pid", str(pid)
    )


def tries(airflow) -> dict[int, tuple[str, int, int]]:
    """Return the state, the process id and the try number of each mapped task, by map index."""
    query = "SELECT map_index, state, pid, try_number FROM task_instance WHERE map_index >= 0"
    return {index: (state, pid, number) for index, state, pid, number in airflow.query(query)}


def in_state(airflow, state: str) -> int:
    return sum(state == found for found, _, _ in tries(airflow).values())


def let_all_tasks_run(airflow, crm, wait_until) -> None:
    """Wait until all tasks run at the same time, and have sent a quarter of the rows."""
    crm.set_latency(SLOW)  # on a busy machine the last task starts long after the first
    wait_until(lambda: in_state(airflow, "running") == TASKS, RUN_SECONDS, "not all tasks run")
    crm.set_latency()
    wait_until(
        lambda: crm.stats()["calls"] >= ROWS / ROWS_PER_CALL / 4, RUN_SECONDS, "a quarter of the rows is not sent"
    )


def test_after_a_killed_worker_no_row_is_lost_few_repeat_and_the_limit_holds(started, crm, processes, wait_until):
    begun = time.monotonic()
    let_all_tasks_run(started, crm, wait_until)
    before, ids = tries(started), processes.kill("one")
    killed = {index: number for index, (_, pid, number) in before.items() if pid in ids}
    kill = time.monotonic()
    wait_until(lambda: in_state(started, "success") == TASKS, RUN_SECONDS, "the import does not end")
    end = time.monotonic()

    (distinct, rows), stats, logs = crm.rows(), crm.stats(), started.logs()
    log.info(
        "%.0f s to the kill, %.0f s after it; %s tasks killed; %s calls, %s rows repeated; peak %s calls a second",
        kill - begun, end - kill, len(killed), stats["calls"], rows - distinct, crm.peak(),
    )  # fmt: skip
    assert 0 < len(killed) < TASKS
    assert distinct == ROWS
    in_flight = len(killed) * DEFAULT_CONCURRENCY  # at most: a call counts until its outcome is saved
    assert rows - distinct <= in_flight * ROWS_PER_CALL
    assert stats["calls"] <= ROWS / ROWS_PER_CALL + in_flight
    assert crm.peak() <= LIMIT
    for index, number in killed.items():
        assert re.search(r"Resuming: [\d,]+ rows are done since an earlier try", started.task_log(index, number + 1))
    assert "shared through Redis; without it 45 divided by 8 tasks at once = 5.62" in logs
    assert [secret for secret in ("quite-a-secret-of-redis", "CLUSTERKEY", "8619600") if secret in logs] == []


def test_workers_that_have_to_end_record_their_calls_in_flight_and_no_row_is_sent_twice(
    started, crm, processes, wait_until
):
    let_all_tasks_run(started, crm, wait_until)
    before = tries(started)
    ids = processes.terminate_tree("one")  # as systemd does, to the worker and all that it has started
    stopped = {index for index, (_, pid, _) in before.items() if pid in ids}
    start_worker(started, "three")
    processes.running["two"].terminate()  # Celery's warm shutdown: as Airflow's Helm chart does, to the worker only
    ends = [processes.running[name].wait(RUN_SECONDS) for name in WORKERS]
    wait_until(lambda: in_state(started, "success") == TASKS, RUN_SECONDS, "the import does not end")

    assert 0 < len(stopped) < TASKS
    assert ends == [0, 0]
    assert crm.rows() == (ROWS, ROWS)
    for index, (_, _, number) in before.items():
        assert tries(started)[index][2] == (number + 1 if index in stopped else number)
    for index in stopped:
        number = before[index][2]
        assert "The task was stopped. The calls in flight are recorded" in started.task_log(index, number)
        assert re.search(r"Resuming: [\d,]+ rows are done since an earlier try", started.task_log(index, number + 1))
