"""A cluster on this machine: PostgreSQL, Redis, a SocialsCRM, and Airflow with two Celery workers.

Each is a separate process on a free port of 127.0.0.1, with all files in one temporary folder. All of them stop when
the test ends, however it ends.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psutil
import pytest
import requests

DAGS = Path(__file__).with_name("dags")
KEY = "CLUSTERKEY0123456789"
REDIS_PASSWORD = "quite-a-secret-of-redis"
SLOTS = 4
"""Tasks a worker runs at once."""
START_SECONDS = 120.0
"""Seconds in which a server must respond; the slowest needs a quarter of them."""
END_SECONDS = 5.0
"""Seconds that a process has to end after SIGTERM."""
LATENCY = 0.1
"""Seconds that a call takes at the CRM."""
POLL = 0.1
"""Seconds between two looks at a condition."""
NICE = -10
"""Priority, where allowed: a process that waits for the processor sends its calls too close to each other."""
CRM_NICE = -15
"""Priority of the CRM, whose clock measures the calls: the highest."""


@pytest.fixture(name="wait_until")
def _wait_until() -> Callable[..., Any]:
    return wait_until


def wait_until(what: Callable[[], Any], seconds: float, why: str) -> Any:
    """Return the first true result; a connection error counts as false."""
    deadline = time.monotonic() + seconds
    while True:
        with suppress(OSError, requests.RequestException):
            if found := what():
                return found
        assert time.monotonic() < deadline, why
        time.sleep(POLL)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def responds(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), 1.0):
        return True


def kill_tree(process: subprocess.Popen[bytes]) -> set[int]:
    """Kill a process and all its children at once, like a failing machine, and return their ids."""
    tree: list[psutil.Process] = []
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(process.pid)
        tree = [root, *root.children(recursive=True)]
        for number in (signal.SIGSTOP, signal.SIGKILL):  # stop all first, so that none notices another's end
            for one in tree:
                with suppress(psutil.NoSuchProcess):
                    one.send_signal(number)
    process.wait()
    return {one.pid for one in tree}


@dataclass
class Processes:
    """The processes that were started, with their output in files of one folder."""

    folder: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *command: str, nice: int = NICE, **options: Any) -> subprocess.Popen[bytes]:
        # In a session of its own: otherwise Ctrl-C would stop the servers before their clients.
        options |= {"stderr": subprocess.STDOUT, "start_new_session": True}
        with (self.folder / f"{name}.log").open("ab") as log:
            started = subprocess.Popen(command, stdout=log, **options)
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, started.pid, nice)
        self.running[name] = started
        return started

    def kill(self, name: str) -> set[int]:
        """Kill a process and all its children, and return their ids."""
        return kill_tree(self.running[name])

    def terminate_tree(self, name: str) -> set[int]:
        """Send SIGTERM to a process and all its children, and return their ids."""
        root = psutil.Process(self.running[name].pid)
        tree = [root, *root.children(recursive=True)]
        for one in tree:
            with suppress(psutil.NoSuchProcess):
                one.terminate()
        return {one.pid for one in tree}

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        for process in reversed(self.running.values()):
            process.terminate()
        for process in reversed(self.running.values()):
            with suppress(subprocess.TimeoutExpired):
                process.wait(END_SECONDS)
            kill_tree(process)
        for orphan in psutil.process_iter():  # children of a killed worker
            with suppress(psutil.Error):
                if orphan.environ().get("AIRFLOW_HOME", "").startswith(str(self.folder)):
                    orphan.kill()


@pytest.fixture(scope="session", autouse=True)
def _end_as_if_by_control_c() -> None:
    """Run the fixtures' cleanup on SIGTERM, too."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture
def processes() -> Iterator[Processes]:
    folder = Path(mkdtemp(prefix="socialscrm-cluster-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user
    started = Processes(folder)
    try:
        yield started
    finally:
        started.stop()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Redis:
    """A Redis with a password, which tests can kill and start again."""

    processes: Processes
    port: int

    @property
    def url(self) -> str:
        return f"redis://:{REDIS_PASSWORD}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--requirepass", REDIS_PASSWORD]
        self.processes.start("redis", "redis-server", *options, cwd=self.processes.folder)
        wait_until(lambda: responds(self.port), START_SECONDS, "Redis does not start")

    def kill(self) -> None:
        self.processes.kill("redis")


@pytest.fixture
def redis_server(processes: Processes) -> Redis:
    server = Redis(processes, free_port())
    server.start()
    return server


@dataclass(frozen=True)
class Crm:
    """A SocialsCRM in a separate process."""

    url: str
    key: str = KEY

    def stats(self) -> dict[str, Any]:
        stats: dict[str, Any] = requests.get(f"{self.url}/_sandbox/stats", timeout=30).json()
        return stats

    def set_latency(self, seconds: float = LATENCY) -> None:
        """Let each call take so long from now on."""
        requests.delete(f"{self.url}/_sandbox/faults", timeout=30).raise_for_status()
        fault = {"kind": "latency", "seconds": seconds}
        requests.post(f"{self.url}/_sandbox/faults", json=fault, timeout=30).raise_for_status()

    def peak(self) -> int:
        """Return the largest number of calls that arrived within a second."""
        return max(self.stats()["peak_calls_per_second"].values())

    def arrivals(self) -> list[float]:
        """Return when the last thousand calls arrived, in seconds since the epoch."""
        calls = requests.get(f"{self.url}/_sandbox/calls", timeout=30).json()
        return [call["at"] for call in calls["recent"]]

    def rows(self) -> tuple[int, int]:
        """Return the number of customers, and the number of rows imported into them."""
        customers = requests.get(f"{self.url}/_sandbox/customers", timeout=120).json()
        return len(customers), sum(customer["times_imported"] for customer in customers)

    def connection(self, **extra: str) -> str:
        options = {"tenant_id": "1", **extra}
        fields = {"conn_type": "socialscrm", "host": self.url, "login": "agent_wang", "password": self.key}
        return json.dumps(fields | {"extra": options})


@pytest.fixture
def crm(processes: Processes) -> Crm:
    port = free_port()
    options = ["--port", str(port), "--api-key", KEY, "--latency", str(LATENCY)]
    processes.start("crm", sys.executable, "-m", "airflow_provider_socialscrm.sandbox", *options, nice=CRM_NICE)
    wait_until(lambda: responds(port), START_SECONDS, "the SocialsCRM does not start")
    return Crm(f"http://127.0.0.1:{port}")


def postgres_program(name: str) -> str:
    """Return the path of one of PostgreSQL's programs, which Debian does not put on the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else name


@pytest.fixture
def database_url(processes: Processes) -> str:
    port, folder = free_port(), processes.folder / "postgres"
    folder.mkdir()
    user: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        account = pwd.getpwnam("postgres")
        os.chown(folder, account.pw_uid, account.pw_gid)
        user = ["runuser", "-u", "postgres", "--"]
    data = folder / "data"
    made = [*user, postgres_program("initdb"), "-D", str(data), "-A", "trust", "-U", "airflow", "--no-sync"]
    subprocess.run(made, check=True, capture_output=True, cwd=folder)
    speed = ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "max_connections=200"]
    where = ["-D", str(data), "-k", str(folder), "-h", "127.0.0.1", "-p", str(port)]
    processes.start("postgres", *user, postgres_program("postgres"), *where, *speed, cwd=folder)
    wait_until(lambda: responds(port), START_SECONDS, "PostgreSQL does not start")
    return f"postgresql+psycopg2://airflow@127.0.0.1:{port}/postgres"


@dataclass(frozen=True)
class Airflow:
    """Airflow with the Celery executor and two workers."""

    processes: Processes
    environment: dict[str, str]
    database_url: str

    def start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        program = [sys.executable, "-m", "airflow", *command]
        return self.processes.start(name, *program, env=os.environ | self.environment)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        import psycopg2

        with closing(psycopg2.connect(self.database_url.replace("+psycopg2", ""))) as database:
            cursor = database.cursor()
            cursor.execute(statement)
            return cursor.fetchall()

    def logs(self) -> str:
        """Return everything that Airflow's processes and tasks logged."""
        files = self.processes.folder.rglob("*.log")
        return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in files)

    def task_log(self, map_index: int, attempt: int) -> str:
        (path,) = self.processes.folder.rglob(f"map_index={map_index}/attempt={attempt}.log")
        return path.read_text(encoding="utf-8")


def settings_of(folder: Path, database_url: str, redis_url: str, port: int) -> dict[str, str]:
    """Return Airflow's settings as environment variables, with short timeouts so that it notices a killed task soon."""
    settings = {
        "core": {"executor": "CeleryExecutor", "dags_folder": DAGS, "load_examples": False, "fernet_key": ""}
        | {"dags_are_paused_at_creation": False, "simple_auth_manager_all_admins": True}
        | {"execution_api_server_url": f"http://127.0.0.1:{port}/execution/"},
        "database": {"sql_alchemy_conn": database_url},
        "api": {
            "base_url": f"http://127.0.0.1:{port}",
            "secret_key": "of-this-test",
            "port": port,
            "host": "127.0.0.1",
        },
        "api_auth": {"jwt_secret": "of-this-test-and-longer-than-the-64-bytes-that-signatures-with-sha-512-require"},
        "celery": {"broker_url": redis_url, "result_backend": f"db+{database_url}", "worker_concurrency": SLOTS}
        | {"worker_prefetch_multiplier": 1, "sync_parallelism": 1},
        "scheduler": {"task_instance_heartbeat_timeout": 25, "task_instance_heartbeat_timeout_detection_interval": 2}
        | {"scheduler_idle_sleep_time": 0.5},
        "workers": {"min_heartbeat_interval": 3},
        "logging": {"base_log_folder": folder / "logs"},
    }
    return {"AIRFLOW_HOME": str(folder / "home"), "PYTHONWARNINGS": "default"} | {
        f"AIRFLOW__{section}__{name}".upper(): str(value)
        for section, options in settings.items()
        for name, value in options.items()
    }


@pytest.fixture
def airflow(processes: Processes, redis_server: Redis, database_url: str) -> Airflow:
    """Airflow with a migrated database; its processes are not started yet."""
    environment = settings_of(processes.folder, database_url, redis_server.url, free_port())
    cluster = Airflow(processes, environment, database_url)
    assert cluster.start("migrate", "db", "migrate").wait(START_SECONDS) == 0, processes.log("migrate")
    return cluster
