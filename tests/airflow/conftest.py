"""Runs DAGs with the real Airflow, each test session in a home of its own, and lets a test read all it kept."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from airflow_provider_socialscrm.sandbox.server import Sandbox

COMMAND_TIMEOUT = 240.0
"""Seconds; a DAG that waits for a retry it should not have would wait for minutes."""

PROCESS_TIMEOUT = 300.0
"""Seconds for one command of a process that runs several, on a slow machine."""

ROOT = Path(__file__).parents[2]


SUPERVISED = {
    "AIRFLOW__CORE__EXECUTOR": "tests.support.supervised.SupervisedExecutor",  # of `dags test --use-executor`
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    "PYTHONPATH": str(ROOT),
}


@dataclass(frozen=True)
class AirflowHome:
    """An Airflow home with a migrated SQLite database."""

    path: Path

    def run(self, *command: str, dags: Path = ROOT / "dags", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run one command of Airflow's, its output kept."""
        return self.python("-m", "airflow", *command, dags=dags, **environment)

    def python(
        self, *arguments: str, dags: Path = ROOT / "dags", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run Python in this home, its output kept."""
        return subprocess.run(
            [sys.executable, *arguments],
            env=self.environment(dags) | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_TIMEOUT,
        )

    def environment(self, dags: Path) -> dict[str, str]:
        """Return the environment of Airflow's processes."""
        return os.environ | {
            "AIRFLOW_HOME": str(self.path),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "PYTHONWARNINGS": "default",
        }

    def query(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query of Airflow's database."""
        with closing(sqlite3.connect(self.path / "airflow.db")) as database:
            return database.execute(statement, values).fetchall()

    def execute(self, statement: str, *values: object) -> None:
        """Change Airflow's database while Airflow runs."""
        with closing(sqlite3.connect(self.path / "airflow.db", timeout=60)) as database:
            database.execute(statement, values)
            database.commit()

    def everything_stored(self, without: Collection[str] = ()) -> str:
        """Return every value of every table, as text, but for some tables."""
        with closing(sqlite3.connect(self.path / "airflow.db", timeout=60)) as database:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            looked_at = [name for name in tables if name not in without]
            return "\n".join(str(row) for name in looked_at for row in database.execute(f'SELECT * FROM "{name}"'))

    def serialized(self, dag_id: str) -> str:
        """Return the newest serialized form of a DAG."""
        query = "SELECT data, data_compressed FROM serialized_dag WHERE dag_id = ? ORDER BY created_at DESC LIMIT 1"
        with closing(sqlite3.connect(self.path / "airflow.db")) as database:
            return str(database.execute(query, [dag_id]).fetchone()[0])

    def states(self, dag_id: str) -> dict[str, str]:
        """Return the states of a DAG's tasks, by id."""
        query = "SELECT task_id, state FROM task_instance WHERE dag_id = ?"
        with closing(sqlite3.connect(self.path / "airflow.db")) as database:
            return dict(database.execute(query, [dag_id]).fetchall())

    def xcoms(self, dag_id: str, task_id: str) -> list[object]:
        """Return what a task pushed as its return value, by map index."""
        query = (
            "SELECT value FROM xcom WHERE dag_id = ? AND task_id = ? AND key = 'return_value' "
            "ORDER BY dag_run_id, map_index"
        )
        with closing(sqlite3.connect(self.path / "airflow.db")) as database:
            values = [json.loads(value) for (value,) in database.execute(query, (dag_id, task_id))]
        return [json.loads(value) if isinstance(value, str) else value for value in values]

    def rendered(self, dag_id: str, task_id: str) -> list[dict[str, object]]:
        """Return a task's rendered fields, by map index."""
        query = (
            "SELECT rendered_fields FROM rendered_task_instance_fields WHERE dag_id = ? AND task_id = ? "
            "ORDER BY map_index"
        )
        with closing(sqlite3.connect(self.path / "airflow.db")) as database:
            return [json.loads(fields) for (fields,) in database.execute(query, (dag_id, task_id))]

    def without_xcoms_of(self, *task_ids: str) -> None:
        """Forget what tasks of the user's own returned, so that only our task's traces are left."""
        with closing(sqlite3.connect(self.path / "airflow.db")) as database:
            database.executemany("DELETE FROM xcom WHERE task_id = ?", [(task_id,) for task_id in task_ids])
            database.commit()


class AirflowProcess:
    """A process that runs one command of Airflow's after the other, in a home of its own.

    :param home: with a migrated database.
    :param dags: folder of the DAGs.
    :param environment: of all commands.
    """

    def __init__(self, home: AirflowHome, dags: Path, **environment: str) -> None:
        self.home = home
        self._output = home.path / "output.txt"
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("run_commands.py"))],
                env=home.environment(dags) | SUPERVISED | environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
            )

    def run(self, *command: str, **environment: str) -> str:
        """Run one command, and return what it printed and logged."""
        before = self._output.stat().st_size
        self._process.stdin.write(json.dumps({"command": command, "environment": environment}) + "\n")
        self._process.stdin.flush()
        timer = Timer(PROCESS_TIMEOUT, self._process.kill)
        timer.start()
        answer = self._process.stdout.readline()
        timer.cancel()
        output = self._output.read_bytes()[before:].decode()
        assert answer == "ended\n", output
        return output

    def signal(self, number: int) -> None:
        """Send a signal to the process, which is the supervisor of a task that a supervised executor runs."""
        self._process.send_signal(number)

    def __enter__(self) -> AirflowProcess:
        return self

    def __exit__(self, *_failure: object) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.kill()  # its database is read by no one any more
        self._process.wait()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = AirflowHome(tmp_path_factory.mktemp("airflow"))
    done = home.run("db", "migrate")
    assert done.returncode == 0, done.stderr
    return home.path


@pytest.fixture
def airflow(migrated: Path, tmp_path: Path) -> AirflowHome:
    """A fresh copy of the migrated home, so that no test sees another's runs."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "airflow.db").write_bytes((migrated / "airflow.db").read_bytes())
    return AirflowHome(home)


@pytest.fixture(scope="session")
def start_airflow(
    migrated: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., AbstractContextManager[AirflowProcess]]:
    """Start a process that runs the DAGs of a folder, in a fresh copy of the migrated home."""

    def start(dags: Path, **environment: str) -> AbstractContextManager[AirflowProcess]:
        home = tmp_path_factory.mktemp("home")
        (home / "airflow.db").write_bytes((migrated / "airflow.db").read_bytes())
        return AirflowProcess(AirflowHome(home), dags, **environment)

    return start


@pytest.fixture
def connection(socialscrm_sandbox: Sandbox) -> dict[str, str]:
    """The environment variable that tells Airflow the sandbox's connection."""
    return {"AIRFLOW_CONN_SOCIALSCRM_DEFAULT": socialscrm_sandbox.connection_json()}
