"""Messages of a sandbox, over HTTP, become a file."""

from __future__ import annotations

import csv
import json
import os
import stat
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.errors import SettingError, UncertainError
from airflow_provider_socialscrm.api.paces import Paces
from airflow_provider_socialscrm.api.repeats import SINGLE_CALL_LIMITS, perform
from airflow_provider_socialscrm.api.retry import Clock
from airflow_provider_socialscrm.chats import export as export_module
from airflow_provider_socialscrm.chats import reading
from airflow_provider_socialscrm.chats.export import ChatExport, parts_folder
from airflow_provider_socialscrm.chats.options import chat_options
from airflow_provider_socialscrm.importer.errors import InputError, StoppedError, SupersededError
from airflow_provider_socialscrm.importer.identity import ImportIdentity
from airflow_provider_socialscrm.sandbox.chats import DAY, messages_between
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.sandbox import settings_of

START = 20_000 * DAY
FROM = datetime.fromtimestamp(START / 1000, UTC)
TO = datetime.fromtimestamp((START + DAY) / 1000, UTC)
TASK = ImportIdentity("task", "dag", "run", None, 2)
NO_WAITS = Clock(sleep=lambda _seconds: None)


@pytest.fixture
def calls(crm: Sandbox) -> Iterator[Any]:
    settings = settings_of(crm)
    with closing(Client(settings)) as client, closing(Paces(settings)) as paces:
        yield lambda request: perform(request, client, paces, limits=SINGLE_CALL_LIMITS, clock=NO_WAITS)


@pytest.fixture
def export(crm: Sandbox, calls: Any):
    def make(path: Path, identity: ImportIdentity = TASK, *, save_interval: float = 0.0, **changes: Any) -> ChatExport:
        arguments = {"start": FROM, "end": TO, "page_size": 30} | changes
        options = chat_options(arguments.pop("start"), arguments.pop("end"), now=datetime.now(UTC), **arguments)
        return ChatExport(calls, settings_of(crm), options, path, identity=identity, save_interval=save_interval)

    return make


def rows_of(path: Path) -> list[dict[str, Any]]:
    match path.suffix:
        case ".parquet":
            rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
            return rows
        case ".csv":
            with path.open(encoding="utf-8", newline="") as file:
                return list(csv.DictReader(file))
        case _:
            return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def ids_of(path: Path) -> list[str]:
    return sorted(row["msgId"] for row in rows_of(path))


def expected(crm: Sandbox, agent: str | None = None) -> list[str]:
    return sorted(each["msgId"] for each in messages_between(crm, START, START + DAY, agent))


def pages_asked(crm: Sandbox) -> int:
    return sum(1 for call in crm.calls() if call["path"].endswith("msgPage"))


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_every_message_is_in_the_file_whatever_its_format(crm: Sandbox, export, tmp_path, ending):
    path = tmp_path / "new" / f"chats.{ending}"

    manifest = export(path).run()

    rows = rows_of(path)
    (first,) = [each for each in messages_between(crm, START, START + DAY) if each["msgId"] == rows[0]["msgId"]]
    assert ids_of(path) == expected(crm)
    assert rows[0]["content"] == first["content"]
    assert rows[0]["chatType"] == str(first["chatType"])
    assert json.loads(rows[0]["otherFields"]) == {"sandboxNumber": first["sandboxNumber"]}
    time = rows[0]["chatTime"]
    time = time if ending == "parquet" else datetime.fromisoformat(time)
    assert (time.timestamp(), time.utcoffset().total_seconds()) == (first["chatTime"] / 1000, 0)
    assert manifest == {
        "rows": 400,
        "pages": 15,
        "by_agent": dict.fromkeys(crm.settings.agents, 100),
        "first": manifest["first"],
        "last": manifest["last"],
        "start": "2024-10-04T00:00:00.000Z",
        "end": "2024-10-05T00:00:00.000Z",
        "content": "keep",
        "path": str(path),
    }
    assert manifest["start"] <= manifest["first"] < manifest["last"] < manifest["end"]


def test_only_the_owner_reads_the_file_and_nothing_else_is_left(export, tmp_path):
    before = os.umask(0)
    try:
        export(tmp_path / "new" / "chats.csv").run()
    finally:
        os.umask(before)

    (path,) = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [each.name for each in path.parent.iterdir()] == ["chats.csv"]


def test_messages_are_read_agent_by_agent(crm: Sandbox, export, tmp_path):
    path = tmp_path / "chats.parquet"

    manifest = export(path, agents=["agent_silva", "agent_wang"], columns=["username", "msgId"]).run()

    assert manifest["by_agent"] == {"agent_silva": 100, "agent_wang": 100}
    assert [row["username"] for row in rows_of(path)] == ["agent_silva"] * 100 + ["agent_wang"] * 100
    assert ids_of(path) == sorted([*expected(crm, "agent_silva"), *expected(crm, "agent_wang")])
    assert list(rows_of(path)[0]) == ["username", "msgId"]


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_an_interval_without_messages_is_a_file_without_rows(crm: Sandbox, export, tmp_path, ending):
    crm.configure(chats_per_day=0)
    path = tmp_path / f"chats.{ending}"

    manifest = export(path, columns=["msgId", "chatTime"]).run()

    assert rows_of(path) == []
    assert (manifest["rows"], manifest["first"], manifest["by_agent"]) == (0, None, {})
    if ending == "csv":
        assert path.read_text(encoding="utf-8") == '"msgId","chatTime"\n'


VENDORS = {
    "chat_past_end": ["empty", "last"],
    "chat_total": ["exact", "rounded", "capped", "missing"],
    "chat_order": ["newest", "oldest", "unstable"],
}
"""What the vendor may do."""


@pytest.mark.one_in(4)
@pytest.mark.parametrize(list(VENDORS), list(product(*VENDORS.values())))
def test_messages_that_arrive_while_paging_are_read_whatever_the_vendor_does(
    crm: Sandbox, export, tmp_path, *, chat_order, chat_total, chat_past_end
):
    crm.configure(chat_order=chat_order, chat_total=chat_total, chat_past_end=chat_past_end, chat_page_size=20)
    crm.inject("message_arrives", path="msgPage", after=2, times=1)
    crm.inject("message_arrives", path="msgPage", after=8, times=1, count=3, at="newest")
    crm.inject("message_arrives", path="msgPage", after=11, times=1, count=2, at="oldest")
    path = tmp_path / "chats.parquet"

    export(path).run()

    assert ids_of(path) == expected(crm)
    assert len(ids_of(path)) == 406


def test_long_intervals_are_read_in_windows(crm: Sandbox, export, tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "WINDOW_MESSAGES", 60)
    path = tmp_path / "chats.parquet"

    manifest = export(path).run()

    assert ids_of(path) == expected(crm)
    assert pages_asked(crm) > manifest["pages"] > 20  # the calls that led to halves count for no page


@pytest.mark.parametrize(("content", "kept"), [("hash", 32), ("drop", 0)])
def test_texts_may_be_hashed_or_dropped_in_the_file_and_in_the_parts(crm: Sandbox, export, tmp_path, content, kept):
    crm.inject("reset_before", after=5, path="msgPage")
    path = tmp_path / "chats.csv"
    with pytest.raises(Exception, match="connect"):
        export(path, content=content).run()
    parts = b"".join(each.read_bytes() for each in parts_folder(path, TASK).iterdir())
    crm.faults.clear()

    export(path, content=content).run()

    assert b"msgId" in parts
    for text in (parts, path.read_bytes()):
        assert b"Good morning" not in text
        assert "你好".encode() not in text
        assert b"sandboxNumber" not in text
    assert {len(row.get("content", "")) for row in rows_of(path)} == {kept}


def test_a_spreadsheet_computes_no_cell(crm: Sandbox, export, tmp_path, monkeypatch):
    monkeypatch.setattr("airflow_provider_socialscrm.sandbox.chats.TEXTS", ("=1+1", '+"x",\n', "@SUM(A1)", "-5"))
    path = tmp_path / "chats.csv"

    export(path, columns=["content"]).run()

    assert {row["content"][:2] for row in rows_of(path)} == {"'=", "'+", "'@", "'-"}


def test_a_retry_resumes_at_the_page_that_was_reached(crm: Sandbox, export, tmp_path, caplog):
    path = tmp_path / "chats.parquet"
    crm.inject("reset_before", after=9, path="msgPage")
    with pytest.raises(Exception, match="connect"):
        export(path, save_interval=1e9).run()  # the page that was reached is saved in any case
    crm.faults.clear()
    assert not path.exists()
    crm.reset()
    caplog.set_level("INFO")

    manifest = export(path).run()

    assert pages_asked(crm) == 15 - 9
    assert (manifest["rows"], manifest["pages"]) == (400, 15)
    assert ids_of(path) == expected(crm)
    assert [each.name for each in tmp_path.iterdir()] == ["chats.parquet"]
    assert "Resume behind 270 messages on 9 pages" in caplog.text


def test_a_retry_resumes_within_a_later_sweep_without_doubles(crm: Sandbox, export, tmp_path):
    path = tmp_path / "chats.parquet"
    crm.configure(chat_total="missing")  # so that there is a second sweep
    crm.inject("reset_before", after=20, path="msgPage")
    with pytest.raises(Exception, match="connect"):
        export(path).run()
    crm.faults.clear()
    crm.inject("message_arrives", times=1, at="newest")

    export(path).run()

    assert ids_of(path) == expected(crm)
    assert len(ids_of(path)) == 401


OTHERS = {
    "another task": {"identity": ImportIdentity("other", "dag", "run", None, 2)},
    "cleared": {"identity": ImportIdentity("task", "dag", "run", None, 4)},
    "another interval": {"start": datetime.fromtimestamp((START + 1) / 1000, UTC)},
    "other columns": {"columns": ["msgId", "content"]},
    "other pages": {"page_size": 31},
    "texts dropped": {"content": "drop"},
}


@pytest.mark.parametrize("changes", OTHERS.values(), ids=OTHERS)
def test_what_another_export_read_is_never_used(crm: Sandbox, export, tmp_path, changes):
    path = tmp_path / "chats.parquet"
    crm.inject("reset_before", after=9, path="msgPage")
    with pytest.raises(Exception, match="connect"):
        export(path).run()
    crm.faults.clear()
    crm.reset()

    manifest = export(path, **changes).run()

    assert pages_asked(crm) == manifest["pages"] > 13
    assert len(ids_of(path)) == manifest["rows"]


def test_a_part_that_is_damaged_or_missing_is_read_again(crm: Sandbox, export, tmp_path):
    path = tmp_path / "chats.parquet"
    for damage in (
        lambda part: part.unlink(),
        lambda part: part.write_bytes(b"ARROW1"),
        lambda part: part.write_text(""),
    ):
        crm.inject("reset_before", after=6, path="msgPage")
        with pytest.raises(Exception, match="connect"):
            export(path).run()
        crm.faults.clear()
        damage(sorted(parts_folder(path, TASK).iterdir())[2])

        export(path).run()

        assert ids_of(path) == expected(crm)
        assert [each.name for each in tmp_path.iterdir()] == ["chats.parquet"]


def test_two_tries_at_the_same_time_write_the_same_file_once(crm: Sandbox, export, tmp_path):
    path = tmp_path / "chats.parquet"
    older = export(path)
    pages = export_module.Reading.pages

    def interrupted(self):
        for number, page in enumerate(pages(self)):
            if number == 7 and self is not None and not newer:
                newer.append(export(path))
                newer[0].run()
            yield page

    newer: list[ChatExport] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export_module.Reading, "pages", interrupted)
        with pytest.raises(SupersededError, match="Another try of this task has ended"):  # and deleted the first parts
            older.run()

    assert ids_of(path) == expected(crm)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_more_messages_than_allowed_leave_no_file_and_no_parts(crm: Sandbox, export, tmp_path):
    with pytest.raises(InputError, match="more than max_rows = 399 messages"):
        export(tmp_path / "chats.csv", max_rows=399).run()
    assert list(tmp_path.iterdir()) == []

    export(tmp_path / "chats.csv", max_rows=400).run()


def test_a_failure_that_no_retry_can_help_leaves_no_parts(crm: Sandbox, export, tmp_path):
    crm.inject("code", code=529, after=4, path="msgPage")

    with pytest.raises(SettingError):
        export(tmp_path / "chats.csv").run()

    assert list(tmp_path.iterdir()) == []


def test_the_first_call_that_fails_leaves_nothing(crm: Sandbox, export, tmp_path):
    crm.inject("truncated", path="msgPage")

    with pytest.raises(UncertainError):
        export(tmp_path / "chats.csv").run()

    assert list(tmp_path.iterdir()) == []


def test_a_task_that_is_terminated_saves_what_was_read(crm: Sandbox, export, tmp_path):
    path = tmp_path / "chats.csv"
    first = export(path, save_interval=1e9)
    first.stop()
    with pytest.raises(StoppedError):
        first.run()
    assert pages_asked(crm) == 1

    export(path).run()

    assert pages_asked(crm) == 15
    assert ids_of(path) == expected(crm)


def test_the_manifest_counts_few_agents_by_name(crm: Sandbox, export, tmp_path, monkeypatch):
    monkeypatch.setattr(export_module, "MOST_AGENTS", 2)

    by_agent = export(tmp_path / "chats.csv").run()["by_agent"]

    assert len(by_agent) == 3
    assert by_agent["(others)"] == 200
