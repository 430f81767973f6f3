"""The pytest fixture ``socialscrm_airflow``. Only tests that use it import Airflow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from airflow_provider_socialscrm.testing.dag_runs import AirflowForTests


@pytest.fixture(scope="session")
def _socialscrm_airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Airflow reads this when it is first imported. A home that is set already stays.
    home = tmp_path_factory.mktemp("airflow")
    os.environ.setdefault("AIRFLOW_HOME", str(home))
    return home


@pytest.fixture
def socialscrm_airflow(
    socialscrm_sandbox: Any,
    _socialscrm_airflow_home: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[AirflowForTests]:
    """Run DAGs in this process, with an Airflow database for this test and a connection to ``socialscrm_sandbox``.

    ``run`` takes the path of a DAG file, or a DAG, and returns how the run ended. The connection is
    ``socialscrm_default``.
    """
    from airflow_provider_socialscrm.testing.dag_runs import airflow_for_tests  # noqa: PLC0415 - loads Airflow

    monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", socialscrm_sandbox.connection_json())
    with airflow_for_tests(_socialscrm_airflow_home, tmp_path_factory.mktemp("airflow_of_test")) as airflow:
        yield airflow
