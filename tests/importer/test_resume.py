"""Runs that were cut short anywhere resume, and the last try accounts for the whole input."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
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
from airflow_provider_socialscrm.importer.fields.reader import InputReader
from airflow_provider_socialscrm.importer.options import ALL, Options, Rules
from airflow_provider_socialscrm.importer.results.checkpoint import Checkpoint
from airflow_provider_socialscrm.importer.results.checkpoint_files import FileCheckpointStore
from airflow_provider_socialscrm.importer.results.intervals import Intervals
from airflow_provider_socialscrm.importer.results.report import Report
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sending.refused_fields import REFUSED_ROWS
from airflow_provider_socialscrm.importer.sources.base import Source
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.checkpoints import MemoryCheckpointStore
from tests.support.sandbox import NO_LIMIT, as_new

AGENTS = ("agent_wang", "agent_silva", "agent_okafor")
REFUSED = ("stranger", "malformed", "numberless")
"""Kinds of rows that are never imported: of an unknown agent, with a wrong extension field, without a number."""

BATCH_ROWS = 9
"""Small, so that few rows make several batches."""


class KilledError(BaseException):
    """Ends a run as a kill ends a process: only the test catches it."""


class KillableStore(MemoryCheckpointStore):
    """Is killed at one of its saves, before or after the state is saved."""

    def __init__(self, *, counts_calls: bool = True) -> None:
        super().__init__(counts_calls=counts_calls)
        self.saves_left: int | None = None
        self.has_last = False

    def save(self, state: dict[str, Any]) -> None:
        is_killed = self.saves_left == 0
        if self.saves_left is not None:
            self.saves_left -= 1
        if not is_killed or self.has_last:
            super().save(state)
        if is_killed:
            raise KilledError


class StoppingClient(Client):
    """Notes the rows of each call, and does something before one of the calls is sent."""

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
    store: Any = field(default_factory=KillableStore)
    calls: int = 0
    done: set[bytes] = field(default_factory=set)
    may_repeat: int = 0
    on_progress: Any = None

    def attempt(self, stop: str | None = None, at: int = 0) -> Import:
        """Make one try, which is stopped in some way at some call or save; check that it sends no row that is done."""
        key = self.crm.settings.api_key
        settings = Settings(self.crm.url, "1", key, AGENTS[0], self.scheme, calls_per_second=100_000.0)
        with closing(StoppingClient(settings)) as client:
            run = Import(
                source_of(self.table), client, self.options, self.rejects, self.store, on_progress=self.on_progress
            )
            self._prepare(run, client, stop, at)
            sent_before = max(self.store.calls, self._sent_by_the_checkpoint())
            try:
                run.run()
            except KilledError:
                # In flight when the checkpoint was last saved, or sent after that.
                calls = self.options.concurrency + client.calls - max(0, self._sent_by_the_checkpoint() - sent_before)
                self.may_repeat += calls * self.options.rows_per_call
                raise
            finally:
                self.calls += client.calls
                assert sorted(self.done.intersection(client.carried)) == []
                self._note_done(client)
        return run

    def _prepare(self, run: Import, client: StoppingClient, stop: str | None, at: int) -> None:
        self.store.saves_left = at if stop in {"killed before", "killed after"} else None
        self.store.has_last = stop == "killed after"
        if stop == "unavailable":
            client.at, client.do = at + 1, unavailable
        if stop == "stopped":
            client.at, client.do = at + 1, run.stop

    def _sent_by_the_checkpoint(self) -> int:
        state = self.store.load()
        return state["report"]["calls"]["sent"] if state else 0

    def _note_done(self, client: Client) -> None:
        state = self.store.load()
        if state is not None:
            done = Intervals(state["done"])
            in_row = self.scheme is AuthScheme.HEADER
            reader = InputReader(
                source_of(self.table), self.options, agent_in_row=in_row, envelope=client.envelope_size
            )
            with closing(reader):
                reader.read()
                batches = reader.prepared_batches()
                self.done |= {row.body for each in batches for row in each.rows if row.order in done}

    def tries(self, stops: list[tuple[str, int]]) -> dict[str, Any]:
        """Make tries that are stopped as given, then one to the end; return the last one's manifest."""
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
        return sorted((int(row["socialscrm_position"]), row["socialscrm_bucket"], row["friendName"]) for row in rows)


def unavailable():
    raise ServiceError("The CRM is unavailable.")


def no_sleep(_seconds):
    """Do not wait."""


def number(position: int) -> str:
    return f"86197700{position:05}"


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


def source_of(table: pa.Table) -> Source:
    """Return a table as a source of small batches."""
    return replace(open_source(table), batch_rows=BATCH_ROWS)


@pytest.fixture(scope="module")
def crm(running_sandbox: Sandbox) -> Sandbox:
    return as_new(running_sandbox, calls_per_second=NO_LIMIT)


def options(rows_per_call=3, concurrency=2, on_unknown="hold", save_interval=0.0):
    """Return options that stop at the first failure, allow any refusal, and save whenever no save runs."""
    return Options(
        rows_at_once=1,  # a batch
        rows_per_call=rows_per_call,
        concurrency=concurrency,
        max_rejected=1_000_000,
        on_unknown=on_unknown,
        rules=Rules(extension_fields=ALL),
        retry_limits=RetryLimits(attempts=1),
        save_interval=save_interval,
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
STOPS = st.lists(st.tuples(st.sampled_from(["unavailable", "stopped"]), st.integers(0, 12)), max_size=7)
KILLS = st.lists(
    st.tuples(st.sampled_from(["unavailable", "stopped", "killed before", "killed after"]), st.integers(0, 12)),
    max_size=7,
)
SHAPE = {
    "scheme": st.sampled_from(AuthScheme),
    "suffix": st.sampled_from([".csv", ".parquet", ".jsonl"]),
    "rows_per_call": st.integers(1, 5),
    "concurrency": st.integers(1, 3),
    "save_interval": st.sampled_from([0.0, 0.01, 1e9]),
}


@settings(max_examples=settings.default.max_examples // 2)
@given(kinds=KINDS, stops=STOPS, shape=st.fixed_dictionaries(SHAPE))
def test_a_run_stopped_anywhere_and_resumed_sends_each_row_once_and_reports_each_refused_row_once(
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
@given(kinds=KINDS, stops=KILLS, shape=st.fixed_dictionaries(SHAPE), counts_calls=st.booleans())
def test_a_run_killed_anywhere_loses_no_row_and_welcomes_no_customer_twice(crm, kinds, stops, shape, counts_calls):
    with TemporaryDirectory() as folder:
        world = world_of(crm, Path(folder), kinds, **shape)
        world.store = KillableStore(counts_calls=counts_calls)

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
        repeated = sum(customer["times_imported"] - 1 for customer in stored.values())
        assert repeated <= world.may_repeat
        assert_nothing_is_left(world)
        calls, kills = manifest["calls"], sum(stop.startswith("killed") for stop, _ in stops)
        assert calls["unsaved_ends"] <= (0 if counts_calls else kills)
        assert calls["sent"] <= world.calls + kills  # one may be counted when the kill comes
        assert calls["sent"] >= world.calls or calls["unsaved_ends"]


def refusals(kinds):
    """Return the dead letter's rows for those that are never imported."""
    buckets = {"stranger": "rejected", "malformed": "rejected", "numberless": "invalid"}
    return [(n, buckets[kind], f"Name {n}") for n, kind in enumerate(kinds) if kind in REFUSED]


def counted(kinds):
    """Return the manifest's rows if every response arrived."""
    buckets = [bucket for _, bucket, _ in refusals(kinds)]
    counts = {bucket: buckets.count(bucket) for bucket in ("rejected", "invalid")}
    none = {"duplicate": 0, "blank": 0, "unknown": 0, "not_sent": 0, "unchanged": 0, "known_bad": 0}
    return {"total": len(kinds), "accepted": len(kinds) - len(buckets), **counts, **none}


def assert_nothing_is_left(world):
    assert world.store.load()["complete"]
    assert sorted(path.name for path in world.rejects.parent.iterdir()) == [world.rejects.name]


@pytest.mark.parametrize("stop", ["unavailable", "stopped"])
def test_a_stopped_run_saves_its_state_and_the_manifest_counts_the_earlier_tries(crm, tmp_path, stop):
    world = world_of(crm, tmp_path, ["good"] * 8 + ["malformed"] + ["good"] * 31, concurrency=1)

    with pytest.raises((ServiceError, StoppedError)):
        world.attempt(stop, 6)

    before = world.store.load()["report"]
    assert before["done"]["buckets"]["accepted"] > 0
    assert before["calls"]["sent"] == world.calls
    manifest = world.attempt().manifest()
    assert manifest["rows"]["accepted"] == 39
    assert manifest["calls"]["sent"] == world.calls
    assert manifest["seconds"]["total"] >= before["seconds"]["total"] > 0


def test_the_seconds_of_a_killed_try_are_counted(crm, tmp_path):
    moments = count(step=10)
    world = world_of(crm, tmp_path, ["good"] * 30)
    world.options = Options(
        rows_per_call=3, concurrency=1, clock=Clock(lambda: float(next(moments)), no_sleep), save_interval=0.0
    )

    with pytest.raises(KilledError):
        world.attempt("killed after", 4)
    killed_at = next(moments)
    saved = world.store.load()["report"]["seconds"]["total"]
    manifest = world.attempt().manifest()

    assert 0.8 * killed_at < saved < killed_at  # one moment passed before the try began to count
    assert manifest["seconds"]["total"] > saved + 0.8 * (next(moments) - killed_at)


def test_a_changed_row_that_is_done_makes_the_import_start_over_with_a_new_dead_letter(crm, tmp_path, caplog):
    kinds = ["malformed", *["good"] * 30]
    world = world_of(crm, tmp_path, kinds, concurrency=1)
    with pytest.raises(StoppedError):
        world.attempt("stopped", 9)
    changed = world.table.to_pylist()
    changed[0]["Loyalty Level"] = "Gold"
    world.table, world.done = pa.Table.from_pylist(changed, world.table.schema), set()

    manifest = world.attempt().manifest()

    assert "The rows have changed since the last try, so the task starts over." in caplog.text
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
        world.attempt("stopped", 9)
    world.done = set()
    if change == "columns":
        world.table = world.table.append_column("desc", pa.array(["x"] * len(kinds)))
    else:
        world.scheme = AuthScheme.HEADER

    manifest = world.attempt().manifest()

    assert "The columns or the target have changed since the last try, so the task starts over." in caplog.text
    assert manifest["rows"] == counted(kinds)
    assert world.refused() == refusals(kinds)
    assert_nothing_is_left(world)


def test_a_changed_row_that_is_not_done_yet_is_sent_as_it_is_now(crm, tmp_path):
    world = world_of(crm, tmp_path, ["good"] * 31, concurrency=1)
    with pytest.raises(StoppedError):
        world.attempt("stopped", 3)
    changed = world.table.to_pylist()
    changed[30]["friendName"] = "Renamed"
    world.table = pa.Table.from_pylist(changed, world.table.schema)

    world.attempt()

    stored = {customer["whatsApp"]: customer["fields"]["friendName"] for customer in crm.customers()}
    assert stored[number(30)] == "Renamed"
    assert times(crm) == [(number(position), 1) for position in range(31)]


def test_when_rows_have_moved_all_with_side_effects_are_held_as_any_may_be_the_one_in_doubt(crm, tmp_path):
    world = world_of(crm, tmp_path, ["welcome"] * 4, concurrency=1)
    with pytest.raises(KilledError):
        world.attempt("killed after", 0)  # the first row is marked, and the process is killed before its call
    assert world.store.load()["in_doubt"] == [[0, 1]]
    world.table = world.table.take([1, 0, 2, 3])

    manifest = world.attempt().manifest()

    assert manifest["rows"]["unknown"] == 4
    assert times(crm) == []
    assert_nothing_is_left(world)
    assert world.attempt().manifest() == manifest


def test_when_rows_have_moved_before_any_with_side_effects_was_sent_none_is_held(crm, tmp_path):
    world = world_of(crm, tmp_path, ["good"] * 18 + ["welcome"] * 4, concurrency=1)
    with pytest.raises(StoppedError):
        world.attempt("stopped", 3)
    world.table, world.done = world.table.take([1, 0, *range(2, 22)]), set()

    assert world.attempt().manifest()["rows"]["accepted"] == 22
    welcomed = {customer["whatsApp"]: customer["welcomes"] for customer in crm.customers() if customer["welcomes"]}
    assert welcomed == {number(position): 1 for position in range(18, 22)}


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
    world.store = FileCheckpointStore(path, "mine")

    client = Client(Settings(crm.url, "1", crm.settings.api_key, AGENTS[0]))
    with closing(client), pytest.raises(CheckpointError, match=r"state\.json cannot be read"):
        Import(source_of(world.table), client, world.options, world.rejects, world.store).run()

    assert crm.calls() == []
    assert path.read_bytes() == content
    assert not world.rejects.exists()


def test_a_run_that_a_wrong_setting_stopped_resumes_when_it_is_fixed(crm, tmp_path):
    kinds = ["malformed", *["good"] * 20]
    world = world_of(crm, tmp_path, kinds, concurrency=1)
    crm.inject("code", code=529, after=6, times=1)
    with pytest.raises(Exception, match="529"):
        world.attempt()
    assert world.store.load() is not None

    manifest = world.attempt().manifest()

    assert manifest["rows"] == counted(kinds)
    assert world.refused() == refusals(kinds)
    assert_nothing_is_left(world)


@pytest.mark.parametrize("complete_is_saved", [False, True])
def test_a_run_killed_at_its_very_end_repeats_at_most_what_is_not_saved_and_keeps_the_dead_letter(
    crm, tmp_path, complete_is_saved
):
    kinds = ["malformed", "good", "numberless", "stranger", "welcome" if complete_is_saved else "good", "good"]
    world = world_of(crm, tmp_path, kinds)
    save = world.store.save

    def save_and_be_killed(state):
        if complete_is_saved or not state["complete"]:
            save(state)
        if state["complete"]:
            raise KilledError

    world.store.save = save_and_be_killed
    with pytest.raises(KilledError):
        world.attempt()
    calls, world.store.save = world.calls, save

    manifest = world.attempt().manifest()

    assert manifest["rows"] == counted(kinds)
    assert world.refused() == refusals(kinds)
    assert_nothing_is_left(world)
    assert sum(repeats - 1 for _, repeats in times(crm)) <= world.may_repeat
    if complete_is_saved:
        assert (world.calls, manifest["calls"]["sent"]) == (calls, calls)


def test_a_complete_import_whose_rows_changed_starts_over(crm, tmp_path, caplog):
    world = world_of(crm, tmp_path, ["good"] * 3)
    world.attempt()
    world.table = pa.Table.from_pylist([row | {"friendName": "New"} for row in world.table.to_pylist()])
    world.done = set()

    assert world.attempt().manifest()["rows"]["accepted"] == 3
    assert "The rows have changed since the last try, so the task starts over." in caplog.text
    assert [customer["fields"]["friendName"] for customer in crm.customers()] == ["New"] * 3


def test_a_file_is_read_once_whether_a_try_begins_or_resumes(crm, tmp_path):
    world = world_of(crm, tmp_path, ["malformed", *["good"] * 20], concurrency=1)
    with pytest.raises(StoppedError):
        world.attempt("stopped", 5)
    whole = source_of(world.table)
    client = Client(Settings(crm.url, "1", crm.settings.api_key, AGENTS[0], calls_per_second=100_000.0))

    reads = count()

    def read(batch_rows):
        if next(reads):
            raise InputError("The file breaks off.")
        yield from whole.read(batch_rows)

    read_once = replace(whole, read=read)
    with closing(client):
        run = Import(read_once, client, world.options, world.rejects, world.store)
        run.run()

    assert next(reads) == 1
    assert run.manifest()["rows"]["accepted"] == 20
    assert times(crm) == [(number(position), 1) for position in range(1, 21)]
    assert world.refused() == [(0, "rejected", "Name 0")]


def test_no_refused_row_counts_as_done_before_the_dead_letter_has_it(crm, tmp_path):
    world = world_of(crm, tmp_path, ["good", "malformed", "stranger", "welcome"] * 10, scheme=AuthScheme.HEADER)
    save, seen = world.store.save, []

    def compare(state: dict[str, Any]) -> None:
        parts = (tmp_path / "rejects.csv.parts").glob("*")
        written = sum(part.read_bytes().count(b"\n") for part in parts)
        seen.append((written, state["report"]["done"]["buckets"].get("rejected", 0)))
        save(state)

    world.store.save = compare
    world.attempt()

    assert max(seen) == (20, 20)
    assert [pair for pair in seen if pair[0] < pair[1]] == []


def test_a_later_try_reports_progress_while_it_reads_the_rows_that_are_done(crm, tmp_path):
    world = world_of(crm, tmp_path, ["good"] * 60, concurrency=1)
    world.options = replace(world.options, progress_interval=0.0)
    with pytest.raises(StoppedError):
        world.attempt("stopped", 14)
    calls, reports = crm.stats()["calls"], []
    world.on_progress = lambda progress: reports.append((str(progress), crm.stats()["calls"] - calls))

    world.attempt()

    before_a_call = [sentence for sentence, made in reports if not made]
    assert "Read 60 rows so far" in before_a_call
    assert sum(sentence.startswith("Rows: 45 of 60, 0 a second") for sentence in before_a_call) >= 3


class TimedOutError(BaseException):
    """Is raised anywhere in the main thread, as Airflow does when a task has run for too long."""


STEPS = [(Report, "count"), (Checkpoint, "mark_done"), (Checkpoint, "mark_intended"), (Intervals, "add_all")]


@pytest.mark.one_in(2)
@pytest.mark.parametrize(
    "at", [0, *(pytest.param(each, marks=pytest.mark.thorough) for each in (1, 7, 33)), 20], ids=str
)
@pytest.mark.parametrize(("owner", "step"), STEPS, ids=lambda each: getattr(each, "__name__", each))
def test_a_time_out_between_steps_that_belong_together_is_not_saved(crm, tmp_path, monkeypatch, *, owner, step, at):
    world = world_of(crm, tmp_path, ["welcome", "good", "malformed"] * 12, scheme=AuthScheme.HEADER, concurrency=1)
    calls, whole = count(), getattr(owner, step)

    def break_off_after(*args, **options):
        whole(*args, **options)
        if next(calls) == at:
            raise TimedOutError

    with monkeypatch.context() as patched:
        patched.setattr(owner, step, break_off_after)
        with suppress(TimedOutError):
            world.attempt()
    rows = world.attempt().manifest()["rows"]

    assert (rows["total"], rows["rejected"], rows["accepted"] + rows["unknown"]) == (36, 12, 24)
    welcomed = {number(position) for position in range(0, 36, 3)}
    assert [(customer, sent) for customer, sent in times(crm) if customer in welcomed and sent > 1] == []
