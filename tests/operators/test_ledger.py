"""``ledger`` in every form that users write, rendered, shown and checked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import pyarrow.parquet as pq
import pytest
from airflow.sdk import DAG, ObjectStoragePath, task
from upath import UPath

from airflow_provider_socialscrm._compat import AirflowFailException
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.operators.ledgers import ledger_values
from airflow_provider_socialscrm.operators.socialscrm import Ledger, SocialSCRMImportOperator
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.airflow import FakeTaskInstance, serialized

DIGEST = "1790000000-" + "0a" * 16


@pytest.fixture
def crm(connected_crm: Sandbox) -> Sandbox:
    return connected_crm


def customers(*numbers: int, **fields: str) -> list[dict[str, str]]:
    return [{"whatsApp": f"86197755{n:05}", "friendName": f"Xanthippe {n}"} | fields for n in numbers]


def rendered(
    native: bool = False, mapped: bool = False, expand: Any = None, params: Any = None, **arguments: Any
) -> tuple[Any, dict[str, Any]]:
    """Return a task as Airflow renders it, and its context."""
    params = params or {}
    with DAG("dag", schedule=None, render_template_as_native_obj=native, params=params) as dag:
        if mapped:
            expand = expand or {"data": ["unused.csv"]}
            made = SocialSCRMImportOperator.partial(task_id="sync", **arguments).expand(**expand)
        else:
            made = SocialSCRMImportOperator(task_id="sync", **{"data": customers(1, 2)} | arguments)
    ti: Any = FakeTaskInstance(
        get_ti_count=lambda *_, **__: 1,
        map_index=0 if mapped else -1,
        get_relevant_upstream_map_indexes=lambda **_: None,
    )
    context = {"ti": ti, "task_instance": ti, "dag": dag, "task": made, "params": params, "run_id": "run", "ds": "x"}
    context |= {"dag_run": SimpleNamespace(conf=None), "outlet_events": {}}
    if not mapped:
        context["task"] = made = made.prepare_for_execution()
    made.render_template_fields(context, dag.get_template_env())
    return context["task"], context


def run(**arguments: Any) -> dict[str, Any]:
    made, context = rendered(**arguments)
    manifest: dict[str, Any] = made.execute(context)
    return manifest


def stored(**arguments: Any) -> Any:
    """Return a task as Airflow stores it with its DAG."""
    with DAG("dag", schedule=None) as dag:
        SocialSCRMImportOperator(**{"task_id": "sync", "data": "a.csv"} | arguments)
    (made,) = json.loads(serialized(dag))["dag"]["tasks"]
    return made.get("__var", made)


PATHS = {
    "text": str,
    "pathlib": Path,
    "ObjectStoragePath": lambda path: ObjectStoragePath(f"file://{path}"),
    "ObjectStoragePath with options": lambda path: ObjectStoragePath(f"file://{path}", auto_mkdir=True),
    "UPath": UPath,
    "UPath with options": lambda path: UPath(f"file://{path}", auto_mkdir=True),
}
FORMS = PATHS | {f"Ledger of {name}": lambda path, make=make: Ledger(make(path)) for name, make in PATHS.items()}


@pytest.mark.parametrize("make", FORMS.values(), ids=FORMS)
def test_a_second_run_sends_nothing_whatever_form_the_ledger_has(crm: Sandbox, tmp_path, make):
    given = make(tmp_path / "{{ dag.dag_id }}")
    first, second = run(ledger=given), run(ledger=given)

    assert (first["rows"]["accepted"], second["rows"]["unchanged"], second["calls"]["sent"]) == (2, 2, 0)
    assert (tmp_path / "dag" / "ledger.json").exists()
    made, _ = rendered(ledger=given)
    assert str(tmp_path / "dag") in str(made.ledger)
    assert "auto_mkdir" not in str(made.ledger)


ARGUMENTS: dict[str, tuple[Any, Any, Any]] = {
    "resend": ("{{ params.it }}", "all", "all"),
    "resend_after": ("{{ params.it }}", "30 days", timedelta(days=30)),
    "once": ("{{ params.it }}", ["welcome", "desc"], ("welcome", "desc")),
    "ignore": (("{{ params.it }}",), "source", ("source",)),
    "retry_rejected": ("{{ params.it }}", "36 hours", timedelta(hours=36)),
    "max_changes": ("{{ params.it }}", 5, 5),
    "max_gone": ("{{ params.it }}", 0.1, 0.1),
    "min_rows": ("{{ params.it }}", 7, 7),
    "gone_path": ("/{{ params.it }}/gone.csv", "x", "/x/gone.csv"),
    "expected_changes": ("{{ params.it }}", DIGEST, DIGEST),
}


@pytest.mark.parametrize("mapped", [False, True], ids=["plain", "mapped"])
@pytest.mark.parametrize("native", [False, True], ids=["text", "native"])
@pytest.mark.parametrize(("name", "given"), ARGUMENTS.items(), ids=ARGUMENTS)
def test_each_argument_of_a_ledger_is_a_template(native, mapped, name, given):
    template, value, expected = given
    ledger = Ledger("/{{ ds }}/ledger", **{name: template})
    made, _ = rendered(native=native, mapped=mapped, params={"it": value}, ledger=ledger)

    found = Ledger(**ledger_values(made.ledger))
    assert (found.path, getattr(found, name)) == ("/x/ledger", expected)


@pytest.mark.parametrize("native", [False, True], ids=["text", "native"])
@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("max_changes", 0.25, 0.25),
        ("max_changes", "0", 0),
        ("max_changes", None, None),
        ("max_gone", None, None),
        ("min_rows", None, None),
        ("resend_after", None, None),
        ("retry_rejected", "always", "always"),
        ("once", [], ()),
        ("once", '["welcome"]', ("welcome",)),
        ("gone_path", None, None),
    ],
)
def test_rendered_values_have_the_types_of_their_arguments(native, name, value, expected):
    made, _ = rendered(native=native, params={"it": value}, ledger=Ledger("/l", **{name: "{{ params.it }}"}))

    assert getattr(Ledger(**ledger_values(made.ledger)), name) == expected


@pytest.mark.parametrize("native", [False, True], ids=["text", "native"])
@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("resend", "evrything", "resend is 'evrything', not changed, all or adopt"),
        ("resend", None, "resend is 'None'"),
        ("resend_after", "soon", "resend_after is 'soon', not a time"),
        ("retry_rejected", "never", "retry_rejected is 'never'"),
        ("once", "welcome", "once is 'welcome', not a list of names"),
        ("once", "['welcome'", "once is text that does not write a list"),
        ("max_changes", "", "max_changes is ''"),
        ("max_changes", "10%", "max_changes is '10%'"),
        ("max_gone", "", "max_gone is ''"),
        ("min_rows", "", "min_rows is ''"),
        ("min_rows", 0, "min_rows is 0"),
        ("expected_changes", "", "expected_changes is not the digest"),
        ("expected_changes", None, "expected_changes is not the digest"),
        ("path", "", "path is None, not the path of a folder"),
        ("path", None, "path is None, not the path of a folder"),
    ],
)
def test_a_rendered_value_that_makes_no_sense_is_named_before_any_call(crm: Sandbox, native, name, value, sentence):
    ledger = Ledger(**{"path": "/l", name: "{{ params.it }}"})
    with pytest.raises(AirflowFailException) as caught:
        run(native=native, params={"it": value}, ledger=ledger)

    assert sentence in str(caught.value)
    assert crm.calls() == []


@pytest.mark.parametrize("native", [False, True], ids=["text", "native"])
def test_a_path_that_looks_like_a_number_stays_a_path(crm: Sandbox, tmp_path, monkeypatch, native):
    monkeypatch.chdir(tmp_path)
    run(native=native, params={"it": "007"}, ledger="{{ params.it }}")

    assert (tmp_path / "007" / "ledger.json").exists()


def test_empty_text_is_not_a_wish_to_send_everything(crm: Sandbox):
    with pytest.raises(AirflowFailException, match="ledger is empty text: give the path of a folder, or None"):
        run(ledger="{{ params.it }}", params={"it": ""})
    with pytest.raises(InputError, match="Task sync: ledger is empty text"):
        SocialSCRMImportOperator(task_id="sync", data="a.csv", ledger="")
    assert crm.calls() == []
    assert run(ledger="{{ params.it }}", params={"it": None})["changes"] is None


def nobody() -> list[dict[str, str]]:
    return []


@pytest.mark.parametrize("wrong", [5, b"/ledger", {"path": "/l"}, ["/l"], True, Ledger])
def test_what_is_not_a_ledger_fails_when_the_dag_is_parsed_with_the_tasks_id(wrong):
    sentence = f"Task sync: ledger is a {type(wrong).__name__}: give a path, as in 's3://crm/ledger', or Ledger"
    with pytest.raises(InputError, match=sentence):
        SocialSCRMImportOperator(task_id="sync", data="a.csv", ledger=wrong)
    with pytest.raises(InputError, match=sentence):
        SocialSCRMImportOperator.partial(task_id="sync", ledger=wrong)
    with DAG("dag", schedule=None), pytest.raises(InputError, match=sentence):
        task.socialscrm_import(task_id="sync", ledger=wrong)(nobody)()


@pytest.mark.parametrize(
    "wrong", [{"resend": "chnaged"}, {"max_changes": 1.5}, {"min_rows": -1}, {"once": "welcome"}, {"resend_after": 3}]
)
def test_arguments_that_never_make_sense_fail_when_the_dag_is_parsed(wrong):
    (name,) = wrong
    with pytest.raises(InputError, match=f"ledger: {name} "):
        SocialSCRMImportOperator(task_id="sync", data="a.csv", ledger=Ledger("/l", **wrong))


def test_a_ledger_shows_as_it_was_written_and_is_stored_with_the_dag():
    ledger = Ledger("/l/{{ ds }}", resend="{{ params.it }}", resend_after="30 days", max_changes=0.2)
    made, _ = rendered(ledger=ledger, params={"it": "all"})

    assert str(made.ledger) == (
        "Ledger('/l/x', resend='all', resend_after=datetime.timedelta(days=30), max_changes=0.2)"
    )
    assert stored(ledger=ledger)["ledger"].startswith("Ledger('/l/{{ ds }}', resend='{{ params.it }}'")
    assert stored(ledger=Path("/l"))["ledger"] == "/l"
    secret = ObjectStoragePath("file:///l", key="a secret")
    assert "a secret" not in json.dumps([stored(ledger=secret), stored(ledger=Ledger(secret, gone_path=secret))])


@pytest.mark.parametrize("as_default", [False, True], ids=["partial", "default_args"])
def test_a_mapped_tasks_ledger_is_stored_as_it_was_written(as_default):
    ledger = Ledger(ObjectStoragePath("file:///l", key="a secret"), max_changes=10)
    given = {"default_args": {"ledger": ledger}} if as_default else {"ledger": ledger}
    with DAG("dag", schedule=None) as dag:
        SocialSCRMImportOperator.partial(task_id="sync", **given).expand(data=["a.csv", "b.csv"])
    text = serialized(dag)

    assert "a secret" not in text
    if not as_default:
        assert "Ledger('file:///l', max_changes=10)" in text


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Return the options of a file system that speaks S3's protocol with a server on this machine."""
    server_module = pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = {"endpoint_url": f"http://{host}:{port}", "region_name": "us-east-1"}
    options = {"key": "a key", "secret": "the secret of S3", "client_kwargs": client}
    fs = fsspec.filesystem("s3", **options)
    fs.call_s3("create_bucket", Bucket="crm")
    yield options
    fsspec.asyn.sync(fs.loop, fs._s3.__aexit__, None, None, None)
    server.stop()


def test_a_ledger_in_object_storage_is_opened_with_the_options_of_its_path(crm: Sandbox, bucket):
    ledger = Ledger(UPath("s3://crm/{{ ds }}/ledger", **bucket), gone_path=UPath("s3://crm/gone.csv", **bucket))
    first = run(ledger=ledger)
    second = run(ledger=ledger, data=customers(1))

    assert (first["rows"]["accepted"], second["rows"]["unchanged"], second["changes"]["gone"]) == (2, 1, 1)
    assert "8619775500002" in UPath("s3://crm/gone.csv", **bucket).read_text()
    assert UPath("s3://crm/x/ledger/ledger.json", **bucket).exists()
    made, _ = rendered(ledger=ledger)
    assert str(made.ledger) == "Ledger('s3://crm/x/ledger', gone_path=s3://crm/gone.csv)"


def test_mapped_tasks_with_one_ledger_leave_their_union(crm: Sandbox, tmp_path):
    for index, number in enumerate((1, 2)):
        made, context = rendered(mapped=True, ledger=tmp_path)
        context["ti"].map_index, made.data = index, customers(number, number + 10)
        made.execute(context)

    manifest = run(ledger=tmp_path, data=customers(1, 2, 11, 12))

    assert (manifest["rows"]["unchanged"], manifest["calls"]["sent"]) == (4, 0)
    assert (manifest["changes"]["gone"], manifest["changes"]["ledger"]) == (0, 4)


def test_a_ledger_with_the_connections_secret_holds_no_number(crm: Sandbox, tmp_path, monkeypatch):
    connection = json.loads(crm.connection_json())
    extra = connection["extra"] if isinstance(connection["extra"], dict) else json.loads(connection["extra"])
    monkeypatch.setenv(
        "AIRFLOW_CONN_SOCIALSCRM_DEFAULT", json.dumps(connection | {"extra": extra | {"ledger_secret": "a secret key"}})
    )
    first, second = run(ledger=tmp_path), run(ledger=tmp_path)

    assert (first["rows"]["accepted"], second["rows"]["unchanged"]) == (2, 2)
    tables = [pq.read_table(path) for path in tmp_path.rglob("*.parquet")]
    assert tables
    assert all("number" not in table.column_names and "number_hash" in table.column_names for table in tables)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"a secret key" in path.read_bytes()]
    with pytest.raises(AirflowFailException, match="gone_path needs a ledger with numbers"):
        run(ledger=Ledger(tmp_path, gone_path=tmp_path.with_suffix(".csv")))


def test_a_dry_run_shows_the_changes_and_no_customer(crm: Sandbox, tmp_path, caplog):
    run(ledger=tmp_path, data=customers(1, 2, 3))
    before = sorted(tmp_path.rglob("*"))
    calls = len(crm.calls())
    caplog.set_level("DEBUG")
    manifest = run(ledger=tmp_path, dry_run=True, data=customers(1, 2, friendName="Zebediah"))

    changes = manifest["changes"]
    assert (changes["changed"], changes["gone"], changes["by_field"]) == (2, 1, {"friendName": 2})
    assert "Against the ledger: 2 changed; by field: friendName 2" in caplog.text
    assert (sorted(tmp_path.rglob("*")), len(crm.calls())) == (before, calls)
    seen = caplog.text + json.dumps(manifest)
    assert [hidden for hidden in ("Zebediah", "Xanthippe", "86197755") if hidden in seen] == []


def test_each_task_of_a_map_may_have_a_ledger_of_its_own(crm: Sandbox, tmp_path):
    forms = [str(tmp_path / "a"), tmp_path / "b", Ledger(tmp_path / "c", min_rows=1)]
    for form in forms:
        expand = {"ledger": [form]}
        first = run(mapped=True, expand=expand, data=customers(1, 2))
        second = run(mapped=True, expand=expand, data=customers(1, 2))
        assert (first["rows"]["accepted"], second["rows"]["unchanged"]) == (2, 2)
    with DAG("dag", schedule=None) as dag:
        SocialSCRMImportOperator.partial(task_id="sync", data="a.csv").expand(ledger=forms)
    serialized(dag)


def test_default_args_give_a_ledger(crm: Sandbox, tmp_path):
    given = {"default_args": {"ledger": Ledger(tmp_path / "{{ ds }}", min_rows=2)}}

    assert run(**given)["rows"]["accepted"] == 2
    assert run(**given)["calls"]["sent"] == 0
    assert (tmp_path / "x" / "ledger.json").exists()


def test_the_decorator_takes_a_ledger(crm: Sandbox, tmp_path):
    def sync() -> Any:
        with DAG("dag", schedule=None):
            decorator = task.socialscrm_import(task_id="sync", ledger=Ledger(tmp_path / "{{ ds }}"))
            made = decorator(lambda: customers(1, 2, 3))().operator
        made = made.prepare_for_execution()
        context = {"ti": FakeTaskInstance(), "task": made, "ds": "x"}
        made.render_template_fields(context)
        return made.execute(context)

    assert (sync()["rows"]["accepted"], sync()["rows"]["unchanged"]) == (3, 3)
    assert (tmp_path / "x" / "ledger.json").exists()


def test_another_task_may_give_the_path(crm: Sandbox, tmp_path):
    with DAG("dag", schedule=None) as dag:

        @task
        def where():
            return ""

        made = SocialSCRMImportOperator(task_id="sync", data=customers(1), ledger=where())
    assert made.upstream_task_ids == {"where"}
    copy = made.prepare_for_execution()
    ti = FakeTaskInstance(xcom_pull=lambda **_: str(tmp_path), get_relevant_upstream_map_indexes=lambda **_: None)
    copy.render_template_fields({"ti": ti, "task": copy}, dag.get_template_env())
    copy.execute({"ti": FakeTaskInstance()})
    assert (tmp_path / "ledger.json").exists()


OVERLAPS: dict[str, dict[str, Any]] = {
    "rejects_path is the ledger": {"rejects_path": "L/"},
    "rejects_path in the ledger": {"rejects_path": "L/rejects.csv"},
    "rejects_path deep in the ledger": {"rejects_path": "L/log/rejects/"},
    "rejects_path around the ledger": {"rejects_path": "R/"},
    "checkpoint_path is the ledger": {"checkpoint_path": "L/"},
    "checkpoint_path in the ledger": {"checkpoint_path": "L/ledger.json"},
    "checkpoint_path around the ledger": {"checkpoint_path": "R/"},
    "gone_path is the ledger": {"gone_path": "L/"},
    "gone_path in the ledger": {"gone_path": "L/gone.csv"},
    "gone_path around the ledger": {"gone_path": "R/"},
    "data is a file of the ledger": {"data": "L/generations/0000001.json"},
    "data is a glob of the ledger": {"data": "L/base/*/*.parquet"},
    "data is a glob around the ledger": {"data": "R/*/*/*/*.parquet"},
    "data is a deep glob around the ledger": {"data": "R/**/*.parquet"},
    "data is a glob of a name like the ledger's": {"data": "R/led*/*.json"},
    "data is the folder around": {"data": "R/"},
    "data is a list": {"data": ["R/a.csv", "L/log/*/*.parquet"]},
}


@pytest.mark.parametrize("form", ["text", "pathlib", "ObjectStoragePath"])
@pytest.mark.parametrize(("name", "given"), OVERLAPS.items(), ids=OVERLAPS)
def test_no_other_path_of_the_task_overlaps_with_the_ledger(crm: Sandbox, tmp_path, name, given, form):
    def at(text: Any) -> Any:
        if isinstance(text, list):
            return [at(each) for each in text]
        return (
            text.replace("L", f"{tmp_path}/R/ledger")
            .replace("R/", f"{tmp_path}/R/")
            .replace(f"{tmp_path}/{tmp_path}", str(tmp_path))
        )

    (tmp_path / "R").mkdir()
    given = {argument: at(value) for argument, value in given.items()}
    gone = {"gone_path": given.pop("gone_path")} if "gone_path" in given else {}
    with pytest.raises(AirflowFailException) as caught:
        run(ledger=Ledger(PATHS[form](tmp_path / "R" / "ledger"), **gone), **given)

    assert f"{name.split()[0]} and ledger overlap at" in str(caught.value)
    assert crm.calls() == []
    assert list((tmp_path / "R").iterdir()) == []


APART: dict[str, dict[str, Any]] = {
    "beside": {"rejects_path": "R/rejects/", "checkpoint_path": "R/checkpoints/"},
    "files beside": {"rejects_path": "R/ledger.csv", "checkpoint_path": "R/ledger.json"},
    "a name that begins alike": {"rejects_path": "R/ledger-rejects/"},
    "data beside": {"data": "R/a*.csv"},
}


@pytest.mark.parametrize("given", APART.values(), ids=APART)
def test_paths_beside_the_ledger_are_fine(crm: Sandbox, tmp_path, given):
    (tmp_path / "a.csv").write_text("whatsApp\n8619775500001\n", encoding="utf-8")
    given = {name: value.replace("R", str(tmp_path)) for name, value in given.items()}

    manifest = run(ledger=Ledger(tmp_path / "ledger", gone_path=tmp_path / "gone.csv"), **given)

    assert manifest["rows"]["accepted"] == manifest["rows"]["total"] > 0


def test_gone_path_is_apart_from_the_other_files(crm: Sandbox, tmp_path):
    path = tmp_path / "a.csv"
    with pytest.raises(AirflowFailException, match="rejects_path and gone_path are one file"):
        run(ledger=Ledger(tmp_path / "ledger", gone_path=path), rejects_path=str(path))
    assert crm.calls() == []


def test_a_file_where_the_ledger_should_be_is_one_sentence_without_a_call(crm: Sandbox, tmp_path):
    (tmp_path / "ledger").write_text("a file", encoding="utf-8")
    with pytest.raises(Exception, match=r"The ledger's file .* cannot be") as caught:
        run(ledger=str(tmp_path / "ledger"))
    assert "\n" not in str(caught.value)
    assert crm.calls() == []
