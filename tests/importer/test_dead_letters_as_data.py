"""A dead letter that is given back as data: no customer gets a second welcome, unless the user says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.errors import UncertainError
from airflow_provider_socialscrm.api.retry import RetryLimits
from airflow_provider_socialscrm.importer.changes.options import Ledger
from airflow_provider_socialscrm.importer.dry_run import preview_import
from airflow_provider_socialscrm.importer.errors import RejectedRowsError
from airflow_provider_socialscrm.importer.identity import ImportIdentity
from airflow_provider_socialscrm.importer.options import Options, Rules
from airflow_provider_socialscrm.importer.reasons import IN_DOUBT_BEFORE, OWN_COLUMNS
from airflow_provider_socialscrm.importer.results.report import LONGEST_TEXT
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.checkpoints import MemoryCheckpointStore
from tests.support.imports import OFFLINE, counts_of, failure_of, number_of, table_of
from tests.support.ledger_imports import RememberingCrm
from tests.support.sandbox import settings_of

AT_ONCE = RetryLimits(attempts=2, first_wait=0.0, longest_wait=0.0, outage=0.0)
BAD = "12"
PATHS = settings.default.max_examples // 2


class LossyCrm(RememberingCrm):
    """Takes calls, and loses its response to those of some rows, whether it has taken them or not.

    :param losses: whether the call is taken, for each call in turn whose response is lost; ``None`` answers.
    """

    def __init__(self, losses: list[bool | None]) -> None:
        super().__init__()
        self.losses = losses

    def import_customers(self, rows: Any, *, agent: str | None = None) -> Any:
        loss = self.losses.pop(0) if self.losses else None
        if loss is not False:
            super().import_customers(rows, agent=agent)
        if loss is not None:
            raise UncertainError("the connection was lost")
        return ""


def importing(
    crm: Client, data: Any, rejects: Path | None = None, *, ledger: Path | None = None, **more: Any
) -> Import:
    store, number = more.pop("store", None), more.pop("run", 0)
    chosen = {"concurrency": 1, "max_rejected": None, "retry_limits": AT_ONCE} | more
    return Import(
        open_source(data),
        crm,
        Options(**chosen),
        rejects,
        store,
        identity=ImportIdentity("dag", f"run {number}", "task"),
        ledger=None if ledger is None else Ledger(ledger),
    )


def people(*, welcomed: int, others: int = 0) -> list[dict[str, Any]]:
    return [
        {"whatsApp": number_of(place), "friendName": f"Name {place}"}
        | ({"welcome": "Hello"} if place < welcomed else {})
        for place in range(welcomed + others)
    ]


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [row for batch in open_source(path).batches() for row in batch.records.to_pylist()]


@pytest.fixture
def doubted(tmp_path: Path) -> Path:
    """The dead letter of an import whose calls with welcomes were taken, with their responses lost."""
    path = tmp_path / "doubted.csv"
    assert failure_of(importing(LossyCrm([True, True, True]), table_of(people(welcomed=3, others=2)), path)) is None
    assert {row["socialscrm_bucket"] for row in rows_of(path)} == {"unknown"}
    return path


def in_capitals(path: Path) -> pa.Table:
    table = pa.Table.from_pylist(rows_of(path))
    return table.rename_columns(
        [name.upper() if name.startswith("socialscrm") else name for name in table.column_names]
    )


FORMS: dict[str, Callable[[Path], Any]] = {
    "file": lambda path: path,
    "table": lambda path: pa.Table.from_pylist(rows_of(path)),
    "records": rows_of,
    "from a warehouse": in_capitals,
    "after another file": lambda path: [table_of(people(welcomed=3)), pa.Table.from_pylist(rows_of(path))],
    "before another file": lambda path: [pa.Table.from_pylist(rows_of(path)), table_of(people(welcomed=3))],
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("duplicates", ["last", "first", "send"])
def test_unknown_rows_with_a_welcome_are_held(doubted, tmp_path, form, duplicates):
    crm = LossyCrm([])
    run = importing(crm, form(doubted), tmp_path / "left.jsonl", rules=Rules(duplicates=duplicates))

    assert failure_of(run) is None
    assert not crm.taken
    left = [row for row in rows_of(tmp_path / "left.jsonl") if row["socialscrm_bucket"] == "unknown"]
    assert {row["whatsApp"] for row in left} == {number_of(place) for place in range(3)}
    assert {row["socialscrm_code"] for row in left} == {"in-doubt"}
    assert "Look the customer up" in left[0]["socialscrm_hint"]


def test_a_dead_letter_of_a_dead_letter_holds_them_too_also_with_other_faults(doubted, tmp_path):
    rows = [row | {"whatsApp": BAD} for row in rows_of(doubted)]
    path = tmp_path / "again.csv"
    assert failure_of(importing(LossyCrm([]), rows, path)) is None
    assert {row["socialscrm_code"] for row in rows_of(path)} == {"bad-number + in-doubt"}

    fixed = [row | {"whatsApp": number_of(place)} for place, row in enumerate(rows_of(path))]
    crm = LossyCrm([])
    run = importing(crm, fixed)
    assert (failure_of(run), counts_of(run), len(crm.taken)) == (None, {"unknown": 3}, 0)


def test_without_the_welcome_they_are_sent(doubted):
    for change in (
        {"rules": Rules(columns={"welcome": None})},
        {"data": [row | {"welcome": ""} for row in rows_of(doubted)]},
    ):
        crm = LossyCrm([])
        run = importing(crm, change.pop("data", doubted), **change)
        assert (failure_of(run), counts_of(run), crm.welcomes.total()) == (None, {"accepted": 3}, 0)


def test_a_constant_welcome_is_held_as_one_of_a_column(doubted):
    rows = [row | {"welcome": None} for row in rows_of(doubted)]
    run = importing(LossyCrm([]), rows, rules=Rules(defaults={"welcome": "Hello"}))

    assert (failure_of(run), counts_of(run)) == (None, {"unknown": 3})


def test_the_user_may_have_them_sent(doubted):
    crm = LossyCrm([])
    run = importing(crm, doubted, on_unknown="resend")

    assert (failure_of(run), counts_of(run), crm.welcomes.total()) == (None, {"accepted": 3}, 3)


@pytest.mark.parametrize("bucket", ["rejected", "invalid", "not_sent"])
def test_rows_of_other_buckets_are_sent_with_their_welcome(doubted, bucket):
    run = importing(crm := LossyCrm([]), [row | {"socialscrm_bucket": bucket} for row in rows_of(doubted)])

    assert (failure_of(run), counts_of(run), crm.welcomes.total()) == (None, {"accepted": 3}, 3)


def test_a_ledger_that_has_the_doubt_sends_the_row_without_its_welcome(tmp_path):
    crm, ledger, path = LossyCrm([True, False]), tmp_path / "ledger", tmp_path / "left.csv"
    assert failure_of(importing(crm, table_of(people(welcomed=2)), path, ledger=ledger)) is None
    run = importing(crm, path, ledger=ledger, run=1)

    assert (failure_of(run), counts_of(run)) == (None, {"accepted": 2})
    assert crm.welcomes == {number_of(0): 1, number_of(1): 0}


def test_a_ledger_that_does_not_have_the_doubt_holds_the_row(doubted, tmp_path):
    crm = LossyCrm([])
    run = importing(crm, doubted, ledger=tmp_path / "ledger")

    assert (failure_of(run), counts_of(run), len(crm.taken)) == (None, {"unknown": 3}, 0)
    run = importing(crm, doubted, ledger=tmp_path / "ledger", on_unknown="resend", run=1)
    assert (failure_of(run), counts_of(run), crm.welcomes.total()) == (None, {"accepted": 3}, 3)


def test_a_dry_run_says_the_same(doubted):
    found = preview_import(open_source(doubted), Options(), OFFLINE, lambda _: 100)
    assert (found.sendable, found.manifest()["rows"]["unknown"], found.welcome) == (0, 3, "")
    with pytest.raises(RejectedRowsError, match="3 of 3 rows were refused"):
        found.check(Options())

    found = preview_import(open_source(doubted), Options(on_unknown="resend"), OFFLINE, lambda _: 100)
    assert (found.sendable, found.manifest()["rows"]["unknown"]) == (3, 0)


def test_the_manifest_has_the_whole_reason():
    assert (
        max(len(msgspec.json.encode(text)) for text in (IN_DOUBT_BEFORE.meaning, IN_DOUBT_BEFORE.hint)) <= LONGEST_TEXT
    )


def test_on_the_sandbox_no_customer_is_welcomed_twice(crm: Sandbox, tmp_path):
    crm.inject("reset_after", times=2)
    client = lambda: Client(settings_of(crm))  # noqa: E731 - a client ends with its import
    rows = [row | {"agentAccount": crm.settings.agents[0]} for row in people(welcomed=4, others=3)]
    first = importing(client(), table_of(rows), tmp_path / "left.csv")
    assert (failure_of(first), counts_of(first)) == (None, {"accepted": 5, "unknown": 2})

    again = importing(client(), tmp_path / "left.csv", tmp_path / "again.csv")
    assert (failure_of(again), counts_of(again)) == (None, {"unknown": 2})
    assert {each["welcomes"] for each in crm.customers()} <= {0, 1}


STEPS = st.tuples(
    st.sampled_from(["retry", "retry without checkpoint", "dead letter", "dead letter with another file"]),
    st.booleans(),
    st.lists(st.sampled_from([True, False, None]), max_size=3),
)


DEAD_LETTER = pa.schema([(name, pa.string()) for name in ("whatsApp", "friendName", "welcome", *OWN_COLUMNS)])


@settings(max_examples=PATHS)
@given(
    losses=st.lists(st.sampled_from([True, False, None]), max_size=6),
    steps=st.lists(STEPS, min_size=1, max_size=4),
    ending=st.sampled_from([".csv", ".jsonl", ".parquet"]),
    has_ledger=st.booleans(),
)
def test_whatever_path_the_rows_take_no_customer_is_welcomed_twice(tmp_path_factory, losses, steps, ending, has_ledger):
    folder = tmp_path_factory.mktemp("path")
    crm, ledger = LossyCrm(losses), folder / "ledger"
    data: Any = table_of([*people(welcomed=4, others=1), {"whatsApp": BAD, "welcome": "Hello"}])
    store, path, number = MemoryCheckpointStore(), folder / f"0{ending}", 0
    failure_of(importing(crm, data, path, store=store, ledger=ledger if has_ledger else None))
    for step, with_ledger, crm.losses in steps:
        if step.startswith("dead letter"):
            found = pa.Table.from_pylist(rows_of(path), DEAD_LETTER)
            data = path if step == "dead letter" else [found.slice(1), found]
            number, store, has_ledger = number + 1, MemoryCheckpointStore(), with_ledger
            path = folder / f"{number}{ending}"
        elif step == "retry without checkpoint":
            store.clear()
        chosen = ledger if has_ledger else None
        failure_of(importing(crm, data, path, store=store, ledger=chosen, run=number))

    assert max(crm.welcomes.values(), default=0) <= 1
