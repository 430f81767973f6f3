"""A process that is killed (SIGKILL) at a named point: who opens the ledger again finds all that was confirmed."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest

from airflow_provider_socialscrm.importer.changes.compaction import compact
from airflow_provider_socialscrm.importer.changes.difference import Change
from airflow_provider_socialscrm.importer.changes.forgetting import forget
from airflow_provider_socialscrm.importer.changes.inspection import disagreements
from airflow_provider_socialscrm.importer.rows import LedgerRow as Sent
from tests.support.forks import PROCESS_TIMEOUT, forks
from tests.support.killed_ledger import ANN, BEN, DAY, EVE, OLD, live_until
from tests.support.ledgers import START, World

KINDS = ("log", "claim", "generations", "base")
POINTS = [
    *(f"{when} create {kind}" for kind in ("claim", "generations") for when in ("before", "after")),
    *(f"{when} write {kind}" for kind in ("log", "base") for when in ("before", "after")),
    *(f"{when} delete {kind}" for kind in ("log", "base", "generations") for when in ("before", "after")),
    "amid log",
    "amid base",
    "amid generations",
    "before write claim",
    "after write claim",
]


def before(folder: Path) -> World:
    """Leave a ledger whose old generations and logs may be deleted."""
    world = World(folder)
    writer = world.writer()
    writer.claim([Sent(OLD, 1, once=1)])
    writer.release([Sent(OLD, 1, once=1)])
    writer.commit()
    for number in range(3):
        world.record(*(Sent(OLD + each, number) for each in range(5)))
        world.now += DAY
    return world


def lived_until(point: str, folder: Path) -> tuple[int | None, list[str]]:
    """Let a process use the ledger, and return its exit code and which steps it had confirmed."""
    confirmed = folder.with_name("confirmed.txt")
    confirmed.touch()
    process = forks.Process(target=live_until, args=(folder, point, confirmed))
    process.start()
    process.join(PROCESS_TIMEOUT)
    return process.exitcode, confirmed.read_text(encoding="utf-8").split()


@pytest.mark.one_in(2)
@pytest.mark.parametrize("point", POINTS)
def test_a_process_that_is_killed_loses_nothing_that_was_confirmed(tmp_path, point):
    folder = tmp_path / "ledger"
    before(folder)

    code, confirmed = lived_until(point, folder)
    assert code == -signal.SIGKILL

    world = World(folder)
    world.now = START + 21 * DAY
    check(world, confirmed)
    assert list(disagreements(world.store())) == []
    # the next runs go on from there
    world.record(Sent(EVE + 1, 1))
    compact(world.store(), "later")
    forget(world.store(), np.array([OLD]))
    check(world, [*confirmed, "forgotten"])
    assert world.changes([Sent(EVE + 1, 1)]) == [Change.UNCHANGED]
    assert list(disagreements(world.store())) == []
    assert len(world.storage.names("base")) == 1
    world.close()


def check(world: World, confirmed: list[str]) -> None:
    entries = world.entries()
    assert {OLD + each for each in range(1, 5)} <= entries.keys()
    if "claimed" in confirmed:
        assert entries[ANN]["once"] == 1
    if "accepted" in confirmed:
        assert world.changes([Sent(ANN, 1, once=1), Sent(BEN, 1)]) == [Change.UNCHANGED] * 2
    if "committed" in confirmed:
        assert world.changes([Sent(EVE, 1)]) == [Change.KNOWN_BAD]
    if "forgotten" in confirmed:
        assert OLD not in entries
    world.close()


def test_a_process_that_is_not_killed_confirms_all(tmp_path):
    before(tmp_path / "ledger")

    code, confirmed = lived_until("never", tmp_path / "ledger")

    assert code == 0
    assert confirmed == ["claimed", "accepted", "committed", "compacted", "forgotten"]
