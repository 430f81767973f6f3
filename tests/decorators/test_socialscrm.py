"""A function and the import of what it returns, as one task."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd
import pytest
from airflow.sdk import DAG, task

from airflow_provider_socialscrm.decorators.socialscrm import SocialSCRMDecoratedOperator
from airflow_provider_socialscrm.operators.socialscrm import AirflowFailException
from airflow_provider_socialscrm.sandbox.server import Sandbox


@pytest.fixture
def crm(connected_crm: Sandbox) -> Sandbox:
    return connected_crm


def customers(count: int = 3) -> pd.DataFrame:
    return pd.DataFrame({"whatsApp": [f"86997755{n:05}" for n in range(count)], "friendName": "Xanthippe"})


def decorated(function: Any, *args: Any, arguments: dict[str, Any] | None = None, **kwargs: Any) -> Any:
    """Return the operator that a function becomes in a DAG."""
    with DAG("decorated", schedule=None):
        return task.socialscrm_import(**{"task_id": "import_customers"} | (arguments or {}))(function)(
            *args, **kwargs
        ).operator


def rendered(operator: Any, **context: Any) -> Any:
    copy = operator.prepare_for_execution()
    copy.render_template_fields({"task": copy, **context})
    return copy


def test_the_decorator_is_found_by_its_name_and_takes_the_operators_arguments():
    operator = decorated(lambda: None, arguments={"task_id": "a_b", "max_rejected": 3, "dry_run": True, "retries": 2})

    assert isinstance(operator, SocialSCRMDecoratedOperator)
    assert (operator.task_id, operator.max_rejected, operator.retries) == ("a_b", 3, 2)


@pytest.mark.needs_airflow("3.3")
def test_the_decorator_brings_the_operators_retry_policy():
    from airflow_provider_socialscrm.retry_policies import SocialSCRMRetryPolicy

    assert isinstance(decorated(lambda: None).retry_policy, SocialSCRMRetryPolicy)


def test_what_the_function_returns_is_imported(crm: Sandbox):
    manifest = decorated(customers, 4).execute({})

    assert manifest["rows"]["accepted"] == len(crm.customers()) == 4


def test_a_path_that_the_function_returns_is_not_rendered(crm: Sandbox, tmp_path):
    path = tmp_path / "{{ ds }}.csv"
    customers().to_csv(path, index=False)
    operator = decorated(lambda: str(path))

    operator.execute({"ds": "2026-01-01"})

    assert operator.data == str(path)
    assert len(crm.customers()) == 3


def test_a_function_is_given_what_it_asks_for_of_the_context(crm: Sandbox):
    def read(count: int, *, ds: str | None = None) -> Any:
        assert ds == "2026-01-01"
        return customers(count)

    assert decorated(read, 2).execute({"ds": "2026-01-01"})["rows"]["accepted"] == 2


def test_tables_among_the_arguments_are_wrapped_once_rendered_and_passed_to_the_function(crm: Sandbox):
    def read(table: Any, day: str, records: Any, count: int) -> Any:
        assert (day, count) == ("2026-01-01", 7)
        return [*table.to_dict("records"), *records]

    operator = decorated(read, customers(), "{{ ds }}", records=[{"whatsApp": "8699775599999"}], count=7)
    copy = rendered(operator, ds="2026-01-01")

    assert str(copy.op_args) == "[<DataFrame of 3 rows x 2 columns, not shown>, '2026-01-01']"
    assert str(copy.op_kwargs) == "{'records': <list of 1 item, not shown>, 'count': 7}"
    assert operator.op_args[1] == "{{ ds }}"
    assert copy.execute({})["rows"]["accepted"] == 4


def test_templates_inside_of_an_argument_are_rendered(crm: Sandbox):
    def read(wanted: dict[str, str]) -> Any:
        assert wanted == {"day": "2026-01-01"}
        return customers()

    rendered(decorated(read, {"day": "{{ ds }}"}), ds="2026-01-01").execute({})

    assert len(crm.customers()) == 3


def test_neither_the_table_nor_its_rows_show_in_the_log(crm: Sandbox, caplog):
    caplog.set_level(logging.DEBUG)

    operator = decorated(customers)
    operator.execute({})

    assert [secret for secret in ("Xanthippe", "86997755") if secret in caplog.text + repr(operator.data)] == []


@pytest.mark.parametrize("returned", [None, 7, {"whatsApp": []}])
def test_a_function_that_returns_no_table_fails_the_task_before_any_call(crm: Sandbox, returned):
    with pytest.raises(AirflowFailException, match="which is not a table"):
        decorated(lambda: returned).execute({})

    assert crm.calls() == []


def test_what_the_function_raises_is_the_tasks_failure(crm: Sandbox):
    with pytest.raises(ZeroDivisionError):
        decorated(lambda: 1 / 0).execute({})


def test_a_decorated_function_can_be_mapped():
    with DAG("mapped", schedule=None) as dag:
        task.socialscrm_import(customers).partial().expand(count=[1, 2])

    (mapped,) = dag.tasks
    assert mapped.operator_class is SocialSCRMDecoratedOperator
