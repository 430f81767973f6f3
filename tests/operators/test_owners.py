"""Tasks that leave customers without an owner, against the sandbox over HTTP."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from airflow.sdk import DAG

from airflow_provider_socialscrm._compat import AirflowFailException, AirflowSkipException
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from airflow_provider_socialscrm.operators.owners import SocialSCRMClearOwnersOperator
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.airflow import FakeTaskInstance, FakeTaskStateStore

NUMBERS = [f"86138000{place:05}" for place in range(120)]


@pytest.fixture(params=["body", "header"])
def crm(request, connected_crm: Sandbox, monkeypatch) -> Sandbox:
    from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook

    SocialSCRMHook().import_customers([{"whatsApp": number} for number in NUMBERS])
    monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", connected_crm.connection_json(request.param, login="admin"))
    return connected_crm


def run(data: Any = None, *, store: FakeTaskStateStore | None = None, try_number: int = 1, **arguments: Any) -> Any:
    ti = FakeTaskInstance(task_id="clear", try_number=try_number)
    context = {"ti": ti} if store is None else {"ti": ti, "task_state_store": store}
    data = pd.DataFrame({"whatsApp": [f"+{number}" for number in NUMBERS]}) if data is None else data
    with DAG("dag", schedule=None):
        return SocialSCRMClearOwnersOperator(task_id="clear", data=data, **arguments).execute(context)


def owners(crm: Sandbox) -> dict[str, str]:
    return {customer["whatsApp"]: customer["agent"] for customer in crm.customers()}


def clearing(crm: Sandbox) -> list[int]:
    return [call["rows"] for call in crm.calls() if call["path"].endswith("setPrincipalAsNull")]


def test_fifty_a_call_lose_their_owner(crm):
    manifest = run()

    assert manifest["rows"]["accepted"] == manifest["rows"]["total"] == 120
    assert sorted(clearing(crm)) == [20, 50, 50]
    assert {*owners(crm).values()} == {""}


@pytest.mark.parametrize("nothing", ["", " ", "None"])
def test_paths_without_a_value_are_no_files(crm, tmp_path, monkeypatch, nothing):
    monkeypatch.chdir(tmp_path)
    manifest = run(pd.DataFrame({"whatsApp": ["x"]}), rejects_path=nothing, checkpoint_path=nothing, max_rejected=None)

    assert (manifest["rows"]["invalid"], manifest["rejects_path"]) == (1, None)
    assert list(tmp_path.iterdir()) == []


def test_each_row_ends_in_a_bucket_and_the_dead_letter_has_the_others(crm, tmp_path):
    rows = [
        {"Mobile": NUMBERS[0], "agentAccount": "x", "friendName": "Ann"},
        {"Mobile": "8613999999999", "agentAccount": "y", "friendName": "Ben"},
        {"Mobile": "none", "agentAccount": "z", "friendName": "Cid"},
        {"Mobile": NUMBERS[0], "agentAccount": "x", "friendName": "Dan"},
    ]
    rejects = tmp_path / "rejects.csv"

    manifest = run(rows, column="mobile", max_rejected=2, rejects_path=str(rejects))

    counts = {name: rows for name, rows in manifest["rows"].items() if rows}
    assert counts == {"total": 4, "accepted": 1, "rejected": 1, "invalid": 1, "duplicate": 1}
    left = [row for batch in open_source(rejects).batches() for row in batch.records.to_pylist()]
    assert sorted((row["friendName"], row["socialscrm_bucket"]) for row in left) == [
        ("Ann", "duplicate"),
        ("Ben", "rejected"),
        ("Cid", "invalid"),
    ]


def test_more_rejected_rows_than_allowed_fail_the_task(crm):
    with pytest.raises(AirflowFailException, match="1 of 1 row was refused"):
        run([{"whatsApp": "8613999999999"}])


def test_an_unknown_customer_may_reject_the_whole_call_and_is_found(crm):
    crm.configure(unknown_customers="532")

    manifest = run([{"whatsApp": number} for number in [*NUMBERS[:7], "8613999999999"]], max_rejected=1)

    assert (manifest["rows"]["accepted"], manifest["rows"]["rejected"]) == (7, 1)
    assert [each["code"] for each in manifest["refusals"]] == [532]
    assert "import the customer first" in manifest["refusals"][0]["hint"]


def test_a_lost_response_is_sent_again(crm):
    crm.inject("reset_after", path="setPrincipalAsNull", times=1)

    assert run()["rows"]["accepted"] == 120


def test_a_row_that_the_response_leaves_out_is_asked_about_again(crm):
    crm.configure(strangers="missing")

    manifest = run([{"whatsApp": number} for number in NUMBERS[:5]], max_rejected=None)

    assert manifest["calls"]["unanswered_rows"] > 0


def test_a_retry_resumes(crm):
    store = FakeTaskStateStore()
    crm.inject("code", code=516, path="setPrincipalAsNull", after=1)
    with pytest.raises(AirflowFailException, match="516"):
        run(store=store, concurrency=1)
    crm.faults.clear()

    assert run(store=store, try_number=2)["rows"]["accepted"] == 120
    assert sum(clearing(crm)) < 240


def test_a_named_administrator_signs_or_is_named(crm, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", crm.connection_json("header", login=""))
    with pytest.raises(AirflowFailException, match="admin is missing"):
        run()
    assert clearing(crm) == []
    assert run(admin="admin")["rows"]["accepted"] == 120
    with pytest.raises(AirflowFailException, match="530"):
        run(admin="agent_wang")


@pytest.mark.parametrize(
    ("data", "arguments", "sentence"),
    [
        (None, {"max_rows": 119}, "more rows than max_rows allows, 119"),
        (None, {"max_rows": 0}, "max_rows must be"),
        (None, {"max_rows": "many"}, "max_rows must be"),
        (None, {"column": "mobile"}, "no column 'mobile'"),
        ([{"whats app": "1", "whats_app": "2"}], {}, "several columns"),
        (None, {"max_rejected": -1}, "max_rejected"),
        (None, {"default_region": "China"}, "default_region"),
        (None, {"concurrency": 0}, "concurrency"),
    ],
)
def test_bad_input_makes_no_call(crm, data, arguments, sentence):
    with pytest.raises(AirflowFailException, match=sentence):
        run(data, **arguments)
    assert clearing(crm) == []


def test_no_rows_succeed_or_skip(crm):
    empty = pd.DataFrame({"whatsApp": []})

    assert run(empty)["rows"]["total"] == 0
    with pytest.raises(AirflowSkipException):
        run(empty, on_empty="skip")


def test_no_customer_shows(crm, caplog):
    caplog.set_level("DEBUG", "airflow_provider_socialscrm")
    rows = [{"whatsApp": NUMBERS[0], "friendName": "Ann"}, {"whatsApp": "8613999999999", "friendName": "Ben"}]
    with DAG("dag", schedule=None):
        operator = SocialSCRMClearOwnersOperator(task_id="clear", data=rows, max_rejected=None)

    manifest = operator.execute({"ti": FakeTaskInstance(task_id="clear")})

    shown = f"{manifest}{caplog.text}{operator.data}"
    assert not any(text in shown for text in (NUMBERS[0], "8613999999999", "Ann", "Ben"))
