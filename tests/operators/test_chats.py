"""The task that reads messages into a file."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from airflow.sdk import DAG, ObjectStoragePath
from airflow.sdk.io import attach
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_socialscrm._compat import AirflowFailException
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.operators import chats as operator_module
from airflow_provider_socialscrm.operators.chats import SocialSCRMChatsToFileOperator
from airflow_provider_socialscrm.sandbox.chats import DAY, TEXTS, messages_between
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.airflow import FakeTaskInstance

START = 20_000 * DAY
INTERVAL = {"start": "2024-10-04 00:00:00+00:00", "end": "2024-10-05 00:00:00+00:00"}


@pytest.fixture
def crm(connected_crm: Sandbox) -> Sandbox:
    return connected_crm


def run(path: Any, *, ti: dict[str, Any] | None = None, **arguments: Any) -> dict[str, Any]:
    with DAG("dag", schedule=None):
        operator = SocialSCRMChatsToFileOperator(task_id="task", path=path, **{**INTERVAL, **arguments})
    return operator.execute({"ti": FakeTaskInstance(**ti or {})})


def paths(crm: Sandbox) -> list[str]:
    return [call["path"].rpartition("/")[2] for call in crm.calls()]


@pytest.mark.parametrize("agents", ["agent_silva", ["agent_silva"], "['agent_silva']", '["agent_silva"]'])
def test_the_messages_of_an_agent_become_a_file(crm: Sandbox, tmp_path, agents):
    manifest = run(str(tmp_path / "chats.parquet"), agents=agents, page_size="50", max_rows="100", columns="None")

    table = pq.read_table(tmp_path / "chats.parquet")
    expected = [each["msgId"] for each in messages_between(crm, START, START + DAY, "agent_silva")]
    assert sorted(table["msgId"].to_pylist()) == sorted(expected)
    assert (manifest["rows"], manifest["by_agent"], manifest["path"]) == (
        100,
        {"agent_silva": 100},
        str(tmp_path / "chats.parquet"),
    )
    assert paths(crm) == ["query", "msgPage", "msgPage", "msgPage"]


NO_FOLDER = "and no folder has this name: let it end in .csv, .parquet, .jsonl."


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"start": "2024-10-05T00:00:00Z"}, "The interval is empty"),
        ({"start": "None", "end": "None"}, "start must be a time in ISO 8601 with its zone"),
        ({"end": "2999-01-01T00:00:00Z"}, "The interval ends in the future"),
        ({"path": "chats.xlsx"}, f"path is chats.xlsx, {NO_FOLDER}"),
        ({"path": "chats.csv.gz"}, f"path is chats.csv.gz, {NO_FOLDER}"),
        ({"path": "chats"}, f"path is chats, {NO_FOLDER}"),
        ({"path": ""}, "path is missing: give the path of a file, or of a folder, which ends in /."),
        ({"path": None}, "path is missing"),
        ({"path": "None"}, "path is missing"),
        ({"path": "~/chats/"}, "path begins with ~"),
        ({"path": "file:/x/chats/"}, "path begins with file:/"),
        ({"path": 5}, "path is a int, not a path"),
        ({"path": "nowhere://bucket/chats.csv"}, "No file system for nowhere:// is installed"),
        ({"content": "encrypt"}, "content must be keep, hash or drop."),
        ({"page_size": "many"}, "page_size must be a whole number"),
        ({"max_rows": "-1"}, "max_rows must be a whole number"),
        ({"agents": "[agent_silva"}, "The CRM does not know the agents [agent_silva, so no message was read."),
        ({"agents": ["agent_silva", "nobody", "noone"]}, "The CRM does not know the agents nobody, noone,"),
    ],
)
def test_a_wrong_argument_fails_the_task_before_any_page_is_asked_for(crm: Sandbox, tmp_path, arguments, sentence):
    path = arguments.pop("path", str(tmp_path / "chats.csv"))
    with pytest.raises(AirflowFailException) as caught:
        run(path, **arguments)

    assert str(caught.value).startswith(sentence)
    assert "msgPage" not in paths(crm)
    if "agents" not in arguments:
        assert paths(crm) == []
    assert list(tmp_path.iterdir()) == []


def test_a_folder_has_a_file_for_each_task_and_a_mapped_task_adds_its_index(crm: Sandbox, tmp_path):
    folder = f"{tmp_path}/chats/"

    whole = run(folder)["path"]
    mapped = run(f"{tmp_path}/chats.csv", ti={"map_index": 3})["path"]

    assert whole == f"{folder}dag_id=dag/run_id=run/task_id=task/chats.parquet"
    assert mapped == f"{tmp_path}/chats-3.csv"
    assert sorted(each.name for each in tmp_path.rglob("*") if each.is_file()) == ["chats-3.csv", "chats.parquet"]


def test_object_storage_gets_the_file_when_it_is_complete(crm: Sandbox, tmp_path):
    attach("s3", "chats", fs=DirFileSystem(str(tmp_path), LocalFileSystem(auto_mkdir=True)))
    path = "s3://chats@bucket/day/chats.jsonl"
    crm.inject("code", code=508, after=2, path="msgPage", times=1)
    with pytest.raises(Exception, match="508"):
        run(path, page_size=50)
    assert not ObjectStoragePath(path).exists()

    manifest = run(path, page_size=50)

    with ObjectStoragePath(path).open("rb") as file:
        assert len(file.read().splitlines()) == manifest["rows"] == 400
    assert [each.name for each in tmp_path.rglob("*") if each.is_file()] == ["chats.jsonl"]


@pytest.mark.parametrize("content", ["keep", "hash", "drop"])
def test_nothing_of_a_message_shows_in_log_manifest_or_exception(crm: Sandbox, tmp_path, caplog, content):
    caplog.set_level(logging.DEBUG)
    crm.inject("message_arrives", times=2, path="msgPage")
    crm.inject("code", code=599, message="friendWhatsId 5511990000012 is error", after=4, times=1, path="msgPage")

    with pytest.raises(Exception, match="599") as caught:
        run(str(tmp_path / "chats.csv"), content=content, page_size=50)
    manifest = run(str(tmp_path / "chats.csv"), content=content, page_size=50)

    shown = f"{caplog.text} {manifest} {caught.value!r}"
    messages = messages_between(crm, START, START + DAY)
    hidden = {
        each[name] for each in messages for name in ("msgId", "whatsId", "friendWhatsId", "friendName", "content")
    }
    assert [value for value in [*hidden, *TEXTS, crm.settings.api_key] if value in shown] == []
    assert "Wrote 402 messages" in shown


def test_a_killed_task_makes_no_further_call(crm: Sandbox, tmp_path):
    with DAG("dag", schedule=None):
        operator = SocialSCRMChatsToFileOperator(task_id="task", path=str(tmp_path / "chats.csv"), **INTERVAL)
    operator.on_kill()

    with pytest.raises(Exception, match="A retry resumes"):
        operator.execute({"ti": FakeTaskInstance()})

    assert paths(crm) == ["msgPage"]


def test_the_data_interval_is_the_default_and_a_path_object_is_shown_as_text(tmp_path):
    operator = SocialSCRMChatsToFileOperator(task_id="task", path=tmp_path / "{{ ds }}.csv")

    assert (operator.start, operator.end) == ("{{ data_interval_start }}", "{{ data_interval_end }}")
    assert operator.path == f"{tmp_path}/{{{{ ds }}}}.csv"
    with DAG("dag", schedule=None):
        mapped = SocialSCRMChatsToFileOperator.partial(task_id="other", path=Path("/x/chats.csv")).expand(agents=["a"])
    assert mapped.partial_kwargs["path"] == "/x/chats.csv"


def test_templates_keep_their_text_in_a_dag_that_renders_to_python_objects(monkeypatch, tmp_path):
    monkeypatch.setattr(operator_module, "datetime", datetime)
    with DAG("dag", schedule=None, render_template_as_native_obj=True) as dag:
        operator = SocialSCRMChatsToFileOperator(
            task_id="task", path="{{ folder }}/chats.csv", agents="{{ agent }}", page_size="{{ 50 }}"
        )
    context = {
        "dag": dag,
        "task": operator,
        "folder": str(tmp_path),
        "agent": "1e5",
        "data_interval_start": datetime(2024, 10, 4, tzinfo=UTC),
        "data_interval_end": datetime(2024, 10, 5, tzinfo=UTC),
    }
    operator.render_template_fields(context)

    options = operator._options(context)

    assert (options.agents, options.page_size) == (("1e5",), 50)
    assert options.end - options.start == DAY
    assert operator.path == f"{tmp_path}/chats.csv"


def test_the_hook_yields_batches_and_returns_a_frame(crm: Sandbox):
    hook = SocialSCRMHook()
    with hook:
        batches = list(hook.iter_chats(**INTERVAL, agents="agent_wang", page_size=40, chat_type="person"))
        frame = hook.get_chats_df(**INTERVAL, agents="agent_wang", columns=["msgId", "chatTime"])

    people = [each for each in messages_between(crm, START, START + DAY, "agent_wang") if each["chatType"] == 1]
    assert sorted(each for batch in batches for each in batch["msgId"].to_pylist()) == sorted(
        each["msgId"] for each in people
    )
    assert len(batches) > 1
    assert (len(frame), list(frame.columns), str(frame["chatTime"].dt.tz)) == (100, ["msgId", "chatTime"], "UTC")
    assert hook.get_chats_df(**INTERVAL, friend="1").empty


def test_the_hook_checks_its_arguments_before_any_call(crm: Sandbox):
    with pytest.raises(ValueError, match="The interval is empty"):
        SocialSCRMHook().iter_chats(INTERVAL["end"], INTERVAL["start"])
    with pytest.raises(ValueError, match="chat_type must be person or group"):
        SocialSCRMHook().iter_chats(**INTERVAL, chat_type="all")
    with pytest.raises(ValueError, match="max_rows = 5"):
        list(SocialSCRMHook().iter_chats(**INTERVAL, max_rows=5))
    assert paths(crm) == ["msgPage"]
