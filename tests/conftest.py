"""What holds for all tests: Airflow keeps its files away from the home of whoever runs them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

# Airflow reads this when it is first imported, which is before any fixture runs.
AIRFLOW_HOME = Path(mkdtemp(prefix="socialscrm-tests-"))
os.environ["AIRFLOW_HOME"] = str(AIRFLOW_HOME)
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the tests that need servers, unless they are asked for by their folder's name."""
    asked_for = any("cluster" in argument for argument in config.invocation_params.args)
    return True if collection_path.name == "cluster" and not asked_for else None


@pytest.fixture(scope="session", autouse=True)
def _remove_airflow_home() -> Iterator[None]:
    yield
    shutil.rmtree(AIRFLOW_HOME)
