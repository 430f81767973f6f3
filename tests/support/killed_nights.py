"""Nights of a sync over HTTP with a ledger, of which one is in a process that gets a signal at a named point."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.retry import Clock
from airflow_provider_socialscrm.api.settings import AuthScheme, Settings
from airflow_provider_socialscrm.importer.changes import ledger_import as ledger_imports
from airflow_provider_socialscrm.importer.changes.options import Ledger
from airflow_provider_socialscrm.importer.changes.storage import LocalStorage
from airflow_provider_socialscrm.importer.errors import StoppedError
from airflow_provider_socialscrm.importer.identity import ImportIdentity
from airflow_provider_socialscrm.importer.options import ALL, Options, Rules
from airflow_provider_socialscrm.importer.results.checkpoint_files import FileCheckpointStore
from airflow_provider_socialscrm.importer.results.checkpoint_stores import CheckpointStore, NoCheckpointStore
from airflow_provider_socialscrm.importer.results.checkpoint_writer import CheckpointWriter
from airflow_provider_socialscrm.importer.results.dead_letter import DeadLetter
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from tests.support.imports import table_of

DAY = 24 * 3600.0
ROWS_PER_CALL = 4
CONCURRENCY = 2
STOPPED = 3
"""The exit code of a process that SIGTERM stopped."""

Rows = Sequence[dict[str, Any]]
Reach = Callable[[str], None]


@dataclass(frozen=True)
class Night:
    """One run of a sync.

    :param url: of the CRM.
    :param api_key: of the tenant.
    :param folder: for the ledger and the other files.
    :param name: of the run.
    :param rows: its input.
    :param days_ago: how far its clock is behind.
    """

    url: str
    api_key: str
    folder: Path
    name: str
    rows: Rows
    days_ago: float = 0.0
    scheme: str = "body"

    @property
    def rejects(self) -> Path:
        return self.folder / f"{self.name}.jsonl"

    def checkpoint(self) -> FileCheckpointStore:
        return FileCheckpointStore(self.folder / f"{self.name}.json", self.name)

    def run(self, store: CheckpointStore | None = None, prepare: Callable[[Import], Any] = lambda _: None) -> Import:
        settings = Settings(
            self.url, "1", self.api_key, "agent_wang", AuthScheme(self.scheme), calls_per_second=100_000.0
        )
        options = Options(
            ROWS_PER_CALL,
            concurrency=CONCURRENCY,
            max_rejected=None,
            rules=Rules(extension_fields=ALL),
            save_interval=0.0,
            clock=Clock(time=lambda: time.time() - self.days_ago * DAY),
        )
        with closing(Client(settings, connections=CONCURRENCY)) as client:
            run = Import(
                replace(open_source(table_of(self.rows)), batch_rows=16),
                client,
                options,
                self.rejects,
                store or NoCheckpointStore(),
                identity=ImportIdentity("sync", "crm", self.name),
                ledger=Ledger(self.folder / "ledger"),
            )
            prepare(run)
            run.run()
        return run

    def retry(self, *, with_checkpoint: bool) -> Import:
        return self.run(self.checkpoint() if with_checkpoint else NoCheckpointStore(is_retry=True))


def run_until(night: Night, point: str, times: int, number: signal.Signals) -> None:
    """Run a night in this process, and send the process a signal when it reaches a point for the so-manieth time."""
    reached = 0

    def reach(name: str) -> None:
        nonlocal reached
        reached += name == point
        if name == point and reached == times:
            os.kill(os.getpid(), number)

    ledger_imports.open_storage = signalling(reach)
    CheckpointWriter.save_if_due = CheckpointWriter.save_now  # so that each answer has a log and a checkpoint
    _around(reach, Client, "import_customers", "call")
    _around(reach, DeadLetter, "close", "dead letter")
    _around(reach, FileCheckpointStore, "save", lambda state: "completion" if state["complete"] else "checkpoint")
    try:
        night.run(night.checkpoint(), lambda run: signal.signal(signal.SIGTERM, lambda *_: run.stop()))
    except StoppedError:
        os._exit(STOPPED)
    os._exit(0)


def signalling(reach: Reach) -> type[LocalStorage]:
    """Return a storage that says which step of which kind of file it reaches."""

    class Signalling(LocalStorage):
        pass

    def kind_of(name: str, *_: Any) -> str:
        return "claim" if name.startswith("log/claims") else name.partition("/")[0]

    for method in ("write", "create", "delete"):
        _around(reach, Signalling, method, lambda name, *_, did=method: f"{did} {kind_of(name)}")
    return Signalling


def _around(reach: Reach, owner: type, method: str, name: str | Callable[..., str]) -> None:
    original = getattr(owner, method)

    def reaching(self: Any, *args: Any, **more: Any) -> Any:
        step = name if isinstance(name, str) else name(*args, **more)
        reach(f"before {step}")
        result = original(self, *args, **more)
        reach(f"after {step}")
        return result

    setattr(owner, method, reaching)
