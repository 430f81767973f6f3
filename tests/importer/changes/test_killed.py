"""A process that is killed (SIGKILL) at a named point: who opens the ledger again finds all that was confirmed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from airflow_provider_socialscrm.importer.changes.compaction import compact
from airflow_provider_socialscrm.importer.changes.difference import Change
from airflow_provider_socialscrm.importer.changes.forgetting import forget
from airflow_provider_socialscrm.importer.changes.inspection import disagreements
from airflow_provider_socialscrm.importer.rows import LedgerRow as Sent
from tests.support.ledgers import START, World

ROOT = Path(__file__).parents[3]
ANN, BEN, EVE, OLD = 8_615_266_667_780, 4_915_112_345_678, 525_512_345_678, 8_615_266_667_000
DAY = 24 * 3600

SCRIPT = f"""
import os, signal, sys
from pathlib import Path
import numpy as np
from airflow_provider_socialscrm.importer.changes import storage as storages
from airflow_provider_socialscrm.importer.changes.compaction import compact
from airflow_provider_socialscrm.importer.changes.entries import Outcome
from airflow_provider_socialscrm.importer.changes.forgetting import forget
from airflow_provider_socialscrm.importer.rows import LedgerRow as Sent
from airflow_provider_socialscrm.importer.changes.storage import LocalStorage
from tests.support.ledgers import START, World

folder, point = Path(sys.argv[1]), sys.argv[2]
write_private = storages._write_private

def reach(name):
    if name == point:
        os.kill(os.getpid(), signal.SIGKILL)

def half_written(path, content):
    if point == f"amid {{path.relative_to(folder).parts[0]}}":
        write_private(path, content[: len(content) // 2])
        reach(point)
    write_private(path, content)

storages._write_private = half_written

class Killing(LocalStorage):
    pass

for method in ("write", "create", "delete"):
    def killing(self, name, *args, _method=method):
        kind = "claim" if name.startswith("log/claims") else name.partition("/")[0]
        reach(f"before {{_method}} {{kind}}")
        result = getattr(LocalStorage, _method)(self, name, *args)
        reach(f"after {{_method}} {{kind}}")
        return result
    setattr(Killing, method, killing)

def confirm(what):
    print(what, flush=True)

world = World(Killing(folder))
world.now = START + 20 * {DAY}
store = world.store()
store.snapshot()
writer = world.writer("killed", store)
writer.claim([Sent({ANN}, 1, once=1), Sent({OLD}, 1, once=1)])
confirm("claimed")
writer.record(Outcome.ACCEPTED, [Sent({ANN}, 1, once=1), Sent({BEN}, 1)])
writer.flush()
confirm("accepted")
writer.record(Outcome.REJECTED, [Sent({EVE}, 1)], "508")
writer.commit(compacting=False)
confirm("committed")
compact(world.store(), "killed")
confirm("compacted")
forget(world.store(), np.array([{OLD}]))
confirm("forgotten")
"""

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


@pytest.mark.parametrize("point", POINTS)
def test_a_process_that_is_killed_loses_nothing_that_was_confirmed(tmp_path, point):
    folder = tmp_path / "ledger"
    before(folder)

    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), point],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    confirmed = done.stdout.split()
    assert done.returncode == -signal.SIGKILL, done.stderr

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

    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "ledger"), "never"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip

    assert done.stdout.split() == ["claimed", "accepted", "committed", "compacted", "forgotten"]
