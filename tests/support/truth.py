"""Random sequences of faults, and what must hold between a report and what the server really did.

A scenario is a table and several tries of its import, each with faults, an outage, a kill or none of them; a last try
meets a healthy server. :func:`violations` runs it and returns, by name, each statement of a report that is not true.
"""

from __future__ import annotations

import json
import logging
import os
import random
import re
import signal
import string
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pyarrow as pa

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.retry import Clock
from airflow_provider_socialscrm.api.settings import AuthScheme, Settings
from airflow_provider_socialscrm.importer.errors import CheckpointError, RejectedRowsError, StoppedError
from airflow_provider_socialscrm.importer.options import ALL, Options
from airflow_provider_socialscrm.importer.options import Rules as FieldRules
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from tests.support.checkpoints import MemoryCheckpointStore
from tests.support.fault_server import (
    ACCEPTED,
    DOUBTFUL,
    ECHOES,
    KEY,
    REFUSED,
    SHAPES,
    SPELLINGS,
    SUCCESS_CODES,
    TENANT,
    Call,
    Fault,
    FaultServer,
    Outage,
    Rules,
)
from tests.support.imports import number_of

TIMEOUT = 0.6
"""Seconds that a call may take; real ones."""
SLACK = 1.0
"""Seconds by which a call or a run may take longer on a machine that is busy."""
AGENTS = ("agent_wang", "agent_silva")
GHOST = "agent_gone"
COLUMNS = ("whatsApp", "agentAccount", "friendName", "welcome", "cancelTabName", "tabName", "Loyalty Level", "desc")
BAD = {"508": 508, "532": 532, "533": 533, "599": 599, "refused": -1}
"""Kinds of rows that the CRM refuses, and with which code; 599 is in no table."""
UNSENT = {"no number": "invalid", "bad birthday": "invalid", "blank": "blank", "twin": "duplicate"}
"""Kinds of rows that are not sent, by their bucket."""
IN_LETTER = ("rejected", "invalid", "duplicate", "unknown", "not_sent")
"""Buckets whose rows are in the dead letter."""
BOMB = 18 * 2**20
"""Bytes of a response after decompression: more than any response may have."""
STRAY = (301, 302, 400, 401, 403, 404)
LATE = (408, 429, 500, 502, 503, 504)


POOLS = ("socialscrm_", "socialscrm-checkpoint")
"""How the names of the threads begin that only make calls, or save."""


class TimeLimit(BaseException):
    """Ends a run at any moment, as Airflow ends a task that takes too long."""


class KilledError(BaseException):
    """Ends a run as a kill ends a process: nothing is saved from then on."""


@dataclass(frozen=True)
class Try:
    """One try of an import.

    :param faults: by the order of the call in this try, from 1.
    :param kill: how the try is ended, and at which call, save or step.
    """

    faults: tuple[tuple[int, Fault], ...] = ()
    outage: Outage | None = None
    kill: tuple[str, int] | None = None


@dataclass(frozen=True)
class Scenario:
    """A table, a CRM and what goes wrong.

    :param kinds: of the rows: ``good``, ``welcome``, ``cancel``, ``extension``, ``ghost`` or one of those above.
    :param counts_calls: whether the checkpoint has each call, as beside a local file.
    """

    kinds: tuple[str, ...]
    tries: tuple[Try, ...] = ()
    scheme: str = "body"
    rows_per_call: int = 3
    concurrency: int = 1
    on_unknown: str = "hold"
    rules: Rules = field(default_factory=Rules)
    refusals_are_atomic: bool = False
    counts_calls: bool = True


LIMIT = signal.SIGUSR1
"""The signal of :class:`TimeLimit`."""
KILLS = ("stop", "time limit", "bug in a call", "bug in the loop", "no space", "killed")


def random_scenario(seed: int) -> Scenario:
    """Return the scenario of a seed."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, no secrets
    size = chance.randint(1, 30)
    common = ("good",) * 8 + ("welcome",) * 4 + ("cancel", "extension", "extension")
    rare = (*BAD, "ghost", *UNSENT)
    bad = set(chance.sample(range(size), min(size, chance.choice((0, 0, 1, 2, 4)))))
    kinds = tuple(chance.choice(rare if place in bad else common) for place in range(size))
    rules = Rules(
        most_rows=chance.choice((1000, 1000, 1000, 2)),
        too_large=chance.choice((507, 413)),
        echo=chance.choice(list(ECHOES)),
        clock_offset=chance.choice((0.0, 0.0, 0.0, 0.0, 100.0, -3600.0)),
        is_atomic=chance.random() < 0.8,
    )
    return Scenario(
        kinds,
        tuple(_random_try(chance, size) for _ in range(chance.choice((1, 1, 1, 2, 3)))),
        chance.choice(("body", "header")),
        chance.choice((1, 2, 3, 7)),
        chance.choice((1, 2, 4)),
        chance.choice(("hold", "hold", "resend")),
        rules,
        refusals_are_atomic=rules.is_atomic and chance.random() < 0.3,
        counts_calls=chance.random() < 0.7,
    )


def _random_try(chance: random.Random, size: int) -> Try:
    most = size + 3
    faults = {chance.randint(1, most): _random_fault(chance) for _ in range(chance.choice((0, 1, 2, 3, 5)))}
    outage = kill = None
    if chance.random() < 0.25:
        kind = chance.choice(("refused", "503", "517"))
        length = {"seconds": chance.choice((2.0, 10.0, 60.0, 400.0))}
        if kind != "refused" and chance.random() < 0.5:
            length = {"calls": chance.randint(1, 30)}
        outage = Outage(kind, chance.randint(1, most), **length)
    if chance.random() < 0.5:
        kill = (chance.choice(KILLS), chance.randint(1, most))
    return Try(tuple(sorted(faults.items(), key=lambda item: item[0])), outage, kill)


def _random_fault(chance: random.Random) -> Fault:
    late = chance.random() < 0.5
    kind = chance.choice(("status",) * 5 + ("stray", "code", "reset", "reset", "success", "partial", "page", "slow"))
    where = chance.choice(("before", "after", "middle"))
    is_bomb, where_slow = chance.random() < 0.4, chance.choice(("headers", "body"))
    wait = None if late else chance.choice((None, None, "0", "3"))
    faults = {
        "status": Fault("status", late, chance.choice(LATE), wait),
        "stray": Fault("status", number=chance.choice(STRAY)),
        "code": Fault("code", late, 517),
        "reset": Fault("reset", where == "after" or (where == "middle" and late), where=where),
        "success": Fault("success", form=chance.choice((*SUCCESS_CODES, "bom", "gbk"))),
        "partial": Fault(
            "partial", number=chance.randint(0, 6), form=chance.choice(list(SPELLINGS)), shape=chance.choice(SHAPES)
        ),
        "page": Fault(chance.choice(("page", "empty")), late),
        "slow": Fault("bomb", late, size=BOMB)
        if is_bomb
        else Fault("drip", late, where=where_slow, seconds=0.02, size=80),
    }
    return faults[kind]


def row_of(position: int, kind: str) -> dict[str, Any]:
    """Return the row at a position."""
    if kind == "blank":
        return {}
    row = {
        "whatsApp": number_of(position - 1 if kind == "twin before" else position),
        "agentAccount": GHOST if kind == "ghost" else AGENTS[position % 2],
        "friendName": name_of(position),
        "desc": f"row {position}",
    }
    extra = {
        "welcome": {"welcome": "Wozzeck greets"},
        "cancel": {"cancelTabName": "Old"},
        "extension": {"Loyalty Level": "Gold"},
        "533": {"Loyalty Level": "Tin"},
        "no number": {"whatsApp": None},
        "bad birthday": {"birthday": "1990/02/30"},
    }
    return row | extra.get(kind, {})


def name_of(position: int) -> str:
    """Return a name that no other text contains."""
    return f"Qx{string.ascii_lowercase[position // 26]}{string.ascii_lowercase[position % 26]}vyz Jwk{position}fh"


def table_of(kinds: tuple[str, ...]) -> pa.Table:
    """Return the table; a twin has the number of the row after it, if that is sent, and is not sent itself."""
    rows = [row_of(position, kind) for position, kind in enumerate(kinds)]
    for position, kind in enumerate(kinds):
        if kind == "twin":
            rows[position]["whatsApp"] = number_of(position + 1)
    columns = (*COLUMNS, "birthday")
    return pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in columns})


class SkippingClock:
    """A clock on which sleep takes no time, and which can raise where the run looks at it."""

    def __init__(self) -> None:
        self.skipped = 0.0
        self.tick: Callable[[], Any] = lambda: None
        """Called after each sleep."""
        self._error: BaseException | None = None
        self._looks_left = 0

    def raise_after(self, looks: int, error: BaseException | None) -> None:
        """Raise an error in the thread that decides, once it has looked at the clock so many times."""
        self._looks_left, self._error = looks, error

    def now(self) -> float:
        if self._error is not None and not threading.current_thread().name.startswith(POOLS):
            self._looks_left -= 1
            if self._looks_left < 0:
                error, self._error = self._error, None
                raise error
        return time.monotonic() + self.skipped

    def true_now(self) -> float:
        """Return the time, and never raise."""
        return time.monotonic() + self.skipped

    def sleep(self, seconds: float) -> None:
        self.skipped += seconds
        self.tick()


class FragileStore(MemoryCheckpointStore):
    """Fails at a save, or is killed there."""

    def __init__(self, *, counts_calls: bool) -> None:
        super().__init__(counts_calls=counts_calls)
        self.saves_left: int | None = None
        self.failure: BaseException | None = None

    def save(self, state: dict[str, Any]) -> None:
        if self.saves_left is not None:
            self.saves_left -= 1
            if self.saves_left < 0 and self.failure is not None:
                raise self.failure
        super().save(state)


class BuggyClient(Client):
    """Raises what no client should, after a call was made."""

    bug_at: int | None = None
    made = 0

    def import_customers(self, *arguments: Any, **named: Any) -> Any:
        self.made += 1
        data = super().import_customers(*arguments, **named)
        if self.bug_at is not None and self.made >= self.bug_at:
            raise RuntimeError("a bug")
        return data


@dataclass
class Attempt:
    """What a try reported, and what the server saw of it."""

    plan: Try
    failure: BaseException | None
    manifest: dict[str, Any]
    letter: dict[int, dict[str, str]]
    calls: list[Call]
    texts: str
    seconds: float

    @property
    def is_killed(self) -> bool:
        """Whether the process is gone, so that its report is, too."""
        return isinstance(self.failure, KilledError)

    @property
    def is_forgotten(self) -> bool:
        """Whether later tries cannot know what it did after its last save."""
        return isinstance(self.failure, KilledError | CheckpointError)

    @property
    def is_broken(self) -> bool:
        """Whether a bug ended it: nothing is saved after one, since no count can be trusted."""
        return isinstance(self.failure, RuntimeError)

    @property
    def is_complete(self) -> bool:
        return self.failure is None or isinstance(self.failure, RejectedRowsError)


def shown(scenario: Scenario) -> str:
    """Return a scenario as it is written, without what is as usual."""

    def written(value: Any) -> str:
        if not is_dataclass(value):
            return f"({', '.join(map(written, value))},)" if type(value) is tuple else repr(value)
        parts = [
            f"{each.name}={written(getattr(value, each.name))}"
            for each in fields(value)
            if getattr(value, each.name)
            != (each.default_factory() if each.default_factory is not MISSING else each.default)
        ]
        return f"{type(value).__name__}({', '.join(parts)})"

    return written(scenario)


class World:
    """A server, a table, and where the tries of one import meet."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario = scenario
        self.table = table_of(scenario.kinds)
        self.rows = self.table.to_pylist()
        self.ghosts = {number_of(place) for place, kind in enumerate(scenario.kinds) if kind == "ghost"}
        self.clock = SkippingClock()
        bad = {number_of(place): BAD[kind] for place, kind in enumerate(scenario.kinds) if kind in BAD}
        rules = replace(scenario.rules, bad_rows=bad, bad_agents=frozenset({GHOST}))
        self.server = FaultServer(rules, now=self.clock.true_now)
        self.server.patience = TIMEOUT / 2
        self.clock.tick = self.server.tick
        self.store = FragileStore(counts_calls=scenario.counts_calls)
        self.rejects = folder / "rejects.jsonl"
        self.attempts: list[Attempt] = []
        self.timeout = TIMEOUT

    def run(self) -> None:
        """Make the tries until one is complete, the last one without faults."""
        with self.server:
            for plan in (*self.scenario.tries, Try()):
                self.attempts.append(self.attempt(plan))
                if self.attempts[-1].is_complete:
                    break

    def attempt(self, plan: Try) -> Attempt:
        before = len(self.server.calls)
        self.server.faults = {before + order: fault for order, fault in plan.faults}
        self.server.end_outage()
        self.server.outage = plan.outage and replace(plan.outage, first=before + plan.outage.first)
        settings = Settings(
            self.server.url, TENANT, KEY, AGENTS[0], AuthScheme(self.scenario.scheme),
            calls_per_second=100_000, timeout=self.timeout, refusals_are_atomic=self.scenario.refusals_are_atomic,
        )  # fmt: skip
        client = BuggyClient(settings, connections=self.scenario.concurrency)
        started, failure, notes = time.monotonic(), None, []
        with recorded_logs() as logs, time_limit():
            run = Import(
                open_source(self.table), client, self.options, self.rejects, self.store, on_progress=notes.append
            )
            self._arm(plan.kill, run, client, before)
            try:
                run.run()
            except BaseException as error:  # noqa: BLE001 - a kill is one, too
                failure = error
            finally:
                client.close()
                self.clock.raise_after(0, None)
                self.server.wait_for_the_last_call()
        manifest = run.manifest()
        texts = [*logs, *map(str, notes), json.dumps(manifest), repr(run)]
        if failure is not None:
            texts += traceback.format_exception(failure)
        return Attempt(
            plan,
            failure,
            manifest,
            self.letter(),
            self.server.calls[before:],
            "\n".join(texts).replace(str(self.rejects), "<rejects_path>"),  # whose name is random
            time.monotonic() - started,
        )

    def calls_until(self, attempt: Attempt) -> list[Call]:
        """Return the calls of a try and of those before it."""
        until = next(place for place, each in enumerate(self.attempts) if each is attempt) + 1
        return [call for each in self.attempts[:until] for call in each.calls]

    @property
    def options(self) -> Options:
        scenario = self.scenario
        return Options(
            scenario.rows_per_call,
            concurrency=scenario.concurrency,
            max_rejected=None,
            on_unknown=scenario.on_unknown,
            rules=FieldRules(extension_fields=ALL),
            clock=Clock(now=self.clock.now, sleep=self.clock.sleep),
            save_interval=0.002,
        )

    def _arm(self, kill: tuple[str, int] | None, run: Import, client: BuggyClient, before: int) -> None:
        name, at = kill or ("", 0)
        self.store.saves_left, self.store.failure, self.server.on_call = None, None, lambda _: None
        if name == "stop":
            self.server.on_call = lambda call: run.stop() if call.order >= before + at else None
        elif name == "time limit":
            self.server.on_call = lambda call: os.kill(os.getpid(), LIMIT) if call.order == before + at else None
        elif name == "bug in the loop":  # at any step
            self.server.on_call = lambda call: (
                self.clock.raise_after(at % 7, RuntimeError("a bug")) if call.order == before + at else None
            )
        elif name == "bug in a call":
            client.bug_at = at
        elif name == "no space":
            self.store.saves_left, self.store.failure = at // 2, CheckpointError("The disk is full.")
        elif name == "killed":
            self.store.saves_left, self.store.failure = at // 2, KilledError()

    def letter(self) -> dict[int, dict[str, str]]:
        """Return the rows of the dead letter by their position, each with bucket, code and attempts."""
        if not self.rejects.exists():
            return {}
        lines = [msgspec.json.decode(line) for line in self.rejects.read_bytes().splitlines()]
        prefix = "socialscrm_"
        letter: dict[int, dict[str, str]] = {}
        for line in lines:
            own = {name.removeprefix(prefix): line[name] for name in line if name.startswith(prefix)}
            position = int(own["position"])
            own["times"] = letter[position]["times"] + 1 if position in letter else 1
            letter[position] = own
        return letter


@contextmanager
def time_limit() -> Iterator[None]:
    """Raise :class:`TimeLimit` in the main thread on a signal, as Airflow does when a task takes too long."""

    def end(*_: object) -> None:
        raise TimeLimit

    signal.signal(LIMIT, end)
    try:
        yield
    finally:
        signal.signal(LIMIT, signal.SIG_IGN)  # for good: one that comes late would end the process


@contextmanager
def recorded_logs() -> Iterator[list[str]]:
    """Collect what the package logs, tracebacks included."""
    lines: list[str] = []
    formatter = logging.Formatter()
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(formatter.format(record))  # type: ignore[method-assign]
    logger = logging.getLogger("airflow_provider_socialscrm")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def violations(scenario: Scenario) -> dict[str, str]:
    """Run a scenario, and return what is not true of its reports: one example for each property, by its name."""
    with TemporaryDirectory() as folder:
        world = World(scenario, Path(folder))
        world.run()
    found: dict[str, str] = {}
    for number, attempt in enumerate(world.attempts, 1):
        for name, example in _violations_of(world, attempt):
            found.setdefault(name, f"try {number}: {example}")
    for name, example in _at_the_end(world):
        found.setdefault(name, example)
    return found


Findings = Iterator[tuple[str, str]]


def _violations_of(world: World, attempt: Attempt) -> Findings:
    yield from _leaks(world, attempt)
    yield from _time_outs(attempt)
    if attempt.is_killed:  # its report is lost with its process
        return
    yield from _accounting(world, attempt)
    yield from _rows(world, attempt)
    yield from _survival(world, attempt)


def _at_the_end(world: World) -> Findings:
    last = world.attempts[-1]
    if not last.is_complete:
        yield "a try without faults completes the import", f"{type(last.failure).__name__}: {last.failure}"
    welcomes = world.server.commits(welcome=True)
    if world.scenario.on_unknown == "hold":
        for number, count in welcomes.items():
            if count > 1:
                answers = [call.answer for call in world.server.carrying(number)]
                yield "no side effect is repeated", f"row {position_of(number)}, {count} times: {answers}"


def _accounting(world: World, attempt: Attempt) -> Findings:
    rows = dict(attempt.manifest["rows"])
    total = rows.pop("total")
    if total != sum(rows.values()):
        yield "the buckets add up", str(attempt.manifest["rows"])
    carried = {number for call in world.calls_until(attempt) for number in call.numbers}
    if reads_to_the_end(attempt) and total != len(world.rows):
        yield "a run that reads to the end counts every row", f"{total} of {len(world.rows)}: {name_of_end(attempt)}"
    if total < len(carried):
        yield "a run that breaks counts every row it sent", f"{total} of {len(carried)}: {name_of_end(attempt)}"
    in_letter = Counter(own["bucket"] for own in attempt.letter.values())
    for bucket in IN_LETTER:
        is_read = reads_to_the_end(attempt) or bucket != "not_sent"  # else the rows that nobody read are in no file
        if in_letter[bucket] != rows[bucket] if is_read else in_letter[bucket] > rows[bucket]:
            example = f"{bucket}: {in_letter[bucket]} in the file, {rows[bucket]} counted: {name_of_end(attempt)}"
            yield "the dead letter has what the manifest counts", example
    if twice := [place for place, own in attempt.letter.items() if own["times"] > 1]:
        yield "the dead letter has a row once", f"rows {twice}: {name_of_end(attempt)}"
    if bool(attempt.manifest.get("broke_off")) != (not attempt.is_complete):
        yield "the manifest says that a run broke", f"{attempt.manifest.get('broke_off')}: {name_of_end(attempt)}"
    yield from _calls(world, attempt)


def _calls(world: World, attempt: Attempt) -> Findings:
    before = world.attempts[: [each is attempt for each in world.attempts].index(True) + 1]
    seen, sent = sum(len(each.calls) for each in before), attempt.manifest["calls"]["sent"]
    may_lack = attempt.manifest["calls"]["unsaved_ends"]
    example = f"{sent} reported, {seen} seen: {name_of_end(attempt)}"
    refused = any(each.plan.outage and each.plan.outage.kind == "refused" for each in before)
    not_started = sum(each.is_killed for each in before)  # one may be counted when the kill comes
    not_started += world.server.silent  # on a busy machine a call may time out before its first byte
    if (sent < seen and not may_lack) or (sent > seen + not_started and not refused):
        yield "calls.sent is what the server saw", example
    if may_lack > (0 if world.scenario.counts_calls else sum(each.is_forgotten for each in before[:-1])):
        yield "calls.sent may lack some only where no save has them", example


def _rows(world: World, attempt: Attempt) -> Findings:
    rows = attempt.manifest["rows"]
    is_whole = rows["total"] == len(world.rows) and len(attempt.letter) == sum(rows[name] for name in IN_LETTER)
    calls = world.calls_until(attempt)
    stored = {number for call in calls for number in call.stored}
    for position, row in enumerate(world.rows):
        own = attempt.letter.get(position)
        kind, number = world.scenario.kinds[position], str(row["whatsApp"])
        carrying = [call for call in calls if number in call.numbers]
        if kind in UNSENT and (kind != "twin" or _has_winner(world.scenario.kinds, position)):
            if own is not None and own["bucket"] not in (UNSENT[kind], "not_sent"):
                yield "a row that is not sent says why", f"row {position} is {own['bucket']}"
        elif own is None:
            if is_whole and number not in stored:
                yield "accepted rows are stored", f"row {position}, {_story(carrying, number)}"
        else:
            yield from _row(world, attempt, position, own, carrying)


def _has_winner(kinds: tuple[str, ...], position: int) -> bool:
    """Return whether the row after a twin is sent in its place."""
    return position + 1 < len(kinds) and kinds[position + 1] not in UNSENT


def _row(world: World, attempt: Attempt, position: int, own: dict[str, str], carrying: list[Call]) -> Findings:
    number, bucket, kind = str(world.rows[position]["whatsApp"]), own["bucket"], world.scenario.kinds[position]
    example = f"row {position} ({kind}), {_story(carrying, number)}, {name_of_end(attempt)}"
    of_this_try = [call for call in carrying if any(call is each for each in attempt.calls)]
    # A CRM that stores a part of a refused call is not what the import assumes of rows without side effects.
    is_partial = not world.scenario.rules.is_atomic and any(call.verdict == REFUSED for call in carrying)
    is_stored = any(number in call.stored for call in carrying) and not is_partial
    if bucket == "not_sent":
        if is_stored and any(number in call.stored for call in of_this_try):
            yield "not_sent rows are not stored", example
        elif is_stored and not any(each.is_forgotten or each.is_broken for each in world.attempts):
            yield "not_sent rows are not stored by an earlier try", example
        if of_this_try and of_this_try[-1].verdict == DOUBTFUL and not _is_stray(of_this_try[-1]):
            yield "not_sent rows have no call in doubt", example
    if bucket == "rejected":
        # One call decides for all rows of an agent.
        is_decided = kind == "ghost" and any(
            world.ghosts.intersection(call.numbers) for call in world.calls_until(attempt)
        )
        is_bad = kind in (*BAD, "ghost")
        yield from _rejected(carrying, number, example, is_bad=is_bad, is_stored=is_stored, is_decided=is_decided)
    elif of_this_try and ends_in_order(attempt):
        last = of_this_try[-1]
        if last.verdict == ACCEPTED and not last.is_overdue and number not in last.failed:
            yield "rows of a readable success are accepted", f"{bucket}: {example}"
    yield from _attempts(world, attempt, own, carrying, example)


def _rejected(
    carrying: list[Call], number: str, example: str, *, is_bad: bool, is_stored: bool, is_decided: bool
) -> Findings:
    if any(number in call.failed for call in carrying):
        return
    if not is_decided and not any(call.verdict == REFUSED for call in carrying):
        yield "rejected rows were refused", example
    if is_stored:
        yield "rejected rows are not stored", example
    if not is_bad:
        yield "only bad rows are rejected", example


def _attempts(world: World, attempt: Attempt, own: dict[str, str], carrying: list[Call], example: str) -> Findings:
    unread = sum(not call.rows for call in world.calls_until(attempt))  # nobody knows what they carried
    if own["bucket"] == "unknown" and own["code"] != "cut-short":
        if not carrying and not unread:
            yield "unknown rows were sent", example
        if int(own["attempts"]) < 1:
            yield "unknown rows have their attempts", example
    if int(own["attempts"] or 0) > len(carrying) + unread and not _met_refused_connections(world):
        yield "attempts are calls that the server saw", f"{own['attempts']} attempts: {example}"


def _survival(world: World, attempt: Attempt) -> Findings:
    """Few passing faults after a success, and an outage of up to a minute, end no run."""
    plan = attempt.plan
    if plan.kill or attempt.is_complete:
        return
    first = next((call.order for call in attempt.calls if call.verdict == ACCEPTED and not call.is_overdue), None)
    faults = [call for call in attempt.calls if call.verdict == DOUBTFUL or call.is_overdue or _is_stray(call)]
    strays = [call for call in faults if _is_stray(call)]
    if first is None or any(call.order <= first + world.scenario.concurrency for call in strays):
        return
    outage = plan.outage
    is_short = outage is None or (outage.seconds <= 60 and outage.calls <= 3)
    if is_short and len(plan.faults) <= 3:
        kinds = Counter(call.answer for call in faults)
        yield (
            "a run survives passing faults",
            f"{type(attempt.failure).__name__}: {str(attempt.failure)[:70]} {outage or ''} {dict(kinds)}",
        )


def _leaks(world: World, attempt: Attempt) -> Findings:
    values = [str(row[name]).casefold() for row in world.rows for name in ("whatsApp", "friendName") if row[name]]
    if KEY in attempt.texts:
        yield "nothing leaks", "the key"
    # Where an object is in memory, and how fast a run was, may have the digits of a number by chance.
    texts = re.sub(r' at 0x[0-9a-f]+>|"rows_per_second": [0-9.]+', "", attempt.texts)
    for part in {*re.findall(r"\d{4,}", texts), *re.findall(r"[a-z]{3,}", texts.casefold())}:
        if any(part in value for value in values):
            line = next(line for line in texts.splitlines() if part in line.casefold())
            at = line.casefold().index(part)
            yield "nothing leaks", f"{part!r} in {line[max(0, at - 60) : at + 30]!r}"


def _time_outs(attempt: Attempt) -> Findings:
    if any(call.drip_ended for call in attempt.calls):
        yield "no call takes longer than its time-out", "the client read a dripping response to its end"
    slow = [call for call in attempt.calls if call.answer.startswith("drip")]
    longest = (len(slow) + 1) * (TIMEOUT + SLACK) + 10 * SLACK
    if attempt.seconds > longest:
        yield "a run ends in time", f"{attempt.seconds:.1f} s, {name_of_end(attempt)}"


def reads_to_the_end(attempt: Attempt) -> bool:
    """Return whether the run had the time to look at every row."""
    return ends_in_order(attempt) and not isinstance(attempt.failure, StoppedError | CheckpointError)


def ends_in_order(attempt: Attempt) -> bool:
    """Return whether the run could handle the responses to all of its calls."""
    return not isinstance(attempt.failure, TimeLimit | KilledError | RuntimeError)


def name_of_end(attempt: Attempt) -> str:
    """Return in words how a run ended."""
    return "complete" if attempt.failure is None else f"ended by {type(attempt.failure).__name__}"


def position_of(number: str) -> int:
    """Return the position of the row with a number."""
    return int(number) - int(number_of(0))


def _is_stray(call: Call) -> bool:
    return call.answer in {f"status {number}" for number in STRAY} or call.answer.startswith("page")


def _met_refused_connections(world: World) -> bool:
    return any(each.outage and each.outage.kind == "refused" for each in world.scenario.tries)


def _story(calls: list[Call], number: str) -> str:
    steps = [f"{call.answer}{' (stored)' if number in call.stored else ''}" for call in calls]
    return f"calls: {'; '.join(steps) or 'none'}"


def smallest(scenario: Scenario, name: str, most_runs: int = 150) -> Scenario:
    """Return a scenario with less in it that violates the same property.

    :param most_runs: scenarios that are tried for it.
    """
    found = True
    while found:
        found = False
        for simpler in _simpler(scenario):
            most_runs -= 1
            if most_runs < 0:
                return scenario
            if name in violations(simpler):
                scenario, found = simpler, True
                break
    return scenario


def _simpler(scenario: Scenario) -> Iterator[Scenario]:
    for place in range(len(scenario.tries)):
        yield replace(scenario, tries=scenario.tries[:place] + scenario.tries[place + 1 :])
    size = len(scenario.kinds)
    for kinds in (scenario.kinds[: size // 2], scenario.kinds[size // 2 :], scenario.kinds[:-1], scenario.kinds[1:]):
        if kinds and kinds != scenario.kinds:
            yield replace(scenario, kinds=kinds)
    for place, one in enumerate(scenario.tries):
        for simpler in _simpler_tries(one):
            yield replace(scenario, tries=(*scenario.tries[:place], simpler, *scenario.tries[place + 1 :]))
    for change in (
        {"concurrency": 1},
        {"rules": Rules()},
        {"refusals_are_atomic": False},
        {"counts_calls": True},
        {"rows_per_call": 1},
        {"scheme": "body"},
    ):
        simpler = replace(scenario, **change)
        if simpler != scenario:
            yield simpler
    for place, kind in enumerate(scenario.kinds):
        if kind != "good":
            yield replace(scenario, kinds=(*scenario.kinds[:place], "good", *scenario.kinds[place + 1 :]))


def _simpler_tries(one: Try) -> Iterator[Try]:
    for place in range(len(one.faults)):
        yield replace(one, faults=one.faults[:place] + one.faults[place + 1 :])
    if one.outage:
        yield replace(one, outage=None)
    if one.kill:
        yield replace(one, kill=None)
        if one.kill[1] > 1:
            yield replace(one, kill=(one.kill[0], one.kill[1] // 2))
    for place, (order, fault) in enumerate(one.faults):
        if order > 1:
            yield replace(one, faults=(*one.faults[:place], (order // 2, fault), *one.faults[place + 1 :]))
