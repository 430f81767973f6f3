"""Runs DAGs in the process of a test, each test with an Airflow database of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from airflow import settings
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.sdk import DAG
from airflow.utils import db

from airflow_provider_socialscrm._compat import DagBag, sync_bag_to_db

BUNDLE: Final = "dags-folder"
"""The name of the one bundle of DAGs that Airflow has without a setting."""


@dataclass(frozen=True, slots=True)
class RunOfDag:
    """How a run of a DAG ended.

    :param state: of the run, such as ``success`` or ``failed``.
    :param states: of its tasks, by their ids; those of a mapped task have ids such as ``import_customers[0]``.
    :param results: what its tasks returned, by the same ids; of an import its manifest, also if it failed.
    """

    state: str
    states: Mapping[str, str]
    results: Mapping[str, Any]


class AirflowForTests:
    """Runs DAGs one after the other in this process, without a scheduler.

    :param folder: an empty one, which Airflow takes for its folder of DAGs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def run(
        self,
        dag: DAG | str | os.PathLike[str],
        *,
        dag_id: str | None = None,
        conf: Mapping[str, Any] | None = None,
        logical_date: datetime | None = None,
    ) -> RunOfDag:
        """Run a DAG to its end, with its retries, and return how it ended.

        :param dag: a DAG, or the path of a DAG file.
        :param dag_id: which DAG of a file that defines several. Default ``None``: the only one.
        :param conf: values for the DAG's ``params``. Default ``None``: those of the DAG.
        :param logical_date: of the run. Default ``None``: now.
        :raises ValueError: if the file defines no such DAG; it says why.
        """
        found = dag if isinstance(dag, DAG) else self._read(Path(dag), dag_id)
        self._store(found)
        given: dict[str, Any] = {} if logical_date is None else {"logical_date": logical_date}
        ended = found.test(run_conf=dict(conf) if conf else None, **given)
        tasks = {_id_of(each): each for each in ended.get_task_instances()}
        results = {name: each.xcom_pull(each.task_id, map_indexes=each.map_index) for name, each in tasks.items()}
        return RunOfDag(
            str(ended.state),
            {name: str(each.state) for name, each in tasks.items()},
            {name: result for name, result in results.items() if result is not None},
        )

    def _read(self, path: Path, dag_id: str | None) -> DAG:
        if not path.is_file():
            raise ValueError(f"{path} is not a file")
        bag = DagBag(dag_folder=str(path), safe_mode=False)  # or files without certain words would be passed over
        for error in bag.import_errors.values():
            raise ValueError(f"{path} cannot be imported: {error.strip().splitlines()[-1]}")
        ids = sorted(bag.dags)
        if dag_id is None and len(ids) != 1:
            raise ValueError(f"{path} defines {len(ids)} DAGs ({', '.join(ids)}): give dag_id")
        if dag_id is not None and dag_id not in bag.dags:
            raise ValueError(f"{path} does not define the DAG {dag_id}, but: {', '.join(ids)}")
        return bag.dags[dag_id or ids[0]]

    def _store(self, dag: DAG) -> None:
        # Airflow runs only DAGs that its database has in their serialized form.
        manager: Any = DagBundlesManager
        manager().sync_bundles_to_db()
        bag = DagBag(dag_folder=str(self._folder))
        bag.dags[dag.dag_id] = dag
        sync_bag_to_db(bag, BUNDLE, None)


@contextmanager
def airflow_for_tests(template: Path, folder: Path) -> Iterator[AirflowForTests]:
    """Yield an Airflow with a database of its own; the one before is back afterwards.

    :param template: a folder for an empty database, which is made once and copied.
    :param folder: an empty one for this database and for the DAGs that Airflow looks for.
    """
    dags, database, empty = folder / "dags", folder / "airflow.db", template / "empty.db"
    dags.mkdir()
    changes = {"AIRFLOW__CORE__LOAD_EXAMPLES": "False", "AIRFLOW__CORE__DAGS_FOLDER": str(dags)}
    with patch.dict(os.environ, changes):
        if not empty.exists():
            with _database(empty), redirect_stdout(StringIO()):
                db.initdb()
        shutil.copy(empty, database)
        with _database(database):
            yield AirflowForTests(dags)


@contextmanager
def _database(path: Path) -> Iterator[None]:
    with patch.dict(os.environ, {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{path}"}):
        _connect()
        try:
            yield
        finally:
            settings.dispose_orm()
    _connect()


def _connect() -> None:
    # Airflow's own functions for it have no types.
    for step in ("dispose_orm", "configure_vars", "configure_orm"):
        getattr(settings, step)()


def _id_of(task_instance: Any) -> str:
    index = task_instance.map_index
    return str(task_instance.task_id) if index < 0 else f"{task_instance.task_id}[{index}]"
