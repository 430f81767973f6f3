"""A function and the import of what it returns, as one task."""

from __future__ import annotations

import asyncio
import functools
import logging
from typing import Any

import pandas as pd
import pytest
from airflow.sdk import DAG, task

from airflow_provider_socialscrm._compat import AirflowFailException, AirflowSkipException
from airflow_provider_socialscrm.decorators.socialscrm import SocialSCRMDecoratedOperator
from airflow_provider_socialscrm.operators.socialscrm import Ledger
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.airflow import FakeTaskInstance


@pytest.fixture
def crm(connected_crm: Sandbox) -> Sandbox:
    return connected_crm


def customers(count: int = 3) -> pd.DataFrame:
    return pd.DataFrame({"whatsApp": [f"86197755{n:05}" for n in range(count)], "friendName": "Xanthippe"})


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
    manifest = decorated(customers, 4).execute({"ti": FakeTaskInstance()})

    assert manifest["rows"]["accepted"] == len(crm.customers()) == 4


def test_a_function_annotated_to_return_a_mapping_pushes_one_manifest_unless_told_otherwise():
    def table() -> dict[str, str]:
        return {}

    assert decorated(table).multiple_outputs is False
    assert decorated(table, arguments={"multiple_outputs": True}).multiple_outputs is True


def test_a_path_that_the_function_returns_is_not_rendered(crm: Sandbox, tmp_path):
    path = tmp_path / "{{ ds }}.csv"
    customers().to_csv(path, index=False)
    operator = decorated(lambda: str(path))

    operator.execute({"ti": FakeTaskInstance(), "ds": "2026-01-01"})

    assert operator.data == str(path)
    assert len(crm.customers()) == 3


def test_a_function_is_given_what_it_asks_for_of_the_context(crm: Sandbox):
    def read(count: int, *, ds: str | None = None) -> Any:
        assert ds == "2026-01-01"
        return customers(count)

    assert decorated(read, 2).execute({"ti": FakeTaskInstance(), "ds": "2026-01-01"})["rows"]["accepted"] == 2


def test_tables_among_the_arguments_are_wrapped_once_rendered_and_passed_to_the_function(crm: Sandbox):
    def read(table: Any, day: str, records: Any, count: int) -> Any:
        assert (day, count) == ("2026-01-01", 7)
        return [*table.to_dict("records"), *records]

    operator = decorated(read, customers(), "{{ ds }}", records=[{"whatsApp": "8619775599999"}], count=7)
    copy = rendered(operator, ds="2026-01-01")

    assert str(copy.op_args) == "[<DataFrame of 3 rows x 2 columns, not shown>, '2026-01-01']"
    assert str(copy.op_kwargs) == "{'records': <list of 1 item, not shown>, 'count': 7}"
    assert operator.op_args[1] == "{{ ds }}"
    assert copy.execute({"ti": FakeTaskInstance()})["rows"]["accepted"] == 4


def test_templates_inside_of_an_argument_are_rendered(crm: Sandbox):
    def read(wanted: dict[str, str]) -> Any:
        assert wanted == {"day": "2026-01-01"}
        return customers()

    rendered(decorated(read, {"day": "{{ ds }}"}), ds="2026-01-01").execute({"ti": FakeTaskInstance()})

    assert len(crm.customers()) == 3


def test_neither_the_table_nor_its_rows_show_in_the_log(crm: Sandbox, caplog):
    caplog.set_level(logging.DEBUG)

    operator = decorated(customers)
    operator.execute({"ti": FakeTaskInstance()})

    assert [secret for secret in ("Xanthippe", "86197755") if secret in caplog.text + repr(operator.data)] == []


@pytest.mark.parametrize("returned", [None, 7, {"whatsApp": []}])
def test_a_function_that_returns_no_table_fails_the_task_before_any_call(crm: Sandbox, returned):
    with pytest.raises(AirflowFailException, match="which is not a table"):
        decorated(lambda: returned).execute({"ti": FakeTaskInstance()})

    assert crm.calls() == []


def test_what_the_function_raises_is_the_tasks_failure(crm: Sandbox):
    with pytest.raises(ZeroDivisionError):
        decorated(lambda: 1 / 0).execute({"ti": FakeTaskInstance()})


def test_a_decorated_function_can_be_mapped():
    with DAG("mapped", schedule=None) as dag:
        task.socialscrm_import(customers).partial().expand(count=[1, 2])

    (mapped,) = dag.tasks
    assert mapped.operator_class is SocialSCRMDecoratedOperator


async def asynchronous():
    await asyncio.sleep(0)
    return customers(2)


async def asynchronous_tables():
    loop = asyncio.get_running_loop()
    yield customers(2)
    await asyncio.sleep(0)
    assert asyncio.get_running_loop() is loop
    yield customers(4).iloc[2:]


def tables():
    yield customers(2)
    yield customers(3).iloc[2:].assign(stage="New Customer")


def rows():
    yield from customers(3).to_dict("records")


@pytest.mark.parametrize(
    ("function", "count"),
    [
        (asynchronous, 2),
        (asynchronous_tables, 4),
        (tables, 3),
        (rows, 3),
        (functools.partial(asynchronous), 2),
        (lambda: [customers(2), customers(3).iloc[2:]], 3),
    ],
)
def test_a_function_may_be_asynchronous_and_may_return_or_yield_several_tables(crm: Sandbox, caplog, function, count):
    caplog.set_level(logging.DEBUG)
    if isinstance(function, functools.partial):
        function.__name__, function.__annotations__ = "read", {}
    operator = decorated(function)

    assert operator.execute({"ti": FakeTaskInstance()})["rows"]["accepted"] == len(crm.customers()) == count
    assert [secret for secret in ("Xanthippe", "86197755") if secret in caplog.text + repr(operator.data)] == []


@pytest.mark.parametrize("function", [asynchronous, asynchronous_tables])
def test_what_an_asynchronous_function_raises_is_the_tasks_failure(crm: Sandbox, function, monkeypatch):
    monkeypatch.setitem(globals(), "customers", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        decorated(function).execute({"ti": FakeTaskInstance()})
    assert crm.calls() == []


def test_paths_that_a_function_yields_are_shown(crm: Sandbox, tmp_path):
    for number in (1, 2):
        customers(number).to_csv(tmp_path / f"{number}.csv", index=False)
    operator = decorated(lambda: (path for path in (tmp_path / "1.csv", str(tmp_path / "2.csv"))))

    assert operator.execute({"ti": FakeTaskInstance()})["rows"]["total"] == 3
    assert operator.data == [str(tmp_path / "1.csv"), str(tmp_path / "2.csv")]


def test_a_function_that_returns_nothing_is_named(crm: Sandbox):
    def read():
        return None

    with pytest.raises(AirflowFailException) as caught:
        decorated(read).execute({"ti": FakeTaskInstance()})
    assert str(caught.value) == (
        "data is None, which is not a table: the function read returned nothing. Let it return a table or a path, or "
        "set on_empty='skip' if it may return nothing."
    )
    with pytest.raises(AirflowSkipException):
        decorated(read, arguments={"on_empty": "skip"}).execute({"ti": FakeTaskInstance()})


def test_a_function_that_yields_nothing_among_tables_is_named_or_may_leave_it_out(crm: Sandbox, caplog):
    def read():
        yield customers(1)
        yield None
        yield customers(3).iloc[1:]

    with pytest.raises(AirflowFailException) as caught:
        decorated(read).execute({"ti": FakeTaskInstance()})
    assert str(caught.value) == (
        "Item 1 of data, counted from 0, has no value: give only tables, or only paths, or set on_empty='skip' to "
        "leave it out."
    )
    assert crm.calls() == []

    manifest = decorated(read, arguments={"on_empty": "skip"}).execute({"ti": FakeTaskInstance()})
    assert manifest["rows"]["accepted"] == 3
    assert "Item 1 of data, counted from 0, has no value and is left out" in caplog.text


@pytest.mark.parametrize("yielded", [[], [None, None], [[], []]])
def test_a_function_that_yields_no_row_is_skipped_unless_min_rows_is_set(crm: Sandbox, tmp_path, yielded):
    def read():
        yield from yielded

    with pytest.raises(AirflowSkipException):
        decorated(read, arguments={"on_empty": "skip"}).execute({"ti": FakeTaskInstance()})
    with pytest.raises(AirflowFailException, match="min_rows is 1"):
        decorated(read, arguments={"on_empty": "skip", "ledger": Ledger(tmp_path / "ledger", min_rows=1)}).execute(
            {"ti": FakeTaskInstance()}
        )


@pytest.mark.parametrize("kind", [list, tuple])
def test_lists_of_rows_that_a_function_returns_are_imported_and_hidden(crm: Sandbox, caplog, kind):
    caplog.set_level(logging.DEBUG)
    rows = customers(3).to_dict("records")
    operator = decorated(lambda: [kind(rows[:1]), kind(rows[1:])])

    assert operator.execute({"ti": FakeTaskInstance()})["rows"]["accepted"] == 3
    assert [secret for secret in ("Xanthippe", "86197755") if secret in caplog.text + repr(operator.data)] == []
