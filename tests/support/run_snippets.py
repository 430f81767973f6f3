"""Runs the snippets of pages in one process, which loads Airflow once: ``python -m tests.support.run_snippets FOLDER``.

Reads the names of pages from the standard input, and writes a JSON list of what failed to ``FOLDER/failures.json``.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from types import ModuleType
from typing import Any, Final
from unittest.mock import patch

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_socialscrm.sandbox.server import Sandbox
from airflow_provider_socialscrm.sandbox.store import ImportRow
from tests.support.sandbox import NO_LIMIT, as_new
from tests.support.snippets import BUILT, ROOT, Snippet, all_pages

BASH: Final = shutil.which("bash") or "/bin/bash"
ADDRESS: Final = "127.0.0.1:8765"
FOLDER: Final = "/tmp/crm"  # noqa: S108 - replaced
QUICK: Final = {"calls_per_second": NO_LIMIT, "signers": "anybody", "group_link_seconds": 0, "screening_seconds": 0}
"""Settings of the sandbox: no waits, and an agent may sign all calls, as pages do not agree on an administrator."""

VALUES: Final[dict[str, Callable[[int], str]]] = {
    "whatsApp": lambda row: f"+9198776601{row:04}",
    "mobile": lambda row: f"+8615266667{780 + row}",
    "friendName": lambda row: f"Customer {row}",
    "full_name": lambda row: f"Customer {row}",
    "stage": lambda _: "New Customer",
    "row_id": str,
    "sex": lambda row: "12"[row % 2],
    "desc": lambda _: "-",
    "Consent": lambda row: ("yes", "no")[row % 2],
    "last_purchase": lambda _: "2026-01-31",
    "Loyalty Level": lambda _: "Gold",
    "Last Order": lambda _: "2026-01-31",
    "socialscrm_bucket": lambda _: "not_sent",
}
"""What a made-up customer has in each column, by the row."""


LEAVERS: Final = [ImportRow(VALUES["mobile"](row).lstrip("+"), "agent_wang", {}) for row in range(3)]
"""Customers whom the sandbox has before a page begins, for pages that do something with customers."""


class Page:
    """Runs the snippets of a page, with a namespace and a folder for all of them.

    :param folder: takes the place of ``/tmp/crm``.
    :param crm: takes the place of the sandbox on its usual port.
    """

    def __init__(self, folder: Path, crm: Sandbox) -> None:
        self.folder = folder
        self.crm = crm
        self.module = sys.modules["snippets"] = ModuleType("snippets")  # where Airflow looks for the DAGs of a file
        self.module.socialscrm_sandbox = crm  # as in a test with the fixture
        self.printed: str | None = None
        self.database = duckdb.connect()

    def run(self, snippet: Snippet) -> None:
        text = self._in_place(snippet.text)
        self._make_files(snippet.note)
        os.chdir(ROOT if snippet.note == "in the clone" else self.folder)
        if snippet.saved_as:
            path = self.folder / self._in_place(snippet.saved_as)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            compile(text, str(path), "exec")
            return
        match snippet.language:
            case "python":
                self._python(text, f"{snippet.page}:{snippet.line}", snippet.note)
            case "sh":
                self.printed = "".join(map(self._shell, commands(text)))
            case "json":
                json.loads(text)
            case "sql":
                self.database.execute(text)
            case "text":
                self._compare(text)

    def _in_place(self, text: str) -> str:
        home = os.environ["AIRFLOW_HOME"]
        for name, place in ((f"{FOLDER}/airflow", home), (FOLDER, str(self.folder))):
            text = re.sub(rf"{re.escape(name)}(?![\w-])", place, text)
        return text.replace(ADDRESS, self.crm.url.removeprefix("http://"))

    def _make_files(self, note: str) -> None:
        for part in note.split("; "):
            if part.startswith("file "):
                described, _, count = part.removeprefix("file ").rpartition(" ")
                described, count = (described, int(count)) if count.isdigit() else (part.removeprefix("file "), 3)
                name, _, columns = described.partition(" ")
                path = self.folder / name.format(ds=f"{datetime.now(UTC):%Y-%m-%d}")
                path.parent.mkdir(parents=True, exist_ok=True)
                table = {column: [*map(VALUES[column], range(count))] for column in columns.split(",")}
                write_table(path, table)

    def _python(self, text: str, where: str, note: str) -> None:
        from airflow.sdk import DAG
        from airflow.sdk.definitions._internal.contextmanager import DagContext
        from airflow.timetables.interval import CronDataIntervalTimetable

        from airflow_provider_socialscrm.testing.dag_runs import AirflowForTests

        daily = CronDataIntervalTimetable("0 0 * * *", timezone="UTC") if note == "daily" else None
        name = "page_" + re.sub(r"\W+", "_", where)
        DagContext.autoregistered_dags.clear()
        DagContext.current_autoregister_module_name = self.module.__name__
        try:
            with DAG(name, schedule=daily, catchup=False) as around:
                exec(compile(text, where, "exec", dont_inherit=True), vars(self.module))  # noqa: S102 - our own page
        finally:
            DagContext.current_autoregister_module_name = None
        found = [dag for dag, _ in DagContext.autoregistered_dags if dag is not around and dag.tasks]
        for test in [value for key, value in vars(self.module).items() if key.startswith("test_")]:
            del vars(self.module)[test.__name__]
            self._test(test)
        if note.startswith(BUILT):
            return
        airflow = AirflowForTests(Path(os.environ["AIRFLOW_HOME"]) / "dags")
        for dag in [*([around] if around.tasks else []), *found]:
            ended = airflow.run(dag)
            if ended.state != "success":
                raise AssertionError(f"{dag.dag_id}: {dict(ended.states)}")

    def _test(self, test: Callable[..., Any]) -> None:
        import pytest

        with pytest.MonkeyPatch.context() as monkeypatch:
            test(self.crm, monkeypatch)

    def _shell(self, command: str) -> str:
        words = shlex.split(command, comments=True)
        if words[:1] == ["airflow"]:
            from airflow.__main__ import main

            return run_main(main, words)
        if words[:3] == ["python", "-m", "airflow_provider_socialscrm"]:
            from airflow_provider_socialscrm.__main__ import main as ours

            return run_main(lambda: ours(words[3:]), words)
        done = subprocess.run(
            [BASH, "-e", "-c", f"{command}\necho; env -0 > environment.txt"],
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        text = Path("environment.txt").read_text(encoding="utf-8")
        Path("environment.txt").unlink()
        os.environ.update(dict(each.split("=", 1) for each in text.split("\0") if "=" in each))
        return done.stdout

    def _compare(self, text: str) -> None:
        if self.printed is None:  # no shell snippet comes before it
            return
        printed = plain(self.printed)
        for piece in re.split(r"\.\.\.|\n", text):
            if plain(piece) and plain(piece) not in printed:
                raise AssertionError(f"{piece.strip()!r} was not printed, but:\n{self.printed[-3000:]}")


def plain(text: str) -> str:
    """Return text without what differs from run to run."""
    return " ".join(re.sub(r"\b\d+\.\d s\b", "N s", text).split())


def commands(text: str) -> Iterator[str]:
    """Yield the commands of a shell snippet, those of several lines whole."""
    waiting: list[str] = []
    for line in text.splitlines():
        waiting.append(line)
        command = "\n".join(waiting)
        here = re.search(r"<<'?(\w+)'?", command)
        is_open = line.endswith("\\") or (here is not None and line != here[1])
        checked = subprocess.run([BASH, "-n", "-c", command], capture_output=True, check=False)
        if not is_open and checked.returncode == 0:
            waiting.clear()
            if shlex.split(command, comments=True):
                yield command
    if waiting:
        raise AssertionError(f"not a command: {waiting}")


def run_main(main: Callable[[], Any], words: list[str]) -> str:
    """Run a command in this process, and return what it printed and logged."""
    with TemporaryFile("w+", encoding="utf-8") as output:
        with patch.object(sys, "argv", words), descriptors(output.fileno()):
            try:
                code = main()
            except SystemExit as left:
                code = left.code
        output.seek(0)
        text = output.read()
    if code:
        raise AssertionError(f"{shlex.join(words)} ended with {code}:\n{text[-3000:]}")
    return text


@contextmanager
def descriptors(to: int) -> Iterator[None]:
    """Lead what is written to the output and to the errors into a file: Airflow's loggers keep their streams."""
    kept = [(each, os.dup(each)) for each in (1, 2)]
    sys.stdout.flush()
    sys.stderr.flush()
    for each, _ in kept:
        os.dup2(to, each)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for each, copy in kept:
            os.dup2(copy, each)
            os.close(copy)


def write_table(path: Path, columns: dict[str, list[str]]) -> None:
    if path.suffix == ".parquet":
        pq.write_table(pa.table(columns), path)
    else:
        rows = zip(*columns.values(), strict=True)
        path.write_text("\n".join(",".join(row) for row in [tuple(columns), *rows]), encoding="utf-8")


@contextmanager
def environment(**changes: str) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def main(folder: Path, names: list[str]) -> list[str]:
    """Run the snippets of some pages, and return what failed."""
    failures = []
    with Sandbox() as running:
        for number, name in enumerate(names):
            crm = as_new(running, **QUICK)
            crm.store.commit(crm.settings.tenant_id, LEAVERS, crm.now())
            place = folder / str(number)
            place.mkdir()
            with environment(AIRFLOW_CONN_SOCIALSCRM_DEFAULT=crm.connection_json()):
                page = Page(place, crm)
                for snippet in all_pages()[name]:
                    if not snippet.is_run:
                        continue
                    try:
                        page.run(snippet)
                    except BaseException:  # noqa: BLE001 - a snippet fails in its own way
                        failures.append(f"{snippet.page}:{snippet.line}\n{traceback.format_exc(limit=-4)}")
                        break
    return failures


if __name__ == "__main__":
    place = Path(sys.argv[1])
    failed = main(place, sys.stdin.read().split())
    (place / "failures.json").write_text(json.dumps(failed), encoding="utf-8")
