"""Steps of a ledger's life, in a process that is killed (SIGKILL) when it reaches a named point."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np

from airflow_provider_socialscrm.importer.changes import storage as storages
from airflow_provider_socialscrm.importer.changes.compaction import compact
from airflow_provider_socialscrm.importer.changes.entries import Outcome
from airflow_provider_socialscrm.importer.changes.forgetting import forget
from airflow_provider_socialscrm.importer.changes.storage import LocalStorage
from airflow_provider_socialscrm.importer.rows import LedgerRow as Sent
from tests.support.ledgers import START, World

ANN, BEN, EVE, OLD = 8_615_266_667_780, 4_915_112_345_678, 525_512_345_678, 8_615_266_667_000
DAY = 24 * 3600


def live_until(folder: Path, point: str, confirmed: Path) -> None:
    """Let a ledger go through its steps, and append a word to a file after each step that is confirmed."""

    def reach(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    def confirm(what: str) -> None:
        with confirmed.open("a", encoding="utf-8") as file:
            file.write(f"{what}\n")

    storages._write_private = _half_writing(storages._write_private, folder, point, reach)
    world = World(_killing(reach)(folder))
    world.now = START + 20 * DAY
    store = world.store()
    store.snapshot()
    writer = world.writer("killed", store)
    writer.claim([Sent(ANN, 1, once=1), Sent(OLD, 1, once=1)])
    confirm("claimed")
    writer.record(Outcome.ACCEPTED, [Sent(ANN, 1, once=1), Sent(BEN, 1)])
    writer.flush()
    confirm("accepted")
    writer.record(Outcome.REJECTED, [Sent(EVE, 1)], "508")
    writer.commit(compacting=False)
    confirm("committed")
    compact(world.store(), "killed")
    confirm("compacted")
    forget(world.store(), np.array([OLD]))
    confirm("forgotten")


def _half_writing(write_private: Any, folder: Path, point: str, reach: Any) -> Any:
    def half_written(path: Path, content: Any) -> None:
        if point == f"amid {path.relative_to(folder).parts[0]}":
            write_private(path, content[: len(content) // 2])
            reach(point)
        write_private(path, content)

    return half_written


def _killing(reach: Any) -> type[LocalStorage]:
    class Killing(LocalStorage):
        pass

    for method in ("write", "create", "delete"):

        def killing(self: Any, name: str, *args: Any, _method: str = method) -> Any:
            kind = "claim" if name.startswith("log/claims") else name.partition("/")[0]
            reach(f"before {_method} {kind}")
            result = getattr(LocalStorage, _method)(self, name, *args)
            reach(f"after {_method} {kind}")
            return result

        setattr(Killing, method, killing)
    return Killing
