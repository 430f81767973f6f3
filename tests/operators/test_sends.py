"""Tasks that send to the numbers in a table, against the sandbox over HTTP."""

from __future__ import annotations

import json
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from airflow.sdk import DAG

from airflow_provider_socialscrm._compat import AirflowFailException, AirflowSkipException
from airflow_provider_socialscrm.api.contents import Image, Text
from airflow_provider_socialscrm.api.errors import RetriableError, ServiceError
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.operators.sends import SocialSCRMSendOperator
from airflow_provider_socialscrm.sandbox.send_tasks import SendTasks
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.airflow import FakeTaskInstance, serialized

SENDER, OTHER_SENDER = "8613900000001", "5511900000002"
NUMBERS = [f"86138000000{n:02}" for n in range(12)]
PATH = "gsTask/assign/moscCreate"


@pytest.fixture
def crm(connected_crm: Sandbox) -> Sandbox:
    connected_crm.configure(send_seconds=0, send_interval=0)
    return connected_crm


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    return str(tmp_path / "sends")


def made(ledger: Any, **arguments: Any) -> SocialSCRMSendOperator:
    data = pd.DataFrame({"whatsApp": NUMBERS})
    known = {"data": data, "sender": SENDER, "content": "Hello", "confirm_recipients": 12}
    with DAG("dag", schedule=None):
        return SocialSCRMSendOperator(task_id="send", ledger=ledger, **known | arguments)


def run(ledger: Any, *, ti: FakeTaskInstance | None = None, **arguments: Any) -> dict[str, Any]:
    ti = ti or FakeTaskInstance(task_id="send")
    return made(ledger, **arguments).execute({"ti": ti})


def reached(crm: Sandbox) -> list[str]:
    return sorted(message.recipient for message in crm.memory(SendTasks).messages())


def connection(crm: Sandbox, **extra: Any) -> str:
    """Return Airflow's connection to the sandbox with more extras."""
    known = json.loads(crm.connection_json())
    return json.dumps({**known, "extra": {**known["extra"], **extra}})


def calls(crm: Sandbox) -> int:
    return sum(call["path"].endswith(PATH) for call in crm.calls())


def test_each_number_gets_the_message_and_the_manifest_has_no_number(crm, ledger, caplog):
    caplog.set_level("DEBUG")
    ti = FakeTaskInstance(task_id="send")
    manifest = run(ledger, ti=ti, recipients_per_task=5)

    assert reached(crm) == NUMBERS
    tasks = crm.memory(SendTasks).all()
    assert manifest == {
        "campaign": "dag/send run",
        "rows": 12,
        "recipients": 12,
        "invalid": 0,
        "duplicate": 0,
        "accepted": 12,
        "sent_before": 0,
        "rejected": 0,
        "in_doubt": 0,
        "not_sent": 0,
        "task_ids": [task.id for task in tasks],
        "doubts": [],
        "refusals": [],
    }
    assert ti.pushed == [("task_ids", manifest["task_ids"])]
    assert [task.name.rpartition(" ")[0] for task in tasks] == [f"dag/send run #{number}" for number in (1, 2, 3)]
    seen = f"{caplog.text}{manifest}{ti.pushed}"
    assert not [number for number in NUMBERS if number in seen]


def test_a_path_of_a_mapped_task_and_objects_of_ours_are_taken(crm, ledger, tmp_path):
    pd.DataFrame({"Phone No": [f"+{number}" for number in NUMBERS], "by": SENDER}).to_csv(
        tmp_path / "a.csv", index=False
    )
    content = [Text("Look"), Image("https://x.example/a.png"), {"kind": "image", "url": "https://x.example/b.png"}]
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)

    run(
        tmp_path / "sends", data=str(tmp_path / "a.csv"), column="phone_no", sender=None, sender_column="By",
        content=content, start=start, end=(start + timedelta(hours=8)).isoformat(), channel="mobile",
        agent="agent_wang",
    )  # fmt: skip
    (task,) = crm.memory(SendTasks).all()
    assert [each["type"] for each in task.contents] == [1, 2, 2]
    assert (round(task.starts_at), task.agent, task.send_type) == (int(start.timestamp()), "agent_wang", 2)


@pytest.mark.parametrize("path", [None, "", " ", "None", "~/ledger", "file:/ledger", "s3:/crm/ledger"])
def test_a_ledger_that_is_no_folder_of_its_own_sends_nothing(crm, tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AirflowFailException, match=r"^ledger (is missing: give the path of a folder|begins with )"):
        run(path)
    assert calls(crm) == 0
    assert list(tmp_path.iterdir()) == []


def test_rows_become_recipients_by_the_rules_of_an_import(crm, ledger):
    rows = ["152 6666 7780", "+86 15266667780", "12 34", None, "0044 7911 123456", "5215512345678", "525512345678"]
    data = pd.DataFrame({"whatsApp": rows, "by": [SENDER] * 6 + ["x"]})
    manifest = run(
        ledger, data=data, sender=None, sender_column="by", default_region="CN", max_rejected=3, confirm_recipients=3
    )

    assert reached(crm) == ["447911123456", "5215512345678", "8615266667780"]
    assert (manifest["rows"], manifest["invalid"], manifest["duplicate"], manifest["recipients"]) == (7, 3, 1, 3)
    refusals = {each["code"]: (each["bucket"], each["rows"], each["first_positions"]) for each in manifest["refusals"]}
    assert refusals == {
        "number-not-in-use": ("invalid", 1, [2]),
        "no-number": ("invalid", 1, [3]),
        "bad-sender": ("invalid", 1, [6]),
        "duplicate": ("duplicate", 1, [1]),
    }


def test_two_forms_of_one_persons_number_get_one_message(crm, ledger):
    forms = ["5215512345678", "525512345678", "551187654321", "5511987654321"]
    run(ledger, data=pd.DataFrame({"whatsApp": forms}), confirm_recipients=2)
    other = run(ledger, data=pd.DataFrame({"whatsApp": forms[1::2]}), confirm_recipients=2)

    assert reached(crm) == ["5215512345678", "551187654321"]
    assert other["accepted"] == 2  # by the first run of the task
    assert calls(crm) == 1


def test_a_retry_and_a_clear_send_nothing_again_and_look_nobody_up(crm, ledger):
    first = run(ledger)
    before = len(crm.calls())

    assert run(ledger, ti=FakeTaskInstance(task_id="send", try_number=3, max_tries=9)) == first
    assert run(ledger, start="2020-01-01T00:00:00+08:00") == first  # it was in the future then
    assert len(crm.calls()) == before


def test_another_run_is_another_campaign_unless_it_has_a_name(crm, ledger):
    run(ledger)
    run(ledger, ti=FakeTaskInstance(task_id="send", run_id="next"))
    assert Counter(reached(crm)) == dict.fromkeys(NUMBERS, 2)
    run(ledger, campaign="autumn")
    manifest = run(ledger, campaign="autumn", ti=FakeTaskInstance(task_id="other", run_id="third"))

    assert (manifest["sent_before"], manifest["task_ids"]) == (12, [])
    assert Counter(reached(crm)) == dict.fromkeys(NUMBERS, 3)


def test_tasks_of_a_map_share_a_campaign(crm, ledger):
    run(ledger, ti=FakeTaskInstance(task_id="send", map_index=0))
    manifest = run(ledger, ti=FakeTaskInstance(task_id="send", map_index=1))

    assert (manifest["sent_before"], len(reached(crm))) == (12, 12)


@pytest.mark.parametrize(
    "fault", [{"kind": "reset_after"}, {"kind": "http", "status": 502, "commit": True}, {"kind": "truncated"}]
)
def test_a_doubtful_response_fails_the_task_at_once_and_a_person_says_what_became_of_it(crm, ledger, fault):
    crm.inject(**fault, path=PATH, times=1, after=1)
    ti = FakeTaskInstance(task_id="send")
    with pytest.raises(AirflowFailException, match=r"5 recipients may have got .*'dag/send run #2 ") as failure:
        run(ledger, ti=ti, recipients_per_task=5)
    manifest = dict(ti.pushed)["return_value"]
    assert [manifest[each] for each in ("accepted", "in_doubt", "not_sent")] == [5, 5, 2]
    assert not [number for number in NUMBERS if number in str(failure.value)]

    with pytest.raises(AirflowFailException, match="5 recipients may have got the message"):
        run(ledger, recipients_per_task=5)
    assert reached(crm) == NUMBERS
    doubt = manifest["doubts"][0]
    looked_up = next(task.id for task in crm.memory(SendTasks).all() if task.name == doubt["name"])
    resolved = run(ledger, doubts={doubt["call"]: looked_up})
    assert resolved["accepted"] == 12
    assert resolved["task_ids"] == [task.id for task in crm.memory(SendTasks).all()]
    assert reached(crm) == NUMBERS


def test_what_a_person_says_was_not_sent_is_sent(crm, ledger):
    crm.inject("reset_before", path=PATH, times=1)
    ti = FakeTaskInstance(task_id="send")
    with pytest.raises(AirflowFailException):
        run(ledger, ti=ti)
    assert reached(crm) == []
    call = dict(ti.pushed)["return_value"]["doubts"][0]["call"]

    assert run(ledger, doubts=f"{{'{call}': 'not_sent'}}")["accepted"] == 12
    assert reached(crm) == NUMBERS


class Ended(BaseException):
    """A signal's handler raises it, as Airflow's does at execution_timeout."""


def test_a_signal_lets_the_call_in_flight_end_and_leaves_no_doubt(crm, ledger):
    crm.inject("latency", seconds=0.6, path=PATH, times=1)

    def handle(*_: Any) -> None:
        raise Ended

    before = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(Ended):
            run(ledger, check_executors=False, recipients_per_task=5)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert reached(crm) == NUMBERS[:5]
    assert run(ledger)["accepted"] == 12
    assert reached(crm) == NUMBERS


def test_an_unavailable_crm_is_left_to_a_retry(crm, ledger, monkeypatch):
    def unavailable(*_: Any, **__: Any) -> None:
        raise ServiceError("SocialsCRM is unavailable.")

    ti = FakeTaskInstance(task_id="send")
    with monkeypatch.context() as patch:
        patch.setattr(SocialSCRMHook, "send_many", unavailable)
        with pytest.raises(RetriableError):
            run(ledger, ti=ti)

    assert dict(ti.pushed)["return_value"]["not_sent"] == 12
    assert run(ledger)["accepted"] == 12


BAD = [
    ({"data": pd.DataFrame({"whatsApp": []})}, "no recipients"),
    ({"data": None}, "data is None"),
    (
        {"data": pd.DataFrame({"whatsApp": ["x"]}), "max_rejected": None},
        "The row does not have a recipient, so nothing was sent",
    ),
    ({"data": pd.DataFrame({"whatsApp": [*NUMBERS, "x"]})}, "1 of 13 rows cannot be sent to .*bad-number, first at 12"),
    ({"data": pd.DataFrame({"phone": NUMBERS})}, "no column 'whatsApp'"),
    ({"confirm_recipients": None}, "confirm_recipients must be the number"),
    ({"confirm_recipients": "None"}, "confirm_recipients must be the number"),
    ({"confirm_recipients": ""}, "confirm_recipients must be the number"),
    ({"confirm_recipients": 12.0}, "confirm_recipients must be the number"),
    ({"confirm_recipients": True}, "confirm_recipients must be the number"),
    ({"confirm_recipients": 11}, "12 recipients, and confirm_recipients is 11"),
    ({"confirm_recipients": 13}, "12 recipients, and confirm_recipients is 13"),
    ({"content": None}, "content is missing"),
    ({"content": ""}, "nothing for people to read"),
    ({"content": []}, "content is empty"),
    ({"content": "x" * 1025}, "1,025 characters"),
    ({"content": "\N{GRINNING FACE}" * 513}, "1,026 characters"),
    ({"content": {"kind": "image", "url": ""}}, "no address"),
    ({"content": {"kind": "image"}}, "needs url"),
    ({"content": Image("file:///a.png")}, "not a public address"),
    ({"content": 5}, "content must be"),
    ({"start": "2020-01-01T00:00:00+08:00"}, "start is in the past"),
    ({"start": "2099-01-01T00:00:00"}, "no time zone"),
    ({"start": "tonight"}, "start is not a time"),
    ({"end": "2020-01-01T00:00:00+08:00"}, "end is in the past"),
    ({"start": "2099-01-02T00:00:00+08:00", "end": "2099-01-01T00:00:00+08:00"}, "end is not after start"),
    ({"agent": "nobody"}, "agent is 'nobody', whom the CRM does not know"),
    ({"sender": "8613900009999"}, "1 of 1 sender is not among the service numbers"),
    ({"sender": None}, "sender or sender_column"),
    ({"sender_column": "by"}, "sender or sender_column"),
    ({"sender": "Ann"}, "sender is not a service number"),
    ({"sender": "12345"}, "sender is not a service number"),
    ({"sender": "013900000001"}, "sender is not a service number"),
    ({"sender": "1390000000100001"}, "sender is not a service number"),
    ({"channel": "fax"}, "channel must be"),
    ({"channel": "mobile", "content": {"kind": "video", "url": "https://x.example/a.mp4"}}, "does not carry: video"),
    ({"recipients_per_task": 0}, "recipients_per_task must be"),
    ({"recipients_per_task": 5001}, "recipients_per_task must be"),
    ({"max_rejected": -1}, "max_rejected must be"),
    ({"doubts": ["a"]}, "doubts must be"),
    ({"doubts": {"ffffffff": "sent"}}, "not a call of this campaign"),
    ({"check_executors": "maybe"}, "check_executors must be"),
    ({"dry_run": "maybe"}, "dry_run"),
    ({"on_empty": "ignore"}, "on_empty must be"),
    ({"campaign": " "}, "campaign must be"),
    ({"name": ""}, "name must be"),
    ({"times_as": "seconds"}, "times_as"),
    ({"default_region": "XX"}, "default_region"),
    ({"ambiguous_numbers": "guess"}, "ambiguous_numbers"),
]


@pytest.mark.parametrize(("changes", "sentence"), BAD)
def test_bad_input_is_one_sentence_and_sends_nothing(crm, ledger, changes, sentence):
    with pytest.raises(AirflowFailException, match=sentence) as failure:
        run(ledger, **changes)
    assert calls(crm) == 0
    assert not [number for number in NUMBERS if number in str(failure.value)]


@pytest.mark.parametrize("ledger", ["", None, 5])
def test_a_ledger_is_required(crm, ledger):
    with pytest.raises(AirflowFailException, match="ledger is"):
        run(ledger)
    assert calls(crm) == 0


def test_the_ledger_must_be_apart_from_the_data_and_from_an_imports(crm, tmp_path):
    pd.DataFrame({"whatsApp": NUMBERS}).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(AirflowFailException, match="overlap"):
        run(str(tmp_path), data=str(tmp_path / "a.csv"))
    (tmp_path / "ledger.json").write_text("{}")
    with pytest.raises(AirflowFailException, match="an import's ledger"):
        run(str(tmp_path))
    assert calls(crm) == 0


def test_a_recipient_with_two_senders_is_an_error(crm, ledger):
    data = pd.DataFrame({"whatsApp": [*NUMBERS, NUMBERS[3]], "by": [SENDER] * 12 + [OTHER_SENDER]})
    with pytest.raises(AirflowFailException, match=r"two senders each.* rows 3 and 12, counted from 0"):
        run(ledger, data=data, sender=None, sender_column="by")
    assert calls(crm) == 0


def test_a_look_up_that_is_refused_can_be_left_out(crm, ledger):
    crm.inject("http", status=404, path="queryWhatsAppStatus")
    with pytest.raises(AirflowFailException, match="check_executors=False"):
        run(ledger)
    assert calls(crm) == 0
    assert run(ledger, check_executors=False)["accepted"] == 12


def test_no_rows_can_skip_the_task(crm, ledger):
    with pytest.raises(AirflowSkipException):
        run(ledger, data=pd.DataFrame({"whatsApp": []}), on_empty="skip")


def test_a_recipient_that_the_crm_rejects_is_a_doubt_unless_rejections_are_atomic(crm, ledger, monkeypatch):
    crm.configure(send_recipients="customers", refusal="partial")
    with pytest.raises(AirflowFailException, match=r"12 recipients may have got the message.*532"):
        run(ledger)
    crm.configure(refusal="atomic")
    monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", connection(crm, refusals_are_atomic=True))
    with pytest.raises(AirflowFailException, match=r"12 of 12 rows were refused; max_rejected allows 0.*532"):
        run(ledger, campaign="other")
    crm.configure(send_recipients="anybody")
    assert run(ledger, campaign="other")["accepted"] == 12


def test_a_dry_run_counts_shows_a_masked_message_and_makes_no_call(crm, ledger, caplog):
    caplog.set_level("INFO")
    preview = run(ledger, dry_run=True, confirm_recipients=None, content="Happy autumn", recipients_per_task=5)

    assert crm.calls() == []
    assert not Path(ledger).exists()
    assert {name: preview[name] for name in ("recipients", "to_send", "sent_before", "tasks")} == {
        "recipients": 12,
        "to_send": 12,
        "sent_before": 0,
        "tasks": 3,
    }
    assert preview["example"] == {"from": "9999999999999", "to": "9999999999999", "content": "Happy autumn"}
    assert "Happy autumn" in caplog.text
    assert NUMBERS[0] not in caplog.text
    run(ledger, data=pd.DataFrame({"whatsApp": NUMBERS[:5]}), confirm_recipients=5)
    assert run(ledger, dry_run=True)["to_send"] == 7


@pytest.mark.parametrize("native", [False, True])
def test_templates_give_values_of_any_type(crm, ledger, native):
    with DAG("dag", schedule=None, render_template_as_native_obj=native) as dag:
        operator = SocialSCRMSendOperator(
            task_id="send",
            data=pd.DataFrame({"whatsApp": NUMBERS}),
            sender="{{ 8613900000001 }}",
            content="{{ 100 }}",
            confirm_recipients="{{ 10 + 2 }}",
            ledger=ledger + "{{ '' }}",
            campaign="{{ 2026 }}",
            start="{{ none }}",
            agent="{{ none }}",
            doubts="{{ none }}",
            recipients_per_task="{{ 6 }}",
            check_executors="{{ false }}",
            dry_run="{{ false }}",
            max_rejected="{{ 0 }}",
        )
    context = {"ti": FakeTaskInstance(task_id="send"), "dag": dag}
    operator.render_template_fields(context)
    manifest = operator.execute(context)

    assert (manifest["campaign"], manifest["accepted"], len(manifest["task_ids"])) == ("2026", 12, 2)
    assert crm.memory(SendTasks).all()[0].contents[0]["text"] == "100"


def test_neither_rows_nor_objects_are_in_the_serialized_dag(crm, ledger):
    with DAG("dag", schedule=None) as dag:
        common = {"sender": SENDER, "content": Image("https://x.example/a.png", "Look"), "ledger": Path(ledger)}
        SocialSCRMSendOperator(
            task_id="send", data=pd.DataFrame({"whatsApp": NUMBERS}), start=datetime.now(UTC), **common
        )
        SocialSCRMSendOperator.partial(task_id="mapped", **common).expand(
            data=[pd.DataFrame({"whatsApp": NUMBERS[:3]}), pd.DataFrame({"whatsApp": NUMBERS[3:]})]
        )
    stored = serialized(dag)

    assert not [number for number in NUMBERS if number in stored]
    assert "Image(" not in stored
    assert "https://x.example/a.png" in stored


def test_a_ledger_has_numbers_or_hashes_and_only_its_owner_reads_it(crm, ledger, monkeypatch):
    run(ledger)
    files = [path for path in Path(ledger).rglob("*") if path.is_file()]
    assert NUMBERS[0] in "".join(path.read_text() for path in files)
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}

    monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", connection(crm, ledger_secret="s3cret"))
    hashed = f"{ledger}-hashed"
    assert run(hashed, campaign="other")["accepted"] == 12
    assert run(hashed, campaign="other")["accepted"] == 12
    text = "".join(path.read_text() for path in Path(hashed).rglob("*") if path.is_file())
    assert not [number for number in NUMBERS if number in text]
    assert max(Counter(reached(crm)).values()) == 2
    with pytest.raises(Exception, match="another ledger_secret"):
        run(ledger)


def test_two_tasks_with_one_campaign_at_once_reach_each_number_once(crm, ledger, monkeypatch):
    monkeypatch.setattr("airflow_provider_socialscrm.sends.sending.OTHERS_PAUSE", 0.05)

    def send(task_id: str) -> dict[str, Any]:
        return run(ledger, campaign="autumn", recipients_per_task=2, ti=FakeTaskInstance(task_id=task_id))

    with ThreadPoolExecutor(2) as pool:
        manifests = list(pool.map(send, ["a", "b"]))

    assert reached(crm) == NUMBERS
    assert sum(each["accepted"] for each in manifests) == 12
    assert all(each["accepted"] + each["sent_before"] == 12 for each in manifests)
