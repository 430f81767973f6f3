"""What holds for all tests: Airflow keeps its files away from the home of whoever runs them."""

from __future__ import annotations

import gc
import os
import random
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import version
from math import ceil
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from packaging.version import Version

from tests.support.sandbox import NO_LIMIT, as_new

if TYPE_CHECKING:
    from airflow_provider_socialscrm.sandbox.server import Sandbox
    from tests.support.raw_server import Speak

# Airflow reads this when it is first imported, which is before any fixture runs.
AIRFLOW_HOME = Path(mkdtemp(prefix="socialscrm-tests-"))
os.environ["AIRFLOW_HOME"] = str(AIRFLOW_HOME)
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"

# `make test` tries a few inputs, the same in every run, so that a red run can be repeated; `make test-thorough` tries
# many, and `make test-random` looks for new ones. Tests of whole imports divide these numbers. How long one input takes
# says more about the machine than about the code.
settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=12)
settings.register_profile("thorough", derandomize=True, deadline=None, max_examples=40)
settings.register_profile("random", deadline=None, max_examples=300)
settings.load_profile("repeatable")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the tests that need servers, unless they are asked for by their folder's name."""
    asked_for = any("cluster" in argument for argument in config.invocation_params.args)
    return True if collection_path.name == "cluster" and not asked_for else None


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "thorough: takes long, and quicker tests cover most of it; not in `make test`")
    config.addinivalue_line(
        "markers", "one_in(number): one in so many cases is in `make test`, the same ones in every run"
    )
    config.addinivalue_line("markers", "needs_airflow(version): skip what older versions of Airflow do not have")
    config.addinivalue_line(
        "markers", "frame_through_xcom: skip where Airflow cannot hand a DataFrame to the next task"
    )


@pytest.hookimpl(tryfirst=True)  # before others are left out by their markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave a random case in so many, the same ones in every run, of each test marked ``one_in`` to `make test`.

    The others become ``thorough``. A choice at regular distances could have one value of a parameter only.
    """
    cases: dict[tuple[str, int], list[pytest.Item]] = defaultdict(list)
    for item in items:
        if (marker := item.get_closest_marker("one_in")) and not item.get_closest_marker("thorough"):
            cases[item.nodeid.partition("[")[0], marker.args[0]].append(item)
    for (name, number), found in cases.items():
        chance = random.Random(name)  # noqa: S311 - repeatable, no secret
        for item in chance.sample(found, len(found) - ceil(len(found) / number)):
            item.add_marker("thorough")


def pytest_collection_finish() -> None:
    """Spare the tests' garbage collections a look through Airflow and fourteen thousand tests."""
    gc.collect()
    gc.freeze()


@cache
def installed(distribution: str) -> Version:
    return Version(version(distribution))


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs_airflow"):
        (needed,) = marker.args
        if installed("apache-airflow") < Version(needed):
            pytest.skip(f"Airflow {needed} and newer have this")
    before_hand_over = installed("apache-airflow") < Version("3.3") and installed("pandas") >= Version("3")
    if item.get_closest_marker("frame_through_xcom") and before_hand_over:
        pytest.skip("Airflow before 3.3 cannot hand a DataFrame of pandas 3 from task to task")


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    """A SocialsCRM for all tests of a process: starting one for each would take most of their time."""
    from airflow_provider_socialscrm.sandbox.server import Sandbox

    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def crm(running_sandbox: Sandbox) -> Sandbox:
    """The running sandbox as new, with no limit of calls that a test reaches."""
    return as_new(running_sandbox, calls_per_second=NO_LIMIT)


@pytest.fixture
def connected_crm(running_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The running sandbox as new, to which Airflow's default connection leads."""
    # Not by the fixture crm, which a module may replace by one that asks for this.
    crm = as_new(running_sandbox, calls_per_second=NO_LIMIT)
    monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", crm.connection_json())
    return crm


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> str:
    """The path of a certificate that signs itself, with its key; beside it, as ``.crt``, without the key."""
    return new_certificate(tmp_path_factory.mktemp("tls") / "self-signed.pem")


@pytest.fixture(scope="session")
def other_certificate(tmp_path_factory) -> str:
    """The path of another such certificate."""
    return new_certificate(tmp_path_factory.mktemp("tls") / "other.pem")


def new_certificate(path: Path) -> str:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl makes the certificate, and is not installed")
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost -batch"
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(path), "-out", str(path.with_suffix(".crt"))]
    subprocess.run([openssl, *command.split(), *names, *files], check=True, capture_output=True)
    path.write_text(path.read_text() + path.with_suffix(".crt").read_text())
    return str(path)


@pytest.fixture
def raw() -> Iterator[Callable[[Speak], str]]:
    """Start a server that speaks by a function, and return its address."""
    from tests.support.raw_server import RawServer

    servers = []

    def start(speak: Speak) -> str:
        servers.append(RawServer(speak))
        return servers[-1].url

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="session", autouse=True)
def _remove_airflow_home() -> Iterator[None]:
    yield
    shutil.rmtree(AIRFLOW_HOME)
