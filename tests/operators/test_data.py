"""Every form of ``data`` that users pass is imported, or rejected in a sentence without a customer."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from io import StringIO
from itertools import count as count_from
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Connection, ObjectStoragePath, task
from airflow.sdk.exceptions import ErrorType
from airflow.sdk.execution_time import comms, task_runner
from airflow.sdk.execution_time.lazy_sequence import LazyXComSequence
from upath import UPath

from airflow_provider_socialscrm._compat import AirflowFailException, AirflowSkipException
from airflow_provider_socialscrm.importer.errors import InputError, MissingFileError
from airflow_provider_socialscrm.importer.reasons import IMPORT_COLUMN
from airflow_provider_socialscrm.importer.results.checkpoint_files import FileCheckpointStore
from airflow_provider_socialscrm.operators.owners import SocialSCRMClearOwnersOperator
from airflow_provider_socialscrm.operators.screening import SocialSCRMScreenOperator
from airflow_provider_socialscrm.operators.sends import SocialSCRMSendOperator
from airflow_provider_socialscrm.operators.socialscrm import Ledger, SocialSCRMImportOperator
from airflow_provider_socialscrm.runtime.task_identity import identity_of
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.airflow import FakeTaskInstance, FakeTaskStateStore, serialized


@pytest.fixture
def crm(connected_crm: Sandbox) -> Sandbox:
    return connected_crm


def customers(*numbers: int) -> pd.DataFrame:
    return pd.DataFrame({"whatsApp": [f"86197755{n:05}" for n in numbers], "friendName": "Xanthippe"})


class Outputs(LazyXComSequence):
    """The outputs of a mapped task, loaded one by one, without Airflow's server."""

    def __init__(self, *items: Any) -> None:
        super().__init__(xcom_arg=None, ti=None)
        self.items, self.loaded = items, []

    def __len__(self):
        raise AssertionError("counts by a call to Airflow")

    def __getitem__(self, place):
        self.loaded.append(place)
        return self.items[place]


def rendered(data: Any, ti: FakeTaskInstance | None = None, **arguments: Any) -> SocialSCRMImportOperator:
    """Return an operator whose data is the output of a task, as Airflow renders it."""
    with DAG("dag", schedule=None) as dag:

        @task
        def extract():
            return None

        operator = SocialSCRMImportOperator(task_id="import_customers", data=extract(), **arguments)
    copy = operator.prepare_for_execution()
    ti = ti or FakeTaskInstance(xcom_pull=lambda **_: data, get_relevant_upstream_map_indexes=lambda **_: None)
    copy.render_template_fields({"ti": ti, "task": copy, "ds": "2026-01-01"}, dag.get_template_env())
    return copy


def run(data: Any, **arguments: Any) -> Any:
    return rendered(data, **arguments).execute({"ti": FakeTaskInstance()})


PATHS = {
    "text": str,
    "pathlib": Path,
    "ObjectStoragePath": lambda path: ObjectStoragePath(f"file://{path}"),
    "ObjectStoragePath with options": lambda path: ObjectStoragePath(f"file://{path}", auto_mkdir=True),
    "UPath": UPath,
    "UPath with options": lambda path: UPath(f"file://{path}", auto_mkdir=True),
}


@pytest.mark.parametrize("make", PATHS.values(), ids=PATHS)
def test_a_path_in_any_form_is_imported_and_shown_as_its_path(crm: Sandbox, tmp_path, make):
    customers(1, 2).to_csv(tmp_path / "a.csv", index=False)
    given = make(tmp_path / "a.csv")

    returned = rendered(given)
    assert str(returned.data) == str(given)
    assert returned.execute({"ti": FakeTaskInstance()})["rows"]["accepted"] == 2

    written = SocialSCRMImportOperator(
        task_id="import_customers",
        data=make(tmp_path / "{{ 'a' }}.csv"),
        rejects_path=make(tmp_path / "{{ ds }}.csv"),
        checkpoint_path=make(tmp_path / "{{ ds }}.json"),
        max_rejected=1,
    ).prepare_for_execution()
    written.render_template_fields({"ti": FakeTaskInstance(), "task": written, "ds": "2026-01-01"})
    assert str(written.data) == str(given)
    assert str(written.rejects_path) == str(make(tmp_path / "2026-01-01.csv"))
    manifest = written.execute({"ti": FakeTaskInstance()})
    assert manifest["rejects_path"] == str(written.rejects_path)
    assert (tmp_path / "2026-01-01.json").exists()


@pytest.mark.parametrize("name", ["{{ ds }}.csv", "*.csv"])
@pytest.mark.parametrize("mapped", [False, True], ids=["plain", "mapped"])
def test_a_path_object_opens_a_file_system_that_airflow_has_no_provider_of(crm: Sandbox, tmp_path, name, mapped):
    root = UPath(f"memory:/{tmp_path}")  # no other test's
    (root / "2026.csv").write_text(customers(1, 2).to_csv(index=False))
    written = {"rejects_path": root / "rejects" / "{{ ds }}.csv", "checkpoint_path": root / "{{ ds }}.json"}
    with DAG("dag", schedule=None) as dag:
        if mapped:
            operator = SocialSCRMImportOperator.partial(task_id="a", **written).expand(data=[root / name])
        else:
            operator = SocialSCRMImportOperator(task_id="a", data=[root / name], ledger=root / "ledger", **written)
    assert json.loads(serialized(dag)) == json.loads(serialized(dag))
    assert str(root / name) in serialized(dag)
    assert " at 0x" not in serialized(dag)
    ti = FakeTaskInstance(get_ti_count=lambda *_, **__: 1, map_index=0 if mapped else -1)
    context: dict[str, Any] = {"ti": ti, "dag": dag, "task": operator, "run_id": "run", "ds": "2026"}
    context |= {"params": {}, "dag_run": SimpleNamespace(conf=None), "outlet_events": {}}
    if not mapped:
        operator = context["task"] = operator.prepare_for_execution()
    operator.render_template_fields(context, dag.get_template_env())
    operator = context["task"]

    index = "-0" if mapped else ""
    assert str(operator.data) in {
        str(root / name).replace("{{ ds }}", "2026"),
        f"[{root / name}]",
        f"[{root}/2026.csv]",
    }
    manifest = operator.execute(context)
    assert manifest["rows"]["accepted"] == 2
    assert manifest["rejects_path"] == f"{root}/rejects/2026{index}.csv"
    assert UPath(manifest["rejects_path"]).exists()
    assert (root / f"2026{index}.json").exists()
    assert (root / "ledger" / "ledger.json").exists() is not mapped
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("make_other", PATHS.values(), ids=PATHS)
def test_no_form_of_a_path_lets_the_data_be_overwritten(crm: Sandbox, tmp_path, make, make_other):
    customers(1).to_csv(path := tmp_path / "a.csv", index=False)
    before = path.read_bytes()

    for argument in ("rejects_path", "checkpoint_path"):
        operator = SocialSCRMImportOperator(
            task_id="import_customers", data=[make(path)], **{argument: make_other(path)}
        )
        with pytest.raises(AirflowFailException, match=f"data and {argument} are one file"):
            operator.execute({"ti": FakeTaskInstance()})

    assert path.read_bytes() == before
    assert crm.calls() == []


@pytest.mark.parametrize("argument", ["rejects_path", "checkpoint_path"])
def test_bytes_are_not_a_path(crm: Sandbox, argument):
    with pytest.raises(InputError, match=f"Task import_customers: {argument} is a bytes, not a path"):
        SocialSCRMImportOperator(task_id="import_customers", data="a.csv", **{argument: b"/x/a.csv"})
    operator = SocialSCRMImportOperator(task_id="import_customers", data="a.csv")
    setattr(operator, argument, b"/x/a.csv")
    with pytest.raises(AirflowFailException, match=f"{argument} is a bytes, not a path"):
        operator.execute({"ti": FakeTaskInstance()})


def frames():
    return [customers(1, 2), pa.table(customers(3)), customers(4)]


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (frames(), "<list of 3 items, not shown>"),
        (frames()[::2], "<list of 2 DataFrames, not shown>"),
        (Outputs(*frames()), "<Outputs, not shown>"),
        (Outputs(*(each.to_pylist() for each in map(pa.table, frames()))), "<Outputs, not shown>"),
        (Outputs(*pa.table(customers(1, 2, 3, 4)).to_pylist()), "<Outputs, not shown>"),
        ((each for each in frames()), "<generator of unknown size, not shown>"),
        ([each.to_pylist() for each in map(pa.table, frames())], "<list of 3 lists, not shown>"),
        ([tuple(each.to_pylist()) for each in map(pa.table, frames())], "<list of 3 tuples, not shown>"),
        (
            [MappingProxyType(row) for row in pa.table(customers(1, 2)).to_pylist()],
            "<list of 2 items, not shown>",
        ),
    ],
    ids=[
        "list",
        "list of one kind",
        "mapped",
        "mapped, lists of rows",
        "mapped, rows",
        "generator",
        "lists of rows",
        "tuples of rows",
        "mappings",
    ],
)
def test_several_tables_are_one_input_of_which_only_the_shape_shows(crm: Sandbox, caplog, data, shown):
    caplog.set_level(logging.DEBUG)
    operator = rendered(data)
    assert str(operator.data) == shown

    manifest = operator.execute({"ti": FakeTaskInstance()})

    assert manifest["rows"]["total"] == manifest["rows"]["accepted"] == len(crm.customers())
    assert [secret for secret in ("Xanthippe", "86197755") if secret in caplog.text + str(operator.data)] == []


def test_each_output_of_a_mapped_task_is_loaded_once(crm: Sandbox):
    outputs = Outputs(*frames())
    run(outputs)
    assert outputs.loaded == [0, 1, 2, 3]


@pytest.mark.parametrize("kind", [list, tuple, lambda paths: Outputs(*paths), iter])
@pytest.mark.parametrize("make", PATHS.values(), ids=PATHS)
def test_a_list_of_paths_is_one_input_and_each_path_shows(crm: Sandbox, tmp_path, make, kind):
    for number in (1, 2, 3):
        customers(number).to_csv(tmp_path / f"{number}.csv", index=False)
    operator = rendered(kind([make(tmp_path / "3.csv"), make(tmp_path / "[12].csv")]))

    manifest = operator.execute({"ti": FakeTaskInstance()})

    assert manifest["rows"]["accepted"] == 3
    assert [str(each) for each in operator.data] == [str(make(tmp_path / "3.csv")), str(make(tmp_path / "[12].csv"))]


def test_the_templates_in_a_list_of_paths_are_rendered():
    operator = SocialSCRMImportOperator(task_id="import_customers", data=["/x/{{ ds }}.csv", Path("/y/{{ ds }}.csv")])
    copy = operator.prepare_for_execution()
    copy.render_template_fields({"ti": FakeTaskInstance(), "task": copy, "ds": "2026-01-01"})
    assert copy.data == ["/x/2026-01-01.csv", "/y/2026-01-01.csv"]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (["a.csv", "Xanthippe"], "Item 1 of the list in data is text of 9 characters, not a path"),
        (["a.csv", b"Xanthippe"], "Item 1 of the list in data is bytes of 9 bytes, not a path"),
        ([Path("a.csv"), customers(1)], "The list in data mixes paths and a DataFrame"),
        ([customers(1), "a.csv"], "The list in data mixes paths and a DataFrame"),
        (
            ["a.csv", None],
            "Item 1 of data, counted from 0, has no value: look at the log of the task 'extract', or set on_empty=",
        ),
        ([None, "a.csv", customers(1)], "Item 0 of data, counted from 0, has no value"),
        ([["a.csv"], customers(1)], "The list in data mixes paths and a DataFrame"),
        ([[Path("a.csv")], [{"whatsApp": "1"}]], "The list in data mixes paths and a list"),
        (["a.csv", [{"whatsApp": "1"}]], "The list in data mixes paths and a list"),
        (["a.csv", ["b.csv", "Xanthippe"]], "The list in data mixes paths and a list"),
        (Outputs("a.csv", customers(1)), "The list in data mixes paths and a DataFrame"),
        (b"Xanthippe", "data is bytes of 9 bytes, not a path: pass the table itself with `task.output`"),
        ([[{"whatsApp": "1"}], [{"whatsApp": "2"}, "Xanthippe"]], "Row 1 of item 1 of data is a str"),
        (lambda: [{"whatsApp": "1"}, customers(1)], "Put the rows beside a table in a list of their own"),
        ([["Xanthippe"], ["Xanthippe"]], "Name the columns with pandas.DataFrame(data, columns="),
        (lambda: iter([customers(1), None, customers(2)]), "Item 1 of data, counted from 0, has no value"),
        (lambda: iter([None, customers(1)]), "Item 0 of data, counted from 0, has no value"),
        ({"friendName": ["Xanthippe"]}, "Columns become a table with pandas.DataFrame(data)"),
        (lambda: StringIO("whatsApp\nXanthippe\n"), "Give the path of the open file."),
        (lambda: iter([("8613900000001", "Xanthippe")]), "Name the columns with pandas.DataFrame(data, columns="),
    ],
)
def test_anything_else_is_rejected_without_its_values(crm: Sandbox, caplog, data, sentence):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(AirflowFailException) as caught:
        run(data() if callable(data) else data)
    assert sentence in str(caught.value)
    assert "Xanthippe" not in str(caught.value) + caplog.text
    assert crm.calls() == []


def test_an_upstream_task_that_returned_nothing_is_named(crm: Sandbox):
    with pytest.raises(AirflowFailException) as caught:
        run(None)
    assert str(caught.value) == (
        "data is None: the task 'extract' returned nothing or was skipped. Look at its log, or set on_empty='skip' if "
        "it may return nothing."
    )


@pytest.mark.parametrize("text", ["None", "", " \n"])
def test_a_template_that_finds_nothing_is_nothing(crm: Sandbox, text):
    with DAG("dag", schedule=None):

        @task
        def extract():
            return None

        operator = SocialSCRMImportOperator(task_id="import_customers", data="{{ ti.xcom_pull('extract') }}")
        extract() >> operator
    copy = operator.prepare_for_execution()
    copy.render_template_fields({"ti": FakeTaskInstance(xcom_pull=lambda _: text), "task": copy})

    with pytest.raises(AirflowFailException, match="the task 'extract' returned nothing or was skipped"):
        copy.execute({"ti": FakeTaskInstance()})


def test_without_an_upstream_task_none_says_what_to_give(crm: Sandbox):
    with pytest.raises(AirflowFailException, match=r"data is None: give a table or a path\."):
        SocialSCRMImportOperator(task_id="import_customers", data=None).execute({"ti": FakeTaskInstance()})


class Comms:
    """Replaces Airflow's channel to its server, for the outputs of mapped tasks."""

    def __init__(self, outputs: dict[str, list[Any]]) -> None:
        self._outputs = outputs

    def send(self, asked: Any) -> Any:
        if isinstance(asked, comms.GetConnection):  # of Airflow 3.1; later versions look into the environment first
            made = Connection.from_json(os.environ[f"AIRFLOW_CONN_{asked.conn_id.upper()}"], asked.conn_id)
            names = ("conn_id", "conn_type", "host", "login", "password", "schema", "port", "extra")
            return comms.ConnectionResult(**{name: getattr(made, name) for name in names})
        outputs = self._outputs.get(asked.task_id, [])
        if isinstance(asked, comms.GetXComCount):
            return comms.XComCountResponse(len=len(outputs))
        if asked.offset >= len(outputs):
            return comms.ErrorResponse(error=ErrorType.XCOM_NOT_FOUND)
        return comms.XComSequenceIndexResult(root=outputs[asked.offset])


def imports_of(
    make: Any, returned: dict[str, Any], maps: dict[str, int] | None = None, removed: int = 0, **arguments: Any
) -> Iterator[Any]:
    """Yield the manifest of each try of an import of other tasks' output, as Airflow renders it.

    :param make: returns ``data``, given the tasks ``a`` and ``b`` and the mapped tasks ``m`` and ``n``.
    :param returned: what tasks returned; a list of what is there for a mapped one.
    :param maps: how many tasks a mapped one has.
    :param removed: how many of each are left of a longer map.
    """
    with DAG("dag", schedule=None) as dag:

        @task
        def read(part=0):
            return part

        made = {name: read.override(task_id=name)() for name in "ab"}
        made |= {name: read.override(task_id=name).expand(part=[1, 2, 3]) for name in "mn"}
        operator = SocialSCRMImportOperator(task_id="import_customers", data=make(**made), **arguments)

    def count(dag_id, *, task_ids, run_ids, states=None):
        assert (dag_id, run_ids) == ("dag", ["run"])
        return removed if states == ["removed"] else (maps or {})[task_ids[0]] + removed

    for number in count_from(1):
        ti = FakeTaskInstance(
            xcom_pull=lambda task_ids, **_: returned.get(task_ids), get_ti_count=count, try_number=number
        )
        copy = operator.prepare_for_execution()
        context: dict[str, Any] = {"ti": ti, "task": copy, "dag": dag}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(task_runner, "SUPERVISOR_COMMS", Comms(returned), raising=False)
            copy.render_template_fields(context, dag.get_template_env())
            manifest = copy.execute(context)
        yield manifest


def import_of(make: Any, returned: dict[str, Any], maps: dict[str, int] | None = None, **arguments: Any) -> Any:
    """Return the manifest of the first try, as of :func:`imports_of`."""
    return next(imports_of(make, returned, maps, **arguments))


LITERAL = {
    "list": lambda a, b, **_: [a, b],
    "tuple": lambda a, b, **_: (a, b),
    "list beside rows": lambda a, b, **_: [a, b, [{"whatsApp": "8619775500009"}]],
}


@pytest.mark.parametrize("make", LITERAL.values(), ids=LITERAL)
@pytest.mark.parametrize("nothing", [None, "", "None"])
def test_the_task_of_a_list_that_gave_nothing_is_named_or_left_out(crm: Sandbox, caplog, make, nothing):
    returned = {"a": customers(1), "b": nothing}
    with pytest.raises(AirflowFailException) as caught:
        import_of(make, returned)
    assert str(caught.value) == (
        "Item 1 of data, counted from 0, has no value: the task 'b' returned nothing or was skipped. Look at its log, "
        "or set on_empty='skip' to leave it out."
    )
    assert crm.calls() == []

    manifest = import_of(make, returned, on_empty="skip")

    assert manifest["rows"]["accepted"] == manifest["rows"]["total"] == len(crm.customers())
    assert (
        "Item 1 of data, counted from 0, has no value and is left out: the task 'b' returned nothing or was skipped. "
        "Look at its log" in caplog.text
    )


def test_tasks_that_return_a_row_each_are_named_too(crm: Sandbox):
    returned = {"a": {"whatsApp": "8619775500001"}}
    with pytest.raises(
        AirflowFailException, match="Item 1 of data, counted from 0, has no value: the task 'b' returned nothing"
    ):
        import_of(lambda a, b, **_: [a, b], returned)
    assert import_of(lambda a, b, **_: [a, b], returned, on_empty="skip")["rows"]["accepted"] == 1


def test_paths_are_imported_without_the_task_that_gave_none(crm: Sandbox, tmp_path):
    customers(1).to_csv(tmp_path / "1.csv", index=False)
    returned = {"a": None, "b": str(tmp_path / "1.csv")}
    with pytest.raises(
        AirflowFailException, match="Item 0 of data, counted from 0, has no value: the task 'a' returned nothing"
    ):
        import_of(lambda a, b, **_: [a, b], returned)
    assert import_of(lambda a, b, **_: [a, b], returned, on_empty="skip")["rows"]["accepted"] == 1


def test_all_tasks_of_a_list_that_gave_nothing_are_named_or_skip_the_import(crm: Sandbox):
    both = LITERAL["list"]
    with pytest.raises(AirflowFailException) as caught:
        import_of(both, {})
    assert str(caught.value) == (
        "None of the 2 items of data has a value: the tasks 'a' and 'b' returned nothing or were skipped. Look at "
        "their logs, or set on_empty='skip' if they may return nothing."
    )
    with pytest.raises(AirflowSkipException):
        import_of(both, {}, on_empty="skip")
    with pytest.raises(AirflowFailException, match="The only item of data has no value: the task 'b' returned nothing"):
        import_of(lambda b, **_: [b], {})


def test_the_outputs_of_a_map_are_imported_and_those_that_are_missing_are_counted(crm: Sandbox, caplog):
    returned = {"m": [[{"whatsApp": "8619775500001"}], [{"whatsApp": "8619775500002"}]]}

    manifest = import_of(lambda m, **_: m, returned, {"m": 5}, removed=2)

    assert manifest["rows"]["accepted"] == 2
    assert "3 of 5 tasks of 'm' returned nothing or were skipped: data has the output of 2 tasks" in caplog.text

    caplog.clear()
    import_of(lambda m, **_: m, returned, {"m": 2}, removed=3)
    assert "returned nothing" not in caplog.text


def test_a_map_without_any_output_is_named_or_skips_the_import(crm: Sandbox):
    with pytest.raises(AirflowFailException) as caught:
        import_of(lambda m, **_: m, {}, {"m": 3})
    assert str(caught.value) == (
        "data has no table: 3 tasks of 'm' returned nothing or were skipped. Look at their logs, or set "
        "on_empty='skip' if there may be none."
    )
    with pytest.raises(AirflowSkipException):
        import_of(lambda m, **_: m, {}, {"m": 3}, on_empty="skip")
    with pytest.raises(AirflowFailException, match=r"1 task of 'm' returned nothing or was skipped\. Look at its log"):
        import_of(lambda m, **_: m, {}, {"m": 1})
    with pytest.raises(AirflowFailException, match="5 tasks of 'm' and 'n' returned nothing"):
        import_of(lambda m, n, **_: m.concat(n), {}, {"m": 3, "n": 2})


def test_a_map_without_any_output_is_like_a_task_without_one_in_a_list(crm: Sandbox, caplog):
    returned = {"a": customers(1), "m": []}
    with pytest.raises(
        AirflowFailException, match="Item 1 of data, counted from 0, has no value: the task 'm' returned nothing"
    ):
        import_of(lambda a, m, **_: [a, m], returned, {"m": 3})
    assert import_of(lambda a, m, **_: [a, m], returned, {"m": 3}, on_empty="skip")["rows"]["accepted"] == 1
    assert "3 of 3 tasks of 'm' returned nothing or were skipped" in caplog.text

    returned = {"a": customers(1), "m": [[{"whatsApp": "8619775500002"}]]}
    assert import_of(lambda a, m, **_: [m, a], returned, {"m": 1})["rows"]["accepted"] == 2


def test_what_a_function_makes_of_an_output_of_a_map_may_be_nothing(crm: Sandbox, caplog):
    returned = {"m": [[{"whatsApp": "8619775500001"}], [], [{"whatsApp": "8619775500002"}]]}

    manifest = import_of(lambda m, **_: m.map(lambda rows: rows or None), returned, {"m": 3})

    assert manifest["rows"]["accepted"] == 2
    assert "Item 1 of data, counted from 0, has no value and is left out" in caplog.text
    with pytest.raises(AirflowFailException, match="None of the 3 items of data has a value: the task 'm' returned"):
        import_of(lambda m, **_: m.map(lambda _: None), returned, {"m": 3})
    with pytest.raises(AirflowSkipException):
        import_of(lambda m, **_: m.map(lambda _: None), returned, {"m": 3}, on_empty="skip")


def test_a_generator_without_any_value_is_no_input_and_some_may_be_left_out(crm: Sandbox, caplog):
    with pytest.raises(AirflowFailException, match="None of the 2 items of data has a value"):
        run(iter([None, None]))
    with pytest.raises(AirflowSkipException):
        run(iter([None, None]), on_empty="skip")
    assert run(iter([None, customers(1), None, customers(2)]), on_empty="skip")["rows"]["accepted"] == 2
    assert caplog.text.count("has no value and is left out: look at the log of the task 'extract'") == 2


OTHERS = {
    "clear owners": lambda **own: SocialSCRMClearOwnersOperator(task_id="task", admin="admin", **own),
    "send": lambda **own: SocialSCRMSendOperator(
        task_id="task", content="Hello", sender="8613900000000", confirm_recipients=2, ledger="/x/sends", **own
    ),
    "screen": lambda **own: SocialSCRMScreenOperator(
        task_id="task", kind="is_whatsapp", country="CN", path="/x/out.csv", max_numbers=500, **own
    ),
}


@pytest.mark.parametrize("make", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize(
    "other", [customers(1), "a.csv", [{"whatsApp": "1"}], None], ids=["table", "path", "rows", "none"]
)
def test_items_without_a_value_are_named_by_other_tasks_with_a_table_too(crm: Sandbox, make, other):
    first, all_items = "Item 0 of data, counted from 0, has no value", "None of the 2 items of data has a value"
    sentence = all_items if other is None else first
    with pytest.raises(AirflowFailException, match=sentence) as caught:
        make(data=[None, other]).execute({"ti": FakeTaskInstance()})
    may_skip = hasattr(make(data="a.csv"), "on_empty") and other is not None
    assert ("on_empty" in str(caught.value)) is may_skip
    assert crm.calls() == []


@pytest.mark.parametrize("kind", ["clear owners", "send"])
def test_other_tasks_leave_out_items_without_a_value_or_are_skipped(crm: Sandbox, caplog, kind):
    with pytest.raises(AirflowSkipException):
        OTHERS[kind](data=[None, None], on_empty="skip").execute({"ti": FakeTaskInstance()})
    with pytest.raises(AirflowFailException) as caught:  # as of the table that is left
        OTHERS[kind](data=[None, pd.DataFrame({"name": ["Xanthippe"]})], on_empty="skip").execute(
            {"ti": FakeTaskInstance()}
        )
    assert "column" in str(caught.value)
    assert "Item 0 of data, counted from 0, has no value and is left out" in caplog.text


@pytest.mark.parametrize("data", [[], [[]], [[], ()], pd.DataFrame()], ids=["list", "in a list", "two", "table"])
def test_an_empty_list_has_no_recipients(crm: Sandbox, tmp_path, data):
    def send(**own: Any) -> Any:
        made = SocialSCRMSendOperator(
            task_id="task", content="Hello", sender="8613900000000", confirm_recipients=2, data=data,
            ledger=tmp_path / "sends", **own,
        )  # fmt: skip
        return made.execute({"ti": FakeTaskInstance()})

    with pytest.raises(AirflowSkipException, match="has no rows, so there are no recipients"):
        send(on_empty="skip")
    with pytest.raises(AirflowFailException, match="has no rows, so there are no recipients"):
        send()


def test_many_items_without_a_value_are_counted(crm: Sandbox, caplog):
    run([*[None] * 8, customers(1)], on_empty="skip")
    assert "3 more items of data have no value and are left out" in caplog.text


EMPTY = {
    "None": lambda _: None,
    "no file": lambda folder: str(folder / "none.csv"),
    "no match": lambda folder: str(folder / "none*.csv"),
    "no bytes": lambda folder: str(folder / "zero.csv"),
    "matches without bytes": lambda folder: str(folder / "zero*.csv"),
    "no rows": lambda folder: str(folder / "header.csv"),
    "no table of a list": lambda _: [customers(), customers()],
    "no file of a list": lambda folder: [folder / "none.csv", folder / "none*.csv"],
    "no item": lambda _: [],
    "only None": lambda _: [None, None],
    "no rows of a list": lambda _: [[], []],
    "no output": lambda _: Outputs(),
    "no row": lambda _: customers(),
}
MISSING = ("no file", "no match", "no file of a list")
ACCEPTED = (
    "matches without bytes",
    "no rows",
    "no table of a list",
    "no item",
    "no output",
    "no row",
    "no rows of a list",
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "zero.csv").touch()
    (tmp_path / "header.csv").write_text("whatsApp\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("kind", EMPTY)
def test_an_input_without_rows_skips_the_task_if_asked(crm: Sandbox, folder, kind, caplog):
    ti = FakeTaskInstance()
    for dry_run in (False, True):
        operator = rendered(
            EMPTY[kind](folder), on_empty="skip", dry_run=dry_run, rejects_path=str(folder / "rejects.csv")
        )
        with pytest.raises(AirflowSkipException):
            operator.execute({"ti": ti})
    assert (crm.calls(), ti.pushed) == ([], [])
    assert "broke off" not in caplog.text
    assert not (folder / "rejects.csv").exists()


@pytest.mark.parametrize("kind", EMPTY)
def test_a_skipped_task_leaves_no_checkpoint(crm: Sandbox, folder, kind):
    state = FakeTaskStateStore()
    for arguments, context in (({"checkpoint_path": folder / "saved.json"}, {}), ({}, {"task_state_store": state})):
        operator = rendered(EMPTY[kind](folder), on_empty="skip", **arguments)
        with pytest.raises(AirflowSkipException):
            operator.execute({"ti": FakeTaskInstance()} | context)
    assert ([each.name for each in folder.glob("saved*")], state.values) == ([], {})


def test_a_skipped_task_forgets_a_try_that_ended_before_its_first_row(crm: Sandbox, folder):
    path = folder / "saved.json"
    FileCheckpointStore(path, identity_of({"ti": FakeTaskInstance()}).tries).begin()
    with pytest.raises(AirflowSkipException):
        rendered(customers(), on_empty="skip", checkpoint_path=path).execute({"ti": FakeTaskInstance(try_number=2)})
    assert not path.exists()


def test_a_skipped_task_keeps_that_the_checkpoint_of_an_earlier_try_is_lost(crm: Sandbox, folder):
    state = FakeTaskStateStore()
    with pytest.raises(AirflowSkipException):
        rendered(customers(), on_empty="skip").execute(
            {"ti": FakeTaskInstance(try_number=2), "task_state_store": state}
        )
    assert state.values["socialscrm_import"]["held"] == "no-checkpoint"


def test_a_skipped_task_keeps_the_checkpoint_of_a_try_that_sent_rows(crm: Sandbox, folder):
    arguments = {"on_empty": "skip", "checkpoint_path": str(folder / "saved.json")}
    rendered(customers(1), **arguments).execute({"ti": FakeTaskInstance()})
    before = (folder / "saved.json").read_bytes()

    with pytest.raises(AirflowSkipException):
        rendered(customers(), **arguments).execute({"ti": FakeTaskInstance(try_number=2)})

    assert (folder / "saved.json").read_bytes() == before


@pytest.mark.parametrize("kind", EMPTY)
def test_by_default_an_empty_table_is_accepted_and_a_missing_one_is_an_error(crm: Sandbox, folder, kind):
    operator = rendered(EMPTY[kind](folder))
    if kind in ACCEPTED:
        assert operator.execute({"ti": FakeTaskInstance()})["rows"]["total"] == 0
    else:
        with pytest.raises(MissingFileError if kind in MISSING else AirflowFailException):
            operator.execute({"ti": FakeTaskInstance()})


@pytest.mark.parametrize("kind", EMPTY)
@pytest.mark.parametrize("dry_run", [False, True])
def test_min_rows_fails_the_task_rather_than_have_it_skipped(crm: Sandbox, folder, kind, dry_run):
    ledger = Ledger(folder / "ledger", min_rows=2)
    operator = rendered(EMPTY[kind](folder), on_empty="skip", ledger=ledger, dry_run=dry_run)
    with pytest.raises(MissingFileError if kind in MISSING else AirflowFailException, match="min_rows is 2") as caught:
        operator.execute({"ti": FakeTaskInstance()})
    assert not isinstance(caught.value, AirflowSkipException)
    assert "or set on_empty" not in str(caught.value)
    assert crm.calls() == []


@pytest.mark.parametrize("kind", EMPTY)
def test_a_ledger_without_min_rows_lets_the_task_be_skipped(crm: Sandbox, folder, kind):
    for min_rows in (None, "None"):  # as a template writes it
        ledger = Ledger(folder / "ledger")
        object.__setattr__(ledger, "min_rows", min_rows)
        with pytest.raises(AirflowSkipException):
            run(EMPTY[kind](folder), on_empty="skip", ledger=ledger)


def test_an_empty_dead_letter_is_skipped_whatever_min_rows_is(crm: Sandbox, folder):
    empty = pd.DataFrame({"whatsApp": [], IMPORT_COLUMN: []})
    with pytest.raises(AirflowSkipException):
        run(empty, on_empty="skip", ledger=Ledger(folder / "ledger", min_rows=2))


def test_a_file_that_is_missing_among_others_does_not_skip_the_task(crm: Sandbox, folder):
    customers(1).to_csv(folder / "a.csv", index=False)
    with pytest.raises(MissingFileError, match=r"none\.csv does not exist"):
        run([folder / "a.csv", folder / "none.csv"], on_empty="skip")


def test_a_late_file_is_imported_by_the_retry(crm: Sandbox, folder):
    with pytest.raises(MissingFileError, match="does not exist"):
        run(str(folder / "late.csv"))
    assert crm.calls() == []

    customers(1).to_csv(folder / "late.csv", index=False)

    assert run(str(folder / "late.csv"))["rows"]["accepted"] == 1


def test_an_input_with_rows_is_not_skipped(crm: Sandbox):
    assert run(customers(1), on_empty="skip")["rows"]["accepted"] == 1


def test_on_empty_is_checked_when_the_dag_is_parsed():
    with pytest.raises(InputError, match="on_empty is 'fail', not succeed or skip"):
        SocialSCRMImportOperator(task_id="import_customers", data="a.csv", on_empty="fail")


@pytest.mark.parametrize("made", [lambda: task(lambda: None), lambda: lambda: None, lambda: customers])
def test_a_function_that_is_not_called_is_found_when_the_dag_is_parsed(made):
    sentence = r"Task import_customers: data is an? .*Call the function, and give what it returns\."
    with DAG("dag", schedule=None):
        function = made()
        with pytest.raises(InputError, match=sentence):
            SocialSCRMImportOperator(task_id="import_customers", data=function)
        with pytest.raises(InputError, match=sentence):
            SocialSCRMImportOperator.partial(task_id="import_customers", data=function)


def test_a_task_instead_of_its_output_is_found_when_the_dag_is_parsed():
    with DAG("dag", schedule=None):
        extract = EmptyOperator(task_id="extract")
        with pytest.raises(InputError, match=r"Give the task's output, as in task\.output\."):
            SocialSCRMImportOperator(task_id="import_customers", data=extract)


@pytest.mark.parametrize("count", [1, 2])
def test_chunks_of_a_file_that_pandas_reads_are_imported_and_the_file_is_closed(crm: Sandbox, tmp_path, count):
    customers(1, 2, 3).to_csv(tmp_path / "a.csv", index=False)
    reader = pd.read_csv(tmp_path / "a.csv", dtype=str, chunksize=count)
    operator = rendered(reader)
    assert str(operator.data) == "<TextFileReader of unknown size, not shown>"

    assert operator.execute({"ti": FakeTaskInstance()})["rows"]["accepted"] == 3
    assert reader.handles.handle.closed


def test_a_generator_is_closed_where_the_import_ends_before_its_end(crm: Sandbox):
    closed = []

    def tables():
        try:
            yield customers(1)
            yield 7
            yield customers(2)
        finally:
            closed.append(True)

    with pytest.raises(AirflowFailException, match="Item 1 of data is an int"):
        run(generator := tables())
    assert (closed, list(generator)) == ([True], [])


def test_an_iterator_that_an_earlier_try_has_read_is_no_empty_input(crm: Sandbox):
    operator = SocialSCRMImportOperator(task_id="import_customers", data=iter([customers(1)]), on_empty="skip")
    operator.execute({"ti": FakeTaskInstance()})

    with pytest.raises(AirflowFailException, match=r"data is an iterator, and an earlier try has read it: return it"):
        operator.execute({"ti": FakeTaskInstance(try_number=2)})
    assert len(crm.customers()) == 1


READ_ONCE = {
    "of a list": lambda rows, **_: [customers(2), rows],
    "deep in a list": lambda rows, **_: [[customers(2)], [[rows]]],
    "beside a task": lambda rows, a, **_: [a, rows],
    "beside a task that gave nothing": lambda rows, a, b, **_: [a, b, rows],
    "beside a map": lambda rows, m, **_: [m.map(lambda each: each or None), rows],
}


@pytest.mark.parametrize("make", READ_ONCE.values(), ids=READ_ONCE)
def test_an_iterator_in_a_list_is_noted_as_read_too(crm: Sandbox, make):
    rows = iter([{"whatsApp": "8619775500001"}])
    returned = {"a": customers(2), "m": [[{"whatsApp": "8619775500002"}], []]}
    tries = imports_of(lambda **tasks: make(rows, **tasks), returned, {"m": 2}, on_empty="skip")

    assert next(tries)["rows"]["accepted"] == 2
    with pytest.raises(AirflowFailException, match="data is an iterator, and an earlier try has read it"):
        next(tries)


NESTED = {
    "lists of tasks": (lambda a, b, **_: [[a], [a, b]], "Item 1 of item 1", ": the task 'b' returned nothing"),
    "an iterator": (lambda a, **_: [a, iter([customers(2), None])], "Item 1 of item 1", ": look at the log of the"),
    "rows of an iterator": (
        lambda a, **_: [iter([[{"whatsApp": "8619775500002"}], ""]), a], "Item 1 of item 0", ": look at the log of the"
    ),
    "rows": (lambda a, **_: [[{"whatsApp": "8619775500002"}, None], a], "Item 1 of item 0", ": look at the log of the"),
    "rows after none": (lambda a, **_: [a, [None, {"whatsApp": "8619775500002"}]], "Item 0 of item 1", ": look at the"),
    "rows of tuples": (lambda a, **_: (a, ({"whatsApp": "8619775500002"}, "")), "Item 1 of item 1", ": look at the"),
    "a list of an iterator": (lambda **_: iter([customers(2), [customers(1), None]]), "Item 1 of item 1", ""),
}  # fmt: skip


@pytest.mark.parametrize(("make", "place", "why"), NESTED.values(), ids=NESTED)
def test_a_value_that_is_missing_deep_in_a_list_is_named_or_left_out(crm: Sandbox, caplog, make, place, why):
    returned = {"a": customers(1)}
    with pytest.raises(AirflowFailException) as caught:
        import_of(make, returned)
    assert f"{place} of data, counted from 0, has no value{why}" in str(caught.value)
    assert crm.calls() == []

    manifest = import_of(make, returned, on_empty="skip")

    assert manifest["rows"]["accepted"] == len(crm.customers()) > 0
    assert f"{place} of data, counted from 0, has no value and is left out{why}" in caplog.text


@pytest.mark.parametrize(
    ("make", "place"),
    [
        (lambda a, m, **_: [a, m.map(lambda rows: rows or None)], "Item 1 of item 1"),
        (lambda a, m, **_: (m.map(lambda rows: rows or None), a), "Item 1 of item 0"),
        (lambda a, m, **_: [[a, m.map(lambda rows: rows or None)], a], "Item 1 of item 1 of item 0"),
    ],
)
def test_what_is_missing_of_a_map_in_a_list_is_named_and_left_out(crm: Sandbox, caplog, make, place):
    returned = {"a": customers(1), "m": [[{"whatsApp": "8619775500002"}], [], [{"whatsApp": "8619775500003"}]]}

    assert import_of(make, returned, {"m": 3})["rows"]["accepted"] >= 3

    assert f"{place} of data, counted from 0, has no value and is left out: the task " in caplog.text
    assert len(crm.customers()) == 3


def test_a_map_without_any_output_is_missing_in_a_list_in_a_list_too(crm: Sandbox, caplog):
    returned = {"a": customers(1), "b": customers(2), "m": []}
    with pytest.raises(
        AirflowFailException, match="Item 0 of item 1 of data, counted from 0, has no value: the task 'm' returned"
    ):
        import_of(lambda a, b, m, **_: [a, (m, b)], returned, {"m": 3})
    assert crm.calls() == []

    assert import_of(lambda a, b, m, **_: [a, (m, b)], returned, {"m": 3}, on_empty="skip")["rows"]["accepted"] == 2
    assert (
        "Item 0 of item 1 of data, counted from 0, has no value and is left out: the task 'm' returned" in caplog.text
    )


@pytest.mark.parametrize(
    ("make", "task_id"),
    [
        (lambda a, b, **_: [[a], [[b, a]]], "'b'"),
        (lambda a, m, **_: [[a, [m.map(lambda rows: rows or None)]]], "'m'"),
        (lambda a, m, n, **_: [a, [m.concat(n).map(lambda rows: rows or None)]], "'m' or 'n'"),
    ],
)
def test_only_the_tasks_of_a_place_in_a_list_are_named(crm: Sandbox, caplog, make, task_id):
    returned = {"a": customers(1), "m": [[{"whatsApp": "8619775500002"}], []], "n": [[{"whatsApp": "8619775500003"}]]}
    import_of(make, returned, {"m": 2, "n": 1}, on_empty="skip")
    assert f"is left out: the task {task_id} returned nothing or was skipped" in caplog.text


def of_itself() -> list[Any]:
    tables: list[Any] = [customers(1)]
    tables.append(tables)
    return tables


def deep(times: int, inner: Any) -> Any:
    return deep(times - 1, [inner]) if times else inner


@pytest.mark.parametrize(
    "make",
    [
        of_itself,
        lambda: [{"whatsApp": "1", "tabName": of_itself()[1:]}],
        lambda: deep(400, customers(1)),
        lambda: deep(400, "a.csv"),
        lambda: deep(400, None),
    ],
)
def test_data_that_holds_itself_or_is_too_deep_is_an_error_that_says_so(crm: Sandbox, make):
    with pytest.raises(
        (InputError, AirflowFailException), match="data is nested too deeply, or contains itself: give a table"
    ):
        run(make())
    assert crm.calls() == []


ALL_NESTED = {
    "lists": lambda **_: [[None, None], None],
    "a map in a list": lambda a, m, **_: [m.map(lambda _: None), a],
    "an iterator in a list": lambda a, **_: [iter([None, "None"]), a],
    "tasks in lists": lambda a, b, **_: [[a], [b]],
    "lists of lists of an iterator": lambda **_: iter([[None], [[None]]]),
}


@pytest.mark.parametrize("make", ALL_NESTED.values(), ids=ALL_NESTED)
def test_lists_without_any_value_at_any_depth_are_no_input(crm: Sandbox, make):
    returned = {"a": None, "m": [[{"whatsApp": "8619775500002"}]]}
    with pytest.raises(AirflowFailException, match=r"None of the [23] items of data has a value"):
        import_of(make, returned, {"m": 1})
    with pytest.raises(AirflowSkipException):
        import_of(make, returned, {"m": 1}, on_empty="skip")
    assert crm.calls() == []


@pytest.mark.parametrize("kind", [list, tuple, lambda paths: Outputs(*paths), iter])
def test_lists_of_paths_that_tasks_return_are_one_list(crm: Sandbox, tmp_path, kind):
    for number in (1, 2, 3, 4):
        customers(number).to_csv(tmp_path / f"{number}.csv", index=False)
    first, second, third, fourth = (str(tmp_path / f"{number}.csv") for number in (1, 2, 3, 4))
    operator = rendered(kind([[first, Path(second)], third, [[fourth], None]]), on_empty="skip")

    assert operator.execute({"ti": FakeTaskInstance()})["rows"]["accepted"] == 4
    assert [str(each) for each in operator.data] == [first, second, third, fourth]


@pytest.mark.parametrize("kind", [list, tuple])
def test_lists_of_paths_in_the_dag_file_are_rendered_and_one_list(crm: Sandbox, tmp_path, kind):
    for name in ("2026-01-01", "1", "2"):
        customers(int(name[-1])).to_csv(tmp_path / f"{name}.csv", index=False)
    paths = kind([[str(tmp_path / "{{ ds }}.csv")], tmp_path / "1.csv", [[tmp_path / "2.csv"]], None])
    operator = SocialSCRMImportOperator(task_id="import_customers", data=paths, on_empty="skip")
    copy = operator.prepare_for_execution()
    copy.render_template_fields({"ti": FakeTaskInstance(), "task": copy, "ds": "2026-01-01"})

    assert copy.execute({"ti": FakeTaskInstance()})["rows"]["total"] == 3
    assert copy.data == [str(tmp_path / f"{name}.csv") for name in ("2026-01-01", "1", "2")]
    with pytest.raises(InputError, match="Task import_customers: data begins with ~"):
        SocialSCRMImportOperator(task_id="import_customers", data=kind([["~/a.csv"], "{{ ds }}"]))


@pytest.mark.parametrize("make", [iter, list, lambda items: [iter(items)], lambda items: iter([iter(items)])])
def test_a_list_without_paths_before_others_leaves_them_paths(crm: Sandbox, tmp_path, make):
    customers(1).to_csv(tmp_path / "1.csv", index=False)
    assert run(make([[], [], [str(tmp_path / "1.csv")]]))["rows"]["accepted"] == 1
    assert run(make([[], [], customers(2)]))["rows"]["accepted"] == 1
    assert run(make([[], []]))["rows"]["total"] == 0


def test_columns_of_two_tables_that_are_one_field_are_refused_before_any_call(crm: Sandbox):
    first = pd.DataFrame({"whatsApp": ["8619775500001"], "friendName": ["Xanthippe"]})
    second = pd.DataFrame({"whatsApp": ["8619775500002"], "Friend Name": ["Zebediah"]})

    with pytest.raises(AirflowFailException, match="if they are columns of different tables, give them one name there"):
        run([first, second])
    assert crm.calls() == []
    assert run([first, second.rename(columns={"Friend Name": "friendName"})])["rows"]["accepted"] == 2
