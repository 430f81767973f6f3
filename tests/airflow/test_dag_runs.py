from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from airflow_provider_socialscrm.sandbox.server import Sandbox
from tools.make_customers import INVALID, REJECTED

OUR_DAGS = Path(__file__).parent / "dags"
EXAMPLES = Path(__file__).parents[2] / "dags"

pytestmark = pytest.mark.thorough  # Airflow takes long to load


@pytest.fixture
def hidden_customers(tmp_path: Path) -> Path:
    """A folder with two tables of customers that no log may show; the second number of each is not a number."""
    for number in (1, 2):
        customers = [
            {"whatsApp": f"8615266660{number:03}", "friendName": "Xanthippe", "desc": "{{ macros.uuid }}"},
            {"whatsApp": f"no-number-{number}", "friendName": "Zebediah", "desc": "Quarterstaff"},
        ]
        (tmp_path / f"{number}.json").write_text(json.dumps(customers), encoding="utf-8")
    return tmp_path


@pytest.mark.frame_through_xcom
def test_first_example_dag_imports_its_file_and_names_each_refused_row(
    airflow, socialscrm_sandbox: Sandbox, connection, tmp_path
):
    rejects = tmp_path / "rejects.csv"

    done = airflow.run("dags", "test", "first_import", SOCIALSCRM_REJECTS=str(rejects), **connection)

    assert done.returncode == 0, done.stdout + done.stderr
    (manifest,) = airflow.xcoms("first_import", "import_customers")
    assert manifest["rows"] == {
        "total": 2400,
        "accepted": 2375,
        "rejected": len(REJECTED),
        "invalid": len(INVALID),
        "duplicate": 0,
        "blank": 0,
        "unknown": 0,
        "not_sent": 0,
        "unchanged": 0,
        "known_bad": 0,
    }
    assert manifest["rejects_path"].endswith(str(rejects))
    with rejects.open(encoding="utf-8") as file:
        refused = sorted(int(row["socialscrm_position"]) for row in csv.DictReader(file))
    assert refused == sorted(INVALID | REJECTED)
    assert len(socialscrm_sandbox.customers()) == 2375


@pytest.fixture
def run(airflow, socialscrm_sandbox: Sandbox, connection, hidden_customers) -> Callable[[str], CompletedProcess[str]]:
    """Run one of our DAGs, of which no log, XCom or rendered field may show a customer or the key."""

    def run_dag(dag_id: str) -> CompletedProcess[str]:
        done = airflow.run("dags", "test", dag_id, dags=OUR_DAGS, TEST_FOLDER=str(hidden_customers), **connection)

        for task_id in ("read", "group.read_in_group"):
            airflow.without_xcoms_of(task_id)
        seen = done.stdout + done.stderr + airflow.everything_stored() + airflow.log_files()
        key = socialscrm_sandbox.settings.api_key
        hidden = ["Xanthippe", "Zebediah", "Quarterstaff", "8615266660", "no-number-1", key]
        assert [secret for secret in hidden if secret in seen] == []
        assert "import_customers" in seen  # or nothing would have been looked at
        return done

    return run_dag


def test_no_customer_and_no_key_shows_where_a_decorated_function_returns_a_table(run):
    run("decorated")


@pytest.mark.frame_through_xcom
def test_rendered_field_shows_the_shape_of_a_plain_tasks_table(airflow, run):
    run("plain")

    (fields,) = airflow.rendered("plain", "import_customers")
    assert fields["data"] == "<DataFrame of 2 rows x 3 columns, not shown>"


@pytest.mark.frame_through_xcom
def test_no_customer_shows_where_owners_are_cleared_in_spite_of_failed_rows(airflow, run):
    run("cleared")

    (manifest,) = airflow.xcoms("cleared", "import_customers")
    assert (manifest["rows"]["rejected"], manifest["rows"]["invalid"]) == (1, 1)
    (fields,) = airflow.rendered("cleared", "import_customers")
    assert fields["data"] == "<DataFrame of 2 rows x 3 columns, not shown>"


@pytest.mark.frame_through_xcom
def test_mapped_tasks_import_a_table_each_and_show_its_shape(
    airflow, socialscrm_sandbox: Sandbox, run, hidden_customers
):
    done = run("mapped")

    assert done.returncode == 0, done.stdout + done.stderr
    shapes = [fields["data"] for fields in airflow.rendered("mapped", "import_customers")]
    assert shapes == ["<DataFrame of 2 rows x 3 columns, not shown>"] * 2
    accepted = [manifest["rows"]["accepted"] for manifest in airflow.xcoms("mapped", "import_customers")]
    assert accepted == [1, 1]
    sent = [(customer["whatsApp"], customer["fields"]["desc"]) for customer in socialscrm_sandbox.customers()]
    assert sorted(sent) == [("8615266660001", "{{ macros.uuid }}"), ("8615266660002", "{{ macros.uuid }}")]
    assert sorted(path.name for path in hidden_customers.glob("*.csv")) == ["0.csv", "1.csv"]


@pytest.mark.frame_through_xcom
def test_a_decorated_function_shows_the_shapes_of_what_it_is_given_and_returns(airflow, run):
    done = run("decorated_mapped")

    assert done.returncode == 0, done.stdout + done.stderr
    shape = "<DataFrame of 2 rows x 3 columns, not shown>"
    shown = [
        (str(fields["op_kwargs"]).replace("'", ""), fields["data"])  # text on Airflow 3.1
        for fields in airflow.rendered("decorated_mapped", "import_customers")
    ]
    assert shown == [(f"{{customers: {shape}}}", shape)] * 2
    accepted = [manifest["rows"]["accepted"] for manifest in airflow.xcoms("decorated_mapped", "import_customers")]
    assert accepted == [1, 1]


@pytest.mark.frame_through_xcom
def test_more_refused_rows_than_allowed_fail_the_task_at_once_with_the_manifest_there(
    airflow, socialscrm_sandbox: Sandbox, run, hidden_customers
):
    done = run("refused")

    output = done.stdout + done.stderr
    assert "1 of 2 rows was refused (1 x bad-number); max_rejected allows 0." in output
    assert "up_for_retry" not in output
    (manifest,) = airflow.xcoms("refused", "import_customers")
    assert (manifest["rows"]["accepted"], manifest["rows"]["invalid"]) == (1, 1)
    assert len(socialscrm_sandbox.customers()) == 1


@pytest.mark.frame_through_xcom
def test_a_table_that_cannot_be_taken_fails_the_task_before_any_call(
    airflow, socialscrm_sandbox: Sandbox, run, hidden_customers
):
    done = run("numberless")

    output = done.stdout + done.stderr
    assert "The data has no column whatsApp." in output
    assert "up_for_retry" not in output
    assert socialscrm_sandbox.calls() == []


def test_text_that_is_not_a_path_is_hidden_and_rejected(airflow, socialscrm_sandbox: Sandbox, run, hidden_customers):
    done = run("text")
    size = len((hidden_customers / "1.json").read_text(encoding="utf-8"))

    output = done.stdout + done.stderr
    assert f"data is text of {size} characters, not a path: pass the table itself with `task.output`" in output
    assert "up_for_retry" not in output
    (fields,) = airflow.rendered("text", "import_customers")
    assert fields["data"] == f"<text of {size} characters, not shown>"
    assert socialscrm_sandbox.calls() == []


def test_all_outputs_of_a_mapped_task_are_one_import(airflow, socialscrm_sandbox: Sandbox, run):
    done = run("mapped_source")

    assert done.returncode == 0, done.stdout + done.stderr
    (fields,) = airflow.rendered("mapped_source", "import_customers")
    assert fields["data"] == "<LazyXComSequence, not shown>"
    (manifest,) = airflow.xcoms("mapped_source", "import_customers")
    assert (manifest["rows"]["accepted"], manifest["rows"]["invalid"]) == (2, 2)
    assert {refusal["code"]: refusal["first_positions"] for refusal in manifest["refusals"]} == {"bad-number": [1, 3]}


def test_the_paths_of_a_mapped_task_are_one_import_and_path_objects_are_rendered(airflow, run, hidden_customers):
    done = run("mapped_paths")

    assert done.returncode == 0, done.stdout + done.stderr
    (fields,) = airflow.rendered("mapped_paths", "import_customers")
    assert fields["rejects_path"] == str(hidden_customers / "mapped_paths.csv")
    (manifest,) = airflow.xcoms("mapped_paths", "import_customers")
    assert manifest["rows"]["accepted"] == 2
    assert (hidden_customers / "mapped_paths.csv").exists()


def test_rows_in_a_dag_file_are_in_no_serialized_dag_and_are_imported(airflow, run):
    done = run("literal")

    assert done.returncode == 0, done.stdout + done.stderr
    shapes = [fields["data"] for fields in airflow.rendered("literal", "import_customers")]
    assert shapes == ["<list of 2 items, not shown>"] * 2
    accepted = [manifest["rows"]["accepted"] for manifest in airflow.xcoms("literal", "import_customers")]
    assert accepted == [1, 1]
    (manifest,) = airflow.xcoms("literal", "import_arguments")
    assert manifest["rows"]["accepted"] == 2
    assert "<list of 2 items, not shown>" in airflow.serialized("literal")


def test_an_asynchronous_function_may_yield_tables(airflow, run):
    done = run("asynchronous")

    assert done.returncode == 0, done.stdout + done.stderr
    (manifest,) = airflow.xcoms("asynchronous", "import_customers")
    assert (manifest["rows"]["accepted"], manifest["rows"]["invalid"]) == (2, 2)


def test_an_upstream_task_without_output_is_named_or_skips_the_import(airflow, socialscrm_sandbox: Sandbox, run):
    output = run("nothing").stdout

    assert "data is None: the task 'extract' returned nothing or was skipped." in output
    assert airflow.states("nothing") == {
        "extract": "success",
        "import_or_skip": "skipped",
        "import_customers": "failed",
    }
    assert socialscrm_sandbox.calls() == []


def test_a_task_of_a_list_without_output_is_named_or_left_out(airflow, socialscrm_sandbox: Sandbox, run):
    done = run("gaps")
    output = done.stdout + done.stderr  # with the log, which Airflow 3.1 writes to the second

    assert airflow.states("gaps") == {
        "read": "success",
        "extract": "success",
        "import_customers": "failed",
        "import_others": "success",
        "import_or_skip": "skipped",
    }, output
    assert "Item 1 of data, counted from 0, has no value: the task 'extract' returned nothing or was skipped." in output
    assert "Item 1 of data, counted from 0, has no value and is left out" in output
    (manifest,) = airflow.xcoms("gaps", "import_others")
    assert manifest["rows"]["accepted"] == len(socialscrm_sandbox.customers()) == 1


def test_the_tasks_of_a_map_without_output_are_counted_and_a_map_without_any_is_named(airflow, run):
    done = run("mapped_gaps")
    output = done.stdout + done.stderr  # with the log, which Airflow 3.1 writes to the second

    expected = {
        "import_customers": "success",
        "import_group": "success",
        "import_nothing": "failed",
        "import_or_skip": "skipped",
    }
    states = airflow.states("mapped_gaps")
    assert {task_id: states[task_id] for task_id in expected} == expected, output
    assert "2 of 4 tasks of 'read' returned nothing or were skipped: data has the output of 2 tasks" in output
    assert "1 of 3 tasks of 'group.read_in_group' returned nothing or was skipped: data has the output" in output
    assert "data has no table: 2 tasks of 'read_nothing' returned nothing or were skipped." in output
    for task_id in ("import_customers", "import_group"):
        (manifest,) = airflow.xcoms("mapped_gaps", task_id)
        assert (manifest["rows"]["accepted"], manifest["rows"]["invalid"]) == (2, 2)


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (("providers", "list"), "airflow-provider-socialscrm"),
        (("providers", "hooks"), "airflow_provider_socialscrm.hooks.socialscrm.SocialSCRMHook"),
        (("providers", "get", "airflow-provider-socialscrm", "--full"), "SocialsCRM"),
    ],
)
def test_airflow_discovers_the_provider(airflow, command, shown):
    done = airflow.run(*command, "--output", "json")

    assert done.returncode == 0, done.stderr
    assert shown in done.stdout


def test_no_example_dag_fails_to_parse(airflow):
    done = airflow.run("dags", "list-import-errors", "--local", "--output", "json")

    assert done.stdout.strip().splitlines()[-1] in {"[]", "No data found"}, done.stdout
    listed = airflow.run("dags", "list", "--local", "--output", "json")
    files = [path.name for path in EXAMPLES.glob("*.py")]
    assert len(files) > 5
    assert [name for name in files if name not in listed.stdout] == [], listed.stdout + listed.stderr
