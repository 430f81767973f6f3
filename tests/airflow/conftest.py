"""Runs DAGs with the real Airflow, each test in a home as new, and lets a test read all it kept."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from airflow_provider_socialscrm.sandbox.server import Sandbox

COMMAND_TIMEOUT = 240.0
"""Seconds; a DAG that waits for a retry it should not have would wait for minutes."""

LOADING_TIMEOUT = 300.0
"""Seconds until Airflow is loaded, on a slow machine."""

DATABASE_TIMEOUT = 60.0
"""Seconds to wait while Airflow writes."""

ROOT = Path(__file__).parents[2]

SUPERVISED = {
    "AIRFLOW__CORE__EXECUTOR": "tests.support.supervised.SupervisedExecutor",  # of `dags test --use-executor`
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    "PYTHONPATH": str(ROOT),
}


@dataclass(frozen=True)
class AirflowHome:
    """An Airflow home with a migrated SQLite database, and the process that has loaded Airflow for it.

    :param path: of the home.
    :param port: where the process takes commands.
    """

    path: Path
    port: int

    def run(self, *command: str, dags: Path = ROOT / "dags", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run one command of Airflow's, its output kept."""
        return self.python("-m", "airflow", *command, dags=dags, **environment)

    def python(
        self, *arguments: str, dags: Path = ROOT / "dags", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run Airflow as a module or code that uses it, in a process of its own, its output kept."""
        files = {name: self.path / f"{name}-{uuid4().hex}" for name in ("stdout", "stderr")}
        command = {
            "arguments": arguments,
            "environment": environment | {"AIRFLOW__CORE__DAGS_FOLDER": str(dags)},
            "seconds": COMMAND_TIMEOUT,
        } | {name: str(path) for name, path in files.items()}
        timeout = LOADING_TIMEOUT + COMMAND_TIMEOUT
        with socket.create_connection(("127.0.0.1", self.port), timeout) as connection:
            connection.sendall(json.dumps(command).encode() + b"\n")
            code = connection.makefile().readline()
        assert code, "The process that had loaded Airflow has ended"
        output = {name: path.read_text(encoding="utf-8") for name, path in files.items()}
        return subprocess.CompletedProcess(arguments, int(code), **output)

    def query(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query of Airflow's database."""
        with self._database() as database:
            return database.execute(statement, values).fetchall()

    def execute(self, statement: str, *values: object) -> None:
        """Change Airflow's database, even while Airflow runs."""
        with self._database() as database:
            database.execute(statement, values)
            database.commit()

    def _database(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(self.path / "airflow.db", timeout=DATABASE_TIMEOUT))

    def everything_stored(self, *, but_for: Collection[str] = ()) -> str:
        """Return every value of every table, as text, but for some tables."""
        tables = {name for (name,) in self.query("SELECT name FROM sqlite_master WHERE type = 'table'")}
        names = sorted(tables.difference(but_for))
        return "\n".join(str(row) for name in names for row in self.query(f'SELECT * FROM "{name}"'))

    def log_files(self) -> str:
        """Return all that tasks logged to files."""
        return "\n".join(path.read_text(encoding="utf-8") for path in self.path.rglob("*.log"))

    def serialized(self, dag_id: str) -> str:
        """Return the newest serialized form of a DAG."""
        query = "SELECT data FROM serialized_dag WHERE dag_id = ? ORDER BY created_at DESC LIMIT 1"
        ((data,),) = self.query(query, dag_id)
        return str(data)

    def states(self, dag_id: str) -> dict[str, str]:
        """Return the states of a DAG's tasks, by id."""
        return dict(self.query("SELECT task_id, state FROM task_instance WHERE dag_id = ?", dag_id))

    def xcoms(self, dag_id: str, task_id: str) -> list[object]:
        """Return what a task pushed as its return value, by map index."""
        query = (
            "SELECT value FROM xcom WHERE dag_id = ? AND task_id = ? AND key = 'return_value' "
            "ORDER BY dag_run_id, map_index"
        )
        values = [json.loads(value) for (value,) in self.query(query, dag_id, task_id)]
        return [json.loads(value) if isinstance(value, str) else value for value in values]

    def rendered(self, dag_id: str, task_id: str) -> list[dict[str, object]]:
        """Return a task's rendered fields, by map index."""
        query = (
            "SELECT rendered_fields FROM rendered_task_instance_fields WHERE dag_id = ? AND task_id = ? "
            "ORDER BY map_index"
        )
        return [json.loads(fields) for (fields,) in self.query(query, dag_id, task_id)]

    def without_xcoms_of(self, task_id: str) -> None:
        """Forget what a task of the user's own returned, so that only our task's traces are left."""
        self.execute("DELETE FROM xcom WHERE task_id = ?", task_id)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowHome]:
    """A home and its process, for all tests of a session."""
    path = tmp_path_factory.mktemp("airflow")
    settings = {"AIRFLOW_HOME": str(path), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "PYTHONWARNINGS": "default"}
    server = socket.create_server(("127.0.0.1", 0))
    with (
        (path / "loading.txt").open("wb") as output,
        subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("run_commands.py")), str(server.fileno())],
            env=os.environ | settings | SUPERVISED,
            stdout=output,
            stderr=output,
            pass_fds=[server.fileno()],
        ) as process,
    ):
        home = AirflowHome(path, server.getsockname()[1])
        server.close()
        try:
            done = home.run("db", "migrate")
            assert done.returncode == 0, done.stderr
            shutil.copy(path / "airflow.db", path / "migrated.db")
            yield home
        finally:
            process.kill()


@pytest.fixture
def airflow(migrated: AirflowHome) -> AirflowHome:
    """The migrated home as new, so that no test sees another's runs."""
    for path in migrated.path.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in {"airflow.cfg", "migrated.db", "loading.txt"}:
            path.unlink()
    shutil.copy(migrated.path / "migrated.db", migrated.path / "airflow.db")
    return migrated


@pytest.fixture
def connection(socialscrm_sandbox: Sandbox) -> dict[str, str]:
    """The environment variable that tells Airflow the sandbox's connection."""
    return {"AIRFLOW_CONN_SOCIALSCRM_DEFAULT": socialscrm_sandbox.connection_json()}
