"""The example DAGs, each run once by the real Airflow against the sandbox."""

from __future__ import annotations

from airflow_provider_socialscrm.sandbox.server import Sandbox


def succeed(airflow, dag_id: str, **environment: str) -> str:
    """Run a DAG, which has to succeed, and return what was logged."""
    done = airflow.run("dags", "test", dag_id, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "state=failed" not in done.stdout + done.stderr
    return done.stdout + done.stderr


def test_taskflow_imports_what_the_function_returns(airflow, socialscrm_sandbox: Sandbox, connection):
    succeed(airflow, "taskflow", **connection)

    (manifest,) = airflow.xcoms("taskflow", "import_stage")
    assert manifest["rows"]["total"] == 861
    assert {customer["fields"]["stage"] for customer in socialscrm_sandbox.customers()} == {"New Customer"}
    assert len(socialscrm_sandbox.customers()) == manifest["rows"]["accepted"] > 800
