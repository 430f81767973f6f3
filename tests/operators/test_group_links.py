"""Tasks that write what is behind group links to a file, against the sandbox over HTTP."""

from __future__ import annotations

from typing import Any

import pyarrow.parquet as pq
import pytest
from airflow.sdk import DAG

from airflow_provider_socialscrm._compat import AirflowFailException
from airflow_provider_socialscrm.api.errors import NotReadyError
from airflow_provider_socialscrm.operators.group_links import SocialSCRMGroupLinksToFileOperator
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.airflow import FakeTaskInstance, TaskDeferred

FIRST, SECOND = "https://chat.whatsapp.com/AbCdEfGhIjKl", "https://chat.whatsapp.com/MnOpQrStUvWx"


@pytest.fixture
def crm(connected_crm: Sandbox, monkeypatch) -> Sandbox:
    monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", connected_crm.connection_json(login="admin"))
    connected_crm.configure(group_link_seconds=0)
    return connected_crm


def made(**arguments: Any) -> SocialSCRMGroupLinksToFileOperator:
    with DAG("dag", schedule=None):
        return SocialSCRMGroupLinksToFileOperator(
            task_id="links", **{"poll_interval": 0.05, "deferrable": False} | arguments
        )


def context() -> dict[str, Any]:
    return {"ti": FakeTaskInstance(task_id="links")}


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_names_ids_and_members_are_in_the_file(crm, tmp_path, ending):
    path = tmp_path / f"groups.{ending}"

    manifest = made(links=[FIRST, SECOND, FIRST], path=str(path)).execute(context())

    assert manifest == {"links": 2, "parsed": 2, "not_imported": 0, "other": 0, "path": str(path)}
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    if ending == "parquet":
        rows = pq.read_table(path).to_pylist()
        assert [(row["link"], row["name"], row["outcome"]) for row in rows] == [
            (FIRST, "Group AbCdEfGh", "parsed"),
            (SECOND, "Group MnOpQrSt", "parsed"),
        ]
        assert all(row["members"] > 1 and len(row["group_id"]) == 18 for row in rows)
    else:
        assert "Group AbCdEfGh" in path.read_text()


def test_a_folder_gets_a_file_for_each_run(crm, tmp_path):
    manifest = made(links=[FIRST], path=f"{tmp_path}/").execute(context())

    assert manifest["path"] == str(tmp_path / "dag_id=dag/run_id=run/task_id=links/group-links.parquet")


@pytest.mark.parametrize("pending", ["call", "link"])
def test_it_waits_on_the_worker_until_the_links_are_parsed(crm, tmp_path, pending):
    crm.configure(group_link_seconds=0.3, group_link_pending=pending)

    assert made(links=[FIRST, SECOND], path=str(tmp_path / "a.csv")).execute(context())["parsed"] == 2


def test_it_defers_and_goes_on_when_the_links_are_parsed(crm, tmp_path):
    crm.configure(group_link_seconds=60)
    operator = made(links=[FIRST, SECOND], path=str(tmp_path / "a.csv"), deferrable=True)

    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(context())
    assert deferred.value.trigger.links == [FIRST, SECOND]
    assert deferred.value.method_name == "execute_complete"
    crm.configure(group_link_seconds=0)
    assert operator.execute_complete(context(), {"status": "ready"})["parsed"] == 2


def test_what_the_trigger_says_ends_the_task(crm, tmp_path):
    operator = made(links=[FIRST], path=str(tmp_path / "a.csv"), deferrable=True)

    with pytest.raises(AirflowFailException, match="plan"):
        operator.execute_complete(context(), {"status": "failed", "message": "the plan"})
    with pytest.raises(NotReadyError, match="still parsing 3"):
        operator.execute_complete(context(), {"status": "pending", "pending": 3})


def test_it_does_not_wait_for_ever(crm, tmp_path):
    crm.configure(group_link_seconds=60)

    with pytest.raises(NotReadyError, match="still parsing 1 group link,"):
        made(links=[FIRST], path=str(tmp_path / "a.csv"), max_wait=0.1).execute(context())
    assert list(tmp_path.iterdir()) == []


def test_a_link_that_the_crm_has_forgotten_is_imported_again(crm, tmp_path):
    crm.inject("links_forgotten", times=1)

    assert made(links=[FIRST], path=str(tmp_path / "a.csv")).execute(context())["parsed"] == 1
    imports = [call for call in crm.calls() if call["path"].endswith("groupAnalysis")]
    assert len(imports) == 2


def test_a_link_that_is_always_forgotten_ends_with_its_code(crm, tmp_path):
    crm.inject("links_forgotten")
    path = tmp_path / "a.jsonl"

    with pytest.raises(AirflowFailException, match="did not take 1 of 1"):
        made(links=[FIRST], path=str(path)).execute(context())
    assert '"outcome":"537"' in path.read_text()


def test_a_link_that_is_not_taken_fails_the_task_unless_it_may(crm, tmp_path):
    links, path = [FIRST, "https://example.org/x"], str(tmp_path / "a.parquet")

    with pytest.raises(AirflowFailException, match="did not take 1 of 2 group links"):
        made(links=links, path=path).execute(context())
    assert made(links=links, path=path, max_failed=1).execute(context())["not_imported"] == 1
    assert pq.read_table(path).to_pylist()[1]["members"] is None


def test_no_links_make_a_file_without_rows_and_no_call(crm, tmp_path):
    path = tmp_path / "a.parquet"

    assert made(links=[], path=str(path)).execute(context())["links"] == 0
    assert pq.read_table(path).num_rows == 0
    assert crm.calls() == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"links": None}, "links is None"),
        ({"links": "x"}, "must be a list"),
        ({"links": [FIRST, "chat.whatsapp.com/AbC"]}, "at place 1, counted from 0"),
        ({"links": [5]}, "at place 0"),
        ({"path": "a.xlsx"}, "let it end in"),
        ({"path": None}, "path is missing"),
        ({"path": "None"}, "path is missing"),
        ({"path": " "}, "path is missing"),
        ({"path": "~/links/"}, "path begins with ~"),
        ({"path": 5}, "path is a int"),
        ({"max_failed": -1}, "max_failed must be"),
        ({"max_failed": 0.5}, "max_failed must be"),
    ],
)
def test_bad_input_makes_no_call(crm, tmp_path, arguments, sentence):
    with pytest.raises(AirflowFailException, match=sentence):
        made(**{"links": [FIRST], "path": str(tmp_path / "a.csv")} | arguments).execute(context())
    assert crm.calls() == []


def test_templates_give_lists(crm, tmp_path):
    with DAG("dag", schedule=None) as dag:
        operator = SocialSCRMGroupLinksToFileOperator(
            task_id="links", links=f"{{{{ ['{FIRST}'] }}}}", path=str(tmp_path / "a.csv"), max_failed="{{ 0 }}"
        )
    values = {**context(), "dag": dag}
    operator.render_template_fields(values)

    assert operator.execute(values)["parsed"] == 1


def test_no_link_shows_in_log_or_manifest(crm, tmp_path, caplog):
    caplog.set_level("DEBUG", "airflow_provider_socialscrm")
    crm.inject("links_forgotten", times=1)
    manifest = made(links=[FIRST], path=str(tmp_path / "a.csv")).execute(context())

    assert FIRST not in f"{caplog.text}{manifest}"
