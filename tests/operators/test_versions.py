"""The provider on versions of Airflow that lack something."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from airflow_provider_socialscrm.operators import versions

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

from airflow_provider_socialscrm.operators import socialscrm, versions

assert versions.SocialSCRMRetryPolicy is None
operator = socialscrm.SocialSCRMImportOperator(task_id="import_customers", data="not/there.csv")
try:
    operator.execute({"ti": None})
except socialscrm.AirflowFailException as failure:
    print(getattr(operator, "retry_policy", None), failure)
"""


def test_an_airflow_without_retry_policies_has_the_operator_and_fails_at_once_what_no_retry_mends():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_POLICIES], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("None not/there.csv is not there")


@pytest.mark.parametrize(("policy", "lines"), [(None, 1), (object, 0)])
def test_one_line_says_what_this_airflow_lacks_and_what_serves_instead(monkeypatch, caplog, policy, lines):
    monkeypatch.setattr(versions, "SocialSCRMRetryPolicy", policy)

    with caplog.at_level(logging.INFO, versions.__name__):
        versions.log_what_is_missing()

    assert [record.message.split(":")[0] for record in caplog.records] == [
        "Airflow before 3.3 has no retry policies and no task state"
    ] * lines
