"""Runs that were cut short anywhere go on, and the last try accounts for the whole input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.errors import ServiceError
from airflow_provider_socialscrm.api.retry import Clock, RetryLimits
from airflow_provider_socialscrm.api.settings import AuthScheme, Settings
from airflow_provider_socialscrm.importer.errors import CheckpointError, InputError, StoppedError
from airflow_provider_socialscrm.importer.options import ALL, Options, Rules
from airflow_provider_socialscrm.importer.results import progress
from airflow_provider_socialscrm.importer.results.checkpoint import FileCheckpointStore
from airflow_provider_socialscrm.importer.results.intervals import Intervals
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sending.refused_fields import REFUSED_ROWS
from airflow_provider_socialscrm.importer.sources import base
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.sandbox import NO_LIMIT, as_new

AGENTS = ("agent_wang", "agent_silva", "agent_okafor")
REFUSED = ("stranger", "malformed", "numberless")
"""Kinds of rows that never go in: of an agent the CRM does not know, with a wrong extension field, without a number."""

BATCH_ROWS = 9
"""Small, so that few rows make several batches."""


class KilledError(BaseException):
    """Stands for what ends a process: nothing but the test catches it."""


class MemoryCheckpoint:
    """Keeps the state as JSON; dies at one of its saves, before or after it has kept it."""

    def __init__(self) -> None:
        self.text: str | None = None
        self.saves_left: int | None = None
        self.keeps_last = False

    def load(self) -> dict[str, Any] | None:
        return None if self.text is None else json.loads(self.text)

    def save(self, state: dict[str, Any]) -> None:
        dies = self.saves_left == 0
        if self.saves_left is not None:
            self.saves_left -= 1
        if not dies or self.keeps_last:
            self.text = json.dumps(state)
        if dies:
            raise KilledError

    def clear(self) -> None:
        self.text = None


class StoppingClient(Client):
    """Notes what each call carries, and does something at one of the calls instead of, or beside, sending it."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.carried: list[bytes] = []
        self.calls = 0
        self.at: int | None = None
        self.do: Any = None

    def import_customers(self, rows, *, agent=None):
        self.calls += 1
        self.carried.extend(rows)
        if self.calls == self.at:
            self.do()
        return super().import_customers(rows, agent=agent)


@dataclass
class World:
    """A sandbox, a table, and where the tries of one import meet."""

    crm: Sandbox
    table: pa.Table
    scheme: AuthScheme
    rejects: Path
    options: Options
    checkpoint: Any = field(default_factory=MemoryCheckpoint)
    calls: int = 0
    settled: set[bytes] = field(default_factory=set)
    tell: Any = None

    def attempt(self, stop: str | None = None, at: int = 0) -> Import:
        """Make one try, which is stopped in some way at some call or save; check that it sends nothing settled."""
        key = self.crm.settings.api_key
        settings = Settings(self.crm.url, "1", key, AGENTS[0], self.scheme, calls_per_second=100_000.0)
        with closing(StoppingClient(settings)) as client:
            run = Import(open_source(self.table), client, self.options, self.rejects, self.checkpoint, tell=self.tell)
            self._prepare(run, client, stop, at)
            try:
                run.run()
            finally:
                self.calls += client.calls
                assert sorted(self.settled.intersection(client.carried)) == []
                self._note_settled(run)
        return run

    def _prepare(self, run: Import, client: StoppingClient, stop: str | None, at: int) -> None:
        self.checkpoint.saves_left = at if stop in {"killed before", "killed after"} else None
        self.checkpoint.keeps_last = stop == "killed after"
        if stop == "ill":
            client.at, client.do = at + 1, ill
        if stop == "told":
            client.at, client.do = at + 1, run.stop

    def _note_settled(self, run: Import) -> None:
        state = self.checkpoint.load()
        if state is not None:
            settled = Intervals(state["settled"])
            self.settled |= {row.body for each in run._input.prepared() for row in each.rows if row.order in settled}

    def tries(self, stops: list[tuple[str, int]]) -> dict[str, Any]:
        """Make tries that are stopped as told, then as many as it takes; return the last one's manifest."""
        for stop, at in stops:
            try:
                return self.attempt(stop, at).manifest()
            except (ServiceError, StoppedError, KilledError):
                continue
        return self.attempt().manifest()

    def refused(self) -> list[tuple[int, str, str | None]]:
        """Return the dead letter's rows: position, bucket and number, sorted."""
        if self.rejects.stat().st_size == 0:  # a .jsonl file without rows
            return []
        rows = [row for batch in open_source(self.rejects).batches() for row in batch.records.to_pylist()]
        told = [(int(row["socialscrm_position"]), row["socialscrm_bucket"], row["friendName"]) for row in rows]
        return sorted(told)


def ill():
    raise ServiceError("The CRM is ill.")


def no_sleep(_seconds):
    """Wait for nothing."""


def number(position: int) -> str:
    return f"86997700{position:05}"


def table_of(kinds: list[str]) -> pa.Table:
    """Return a table with a row of each kind named, agents alternating."""
    rows = [
        {
            "whatsApp": "none" if kind == "numberless" else number(position),
            "agentAccount": "agent_gone" if kind == "stranger" else AGENTS[position % len(AGENTS)],
            "friendName": f"Name {position}",
            "Loyalty Level": {"malformed": "Tin", "good": "Gold"}.get(kind),
            "welcome": "Hello" if kind == "welcome" else None,
        }
        for position, kind in enumerate(kinds)
    ]
    names = ("whatsApp", "agentAccount", "friendName", "Loyalty Level", "welcome")
    return pa.Table.from_pylist(rows, pa.schema([(name, pa.string()) for name in names]))


@pytest.fixture(scope="module", autouse=True)
def _small_batches() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "BATCH_ROWS", BATCH_ROWS)
        yield


@pytest.fixture(scope="module")
def crm(running_sandbox: Sandbox) -> Sandbox:
    return as_new(running_sandbox, calls_per_second=NO_LIMIT)


def options(rows_per_call=3, concurrency=2, on_unknown="hold"):
    """Return options that give up at the first failure, and allow any refusal."""
    return Options(
        rows_per_call=rows_per_call,
        concurrency=concurrency,
        max_rejected=1_000_000,
        on_unknown=on_unknown,
        rules=Rules(extension_fields=ALL),
        retry_limits=RetryLimits(attempts=1),
        clock=Clock(sleep=no_sleep, chance=lambda: 0.5),
    )


def world_of(crm, folder, kinds, *, scheme=AuthScheme.BODY, suffix=".csv", **arguments) -> World:
    crm.reset()
    return World(crm, table_of(kinds), scheme, folder / f"rejects{suffix}", options(**arguments))


def times(crm: Sandbox) -> list[tuple[str, int]]:
    return sorted((customer["whatsApp"], customer["times_imported"]) for customer in crm.customers())


KINDS = st.lists(st.sampled_from(["good"] * 6 + ["welcome", *REFUSED]), max_size=45).filter(
    lambda kinds: kinds.count("malformed") < REFUSED_ROWS  # more could stop the run
)
STOPS = st.lists(st.tuples(st.sampled_from(["ill", "told"]), st.integers(0, 12)), max_size=7)
KILLS = st.lists(
    st.tuples(st.sampled_from(["ill", "told", "killed before", "killed after"]), st.integers(0, 12)), max_size=7
)
SHAPE = {
    "scheme": st.sampled_from(AuthScheme),
    "suffix": st.sampled_from([".csv", ".parquet", ".jsonl"]),
    "rows_per_call": st.integers(1, 5),
    "concurrency": st.integers(1, 3),
}


@settings(max_examples=settings.default.max_examples // 2)
@given(kinds=KINDS, stops=STOPS, shape=st.fixed_dictionaries(SHAPE))
def test_a_run_stopped_anywhere_and_resumed_sends_each_row_once_and_tells_each_refused_row_once(
    crm, kinds, stops, shape
):
    with TemporaryDirectory() as folder:
        world = world_of(crm, Path(folder), kinds, **shape)

        manifest = world.tries(stops)

        good = [position for position, kind in enumerate(kinds) if kind not in REFUSED]
        assert times(crm) == [(number(position), 1) for position in good]
        assert world.refused() == refusals(kinds)
        assert manifest["rows"] == counted(kinds)
        assert manifest["calls"]["sent"] == world.calls
        assert_nothing_is_left(world)


@settings(max_examples=settings.default.max_examples // 2)
@given(kinds=KINDS, stops=KILLS, shape=st.fixed_dictionaries(SHAPE))
def test_a_run_killed_anywhere_loses_no_row_and_welcomes_no_customer_twice(crm, kinds, stops, shape):
    with TemporaryDirectory() as folder:
        world = world_of(crm, Path(folder), kinds, **shape)

        manifest = world.tries(stops)

        refused = world.refused()
        unknown = [position for position, bucket, _ in refused if bucket == "unknown"]
        certain = [row for row in refused if row[1] != "unknown"]
        assert [kinds[position] for position in unknown] == ["welcome"] * len(unknown)
        assert certain == refusals(kinds)
        expected = counted(kinds)
        assert manifest["rows"] == expected | {
            "accepted": expected["accepted"] - len(unknown),
            "unknown": len(unknown),
        }
        accepted = {n for n, kind in enumerate(kinds) if kind not in REFUSED} - set(unknown)
        stored = {customer["whatsApp"]: customer for customer in crm.customers()}
        assert {number(position) for position in accepted} <= stored.keys()
        assert max((customer["welcomes"] for customer in stored.values()), default=0) <= 1
        killed = sum(stop.startswith("killed") for stop, _ in stops)
        repeated = sum(customer["times_imported"] - 1 for customer in stored.values())
        assert repeated <= killed * shape["concurrency"] * shape["rows_per_call"]
        assert_nothing_is_left(world)


def refusals(kinds):
    """Return what the dead letter should tell of the rows that never go in."""
    buckets = {"stranger": "rejected", "malformed": "rejected", "numberless": "invalid"}
    return [(n, buckets[kind], f"Name {n}") for n, kind in enumerate(kinds) if kind in REFUSED]


def counted(kinds):
    """Return the manifest's rows, where every answer arrived."""
    told = [bucket for _, bucket, _ in refusals(kinds)]
    counts = {bucket: told.count(bucket) for bucket in ("rejected", "invalid")}
    none = {"duplicate": 0, "blank": 0, "unknown": 0, "not_sent": 0}
    return {"total": len(kinds), "accepted": len(kinds) - len(told), **counts, **none}


def assert_nothing_is_left(world):
    assert world.checkpoint.load()["complete"]
    assert sorted(path.name for path in world.rejects.parent.iterdir()) == [world.rejects.name]


@pytest.mark.parametrize("stop", ["ill", "told"])
def test_a_stopped_run_keeps_its_state_and_the_manifest_counts_the_tries_before(crm, tmp_path, stop):
    world = world_of(crm, tmp_path, ["good"] * 8 + ["malformed"] + ["good"] * 31, concurrency=1)

    with pytest.raises((ServiceError, StoppedError)):
        world.attempt(stop, 6)

    before = world.checkpoint.load()["report"]
    assert before["settled"]["buckets"]["accepted"] > 0
    assert before["calls"]["sent"] == world.calls
    manifest = world.attempt().manifest()
    assert manifest["rows"]["accepted"] == 39
    assert manifest["calls"]["sent"] == world.calls
    assert manifest["seconds"]["total"] >= before["seconds"]["total"] > 0


def test_the_seconds_of_a_killed_try_are_counted(crm, tmp_path):
    moments = count(step=10)
    world = world_of(crm, tmp_path, ["good"] * 30)
    world.options = Options(rows_per_call=3, concurrency=1, clock=Clock(lambda: float(next(moments)), no_sleep))

    with pytest.raises(KilledError):
        world.attempt("killed after", 4)
    killed_at = next(moments)
    kept = world.checkpoint.load()["report"]["seconds"]["total"]
    manifest = world.attempt().manifest()

    assert 0.8 * killed_at < kept < killed_at  # one moment passed before the try began to count
    assert manifest["seconds"]["total"] > kept + 0.8 * (next(moments) - killed_at)


def test_a_changed_row_that_was_settled_makes_the_import_start_over_with_a_new_dead_letter(crm, tmp_path, caplog):
    kinds = ["malformed", *["good"] * 30]
    world = world_of(crm, tmp_path, kinds, concurrency=1)
    with pytest.raises(StoppedError):
        world.attempt("told", 9)
    changed = world.table.to_pylist()
    changed[0]["Loyalty Level"] = "Gold"
    world.table, world.settled = pa.Table.from_pylist(changed, world.table.schema), set()

    manifest = world.attempt().manifest()

    assert "The rows changed since the last try: the import starts over." in caplog.text
    assert manifest["rows"]["accepted"] == len(kinds)
    assert world.refused() == []
    assert_nothing_is_left(world)


@pytest.mark.parametrize("change", ["columns", "target"])
def test_other_columns_or_another_target_make_the_import_start_over_with_a_new_dead_letter(
    crm, tmp_path, caplog, change
):
    kinds = ["malformed", *["good"] * 30]
    world = world_of(crm, tmp_path, kinds, concurrency=1)
    with pytest.raises(StoppedError):
        world.attempt("told", 9)
    world.settled = set()
    if change == "columns":
        world.table = world.table.append_column("desc", pa.array(["x"] * len(kinds)))
    else:
        world.scheme = AuthScheme.HEADER

    manifest = world.attempt().manifest()

    assert "The columns or the target changed since the last try: the import starts over." in caplog.text
    assert manifest["rows"] == counted(kinds)
    assert world.refused() == refusals(kinds)
    assert_nothing_is_left(world)


def test_a_changed_row_that_was_not_settled_yet_is_sent_as_it_is_now(crm, tmp_path):
    world = world_of(crm, tmp_path, ["good"] * 31, concurrency=1)
    with pytest.raises(StoppedError):
        world.attempt("told", 3)
    changed = world.table.to_pylist()
    changed[30]["friendName"] = "Renamed"
    world.table = pa.Table.from_pylist(changed, world.table.schema)

    world.attempt()

    stored = {customer["whatsApp"]: customer["fields"]["friendName"] for customer in crm.customers()}
    assert stored[number(30)] == "Renamed"
    assert times(crm) == [(number(position), 1) for position in range(31)]


def test_a_row_that_took_the_place_of_one_in_doubt_is_not_held_in_its_stead(crm, tmp_path):
    world = world_of(crm, tmp_path, ["welcome"] * 4, concurrency=1)
    with pytest.raises(KilledError):
        world.attempt("killed after", 0)  # the first row is noted, and the process dies before its call
    assert world.checkpoint.load()["in_doubt"] == [[0, 1]]
    world.table = world.table.take([1, 0, 2, 3])

    manifest = world.attempt().manifest()

    assert manifest["rows"]["unknown"] == 0
    assert times(crm) == [(number(position), 1) for position in range(4)]


def test_rows_in_doubt_are_sent_again_where_the_user_wants_it(crm, tmp_path):
    world = world_of(crm, tmp_path, ["welcome"] * 4, concurrency=1)
    with pytest.raises(KilledError):
        world.attempt("killed after", 0)
    world.options = options(on_unknown="resend")

    assert world.attempt().manifest()["rows"]["accepted"] == 4


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"identity": "mine"}', b'{"identity": "mine", "state": 5}'])
def test_state_that_cannot_be_read_makes_no_call_and_touches_nothing(crm, tmp_path, content):
    world = world_of(crm, tmp_path, ["good"] * 5)
    path = tmp_path / "state.json"
    path.write_bytes(content)
    world.checkpoint = FileCheckpointStore(path, "mine")

    client = Client(Settings(crm.url, "1", crm.settings.api_key, AGENTS[0]))
    with closing(client), pytest.raises(CheckpointError, match=r"state\.json cannot be read"):
        Import(open_source(world.table), client, world.options, world.rejects, world.checkpoint).run()

    assert crm.calls() == []
    assert path.read_bytes() == content
    assert not world.rejects.exists()


def test_a_run_that_a_wrong_setting_stopped_goes_on_when_it_is_mended(crm, tmp_path):
    kinds = ["malformed", *["good"] * 20]
    world = world_of(crm, tmp_path, kinds, concurrency=1)
    crm.inject("code", code=529, after=6, times=1)
    with pytest.raises(Exception, match="529"):
        world.attempt()
    assert world.checkpoint.load() is not None

    manifest = world.attempt().manifest()

    assert manifest["rows"] == counted(kinds)
    assert world.refused() == refusals(kinds)
    assert_nothing_is_left(world)


@pytest.mark.parametrize("complete_is_kept", [False, True])
def test_a_run_killed_at_its_very_end_sends_nothing_again_and_keeps_the_dead_letter(crm, tmp_path, complete_is_kept):
    kinds = ["malformed", "good", "numberless", "stranger", "welcome", "good"]
    world = world_of(crm, tmp_path, kinds)
    save = world.checkpoint.save

    def save_and_be_killed(state):
        if complete_is_kept or not state["complete"]:
            save(state)
        if state["complete"]:
            raise KilledError

    world.checkpoint.save = save_and_be_killed
    with pytest.raises(KilledError):
        world.attempt()
    calls, world.checkpoint.save = world.calls, save

    manifest = world.attempt().manifest()

    assert (world.calls, manifest["rows"]) == (calls, counted(kinds))
    assert manifest["calls"]["sent"] == calls
    assert world.refused() == refusals(kinds)
    assert_nothing_is_left(world)


def test_a_complete_import_whose_rows_changed_starts_over(crm, tmp_path, caplog):
    world = world_of(crm, tmp_path, ["good"] * 3)
    world.attempt()
    world.table = pa.Table.from_pylist([row | {"friendName": "New"} for row in world.table.to_pylist()])
    world.settled = set()

    assert world.attempt().manifest()["rows"]["accepted"] == 3
    assert "The rows changed since the last try: the import starts over." in caplog.text
    assert [customer["fields"]["friendName"] for customer in crm.customers()] == ["New"] * 3


def test_a_file_that_breaks_off_when_it_is_read_again_keeps_what_is_settled(crm, tmp_path):
    world = world_of(crm, tmp_path, ["malformed", *["good"] * 20], concurrency=1)
    whole = open_source(world.table)
    client = Client(Settings(crm.url, "1", crm.settings.api_key, AGENTS[0], calls_per_second=100_000.0))

    reads = count()

    def read(only):
        first_time = next(reads) == 0
        yield from list(whole.read(only))[: None if first_time else 2]
        if not first_time:
            raise InputError("The file breaks off.")

    broken = base.Source(whole.columns, whole.describe, read)
    with closing(client), pytest.raises(InputError, match="breaks off"):
        Import(broken, client, world.options, world.rejects, world.checkpoint).run()

    manifest = world.attempt().manifest()
    assert manifest["rows"]["accepted"] == 20
    assert times(crm) == [(number(position), 1) for position in range(1, 21)]
    assert world.refused() == [(0, "rejected", "Name 0")]


def test_no_refused_row_is_called_settled_before_the_dead_letter_has_it(crm, tmp_path):
    world = world_of(crm, tmp_path, ["good", "malformed", "stranger", "welcome"] * 10, scheme=AuthScheme.HEADER)
    save, told = world.checkpoint.save, []

    def compare(state: dict[str, Any]) -> None:
        parts = (tmp_path / "rejects.csv.parts").glob("*")
        written = sum(part.read_bytes().count(b"\n") for part in parts)
        told.append((written, state["report"]["settled"]["buckets"].get("rejected", 0)))
        save(state)

    world.checkpoint.save = compare
    world.attempt()

    assert max(told) == (20, 20)
    assert [pair for pair in told if pair[0] < pair[1]] == []


def test_a_later_try_tells_how_far_it_is_while_it_reads_what_is_settled(crm, tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    world = world_of(crm, tmp_path, ["good"] * 60, concurrency=1)
    with pytest.raises(StoppedError):
        world.attempt("told", 14)
    calls, told = crm.stats()["calls"], []
    world.tell = lambda standing: told.append((str(standing), crm.stats()["calls"] - calls))

    world.attempt()

    before_a_call = [sentence for sentence, made in told if not made]
    assert "Checked 45 of 60 rows so far" in before_a_call
    assert sum(sentence.startswith("Rows: 45 of 60, 0 a second") for sentence in before_a_call) >= 3
