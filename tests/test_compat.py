"""The provider on versions of Airflow that lack something."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from airflow_provider_socialscrm import _compat

WITHOUT_POLICIES = """
import sys
import airflow.sdk

sdk = type(airflow.sdk)("airflow.sdk")
NEW = {"RetryPolicy", "RetryAction", "RetryDecision"}

def lacking(name):
    if name in NEW:
        raise ImportError(f"cannot import name {name!r} from 'airflow.sdk'")
    return getattr(airflow_sdk, name)

airflow_sdk = airflow.sdk
sdk.__getattr__ = lacking
sdk.__path__ = airflow.sdk.__path__
sys.modules["airflow.sdk"] = sdk

from airflow_provider_socialscrm import _compat
from airflow_provider_socialscrm.operators import socialscrm
from tests.support.airflow import FakeTaskInstance

assert not _compat.has_retry_policies()
operator = socialscrm.SocialSCRMImportOperator(task_id="import_customers", data="/")
try:
    operator.execute({"ti": FakeTaskInstance()})
except _compat.AirflowFailException as failure:
    print(getattr(operator, "retry_policy", None), failure)
"""


@pytest.mark.thorough
def test_an_airflow_without_retry_policies_has_the_operator_and_fails_at_once_what_no_retry_fixes():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_POLICIES], capture_output=True, text=True, timeout=300, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("None / is a folder")


def test_no_test_takes_what_has_moved_from_its_newest_place():
    # On the oldest Airflow the whole file would be an error; tests/support/airflow.py has these for every version.
    moved = r"\b(?:AirflowFailException|AirflowSkipException|TaskDeferred|DagSerialization)\b"
    newest = re.compile(rf"^from airflow\.(?:sdk\.exceptions|serialization\.\w+) import .*{moved}", re.MULTILINE)
    tests = Path(__file__).parent
    found = [path.name for path in tests.rglob("*.py") if newest.search(path.read_text(encoding="utf-8"))]

    assert found == []


@pytest.mark.parametrize("name", _compat.MOVED)
def test_every_moved_name_is_found_in_this_airflow(name):
    assert getattr(_compat, name).__name__ == name


def test_a_name_that_airflow_has_nowhere_is_an_import_error_that_names_the_places(monkeypatch):
    monkeypatch.setitem(_compat.MOVED, "Gone", ("airflow.sdk", "not.there"))

    with pytest.raises(ImportError, match=r"Gone in none of airflow\.sdk, not\.there"):
        _ = _compat.Gone


def test_any_other_name_is_not_an_attribute():
    assert not hasattr(_compat, "Other")


def test_before_task_state_a_context_has_no_store():
    assert _compat.task_state_store({}) is None
    assert _compat.task_state_store({"task_state_store": None}) is None


class OneChannel:
    """Fails if two threads use it at once, as Airflow does under ``airflow dags test``."""

    def __init__(self) -> None:
        self._is_used = False
        self.values: dict[str, int] = {}

    def set(self, key: str, value: int) -> None:
        if self._is_used:
            raise ImportError("cannot import name 'SUPERVISOR_COMMS'")
        self._is_used = True
        time.sleep(0.001)
        self.values[key] = value
        self._is_used = False


def test_threads_use_the_store_of_a_tasks_state_one_at_a_time():
    channel = OneChannel()
    # Each has a store of its own, as the checkpoint and the progress have.
    stores = [_compat.task_state_store({"task_state_store": channel}) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: stores[n % 4].set(str(n), n), range(80)))
    assert channel.values == {str(n): n for n in range(80)}
