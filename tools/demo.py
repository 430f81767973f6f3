"""Run the first example DAG with Airflow against a SocialsCRM on localhost, and print a summary.

Airflow's log, the rejected rows and the customers stay in ``.demo/``; the Airflow home is deleted.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from airflow_provider_socialscrm.sandbox.server import Sandbox

ROOT: Final = Path(__file__).parent.parent
FOLDER: Final = ROOT / ".demo"
LOG: Final = FOLDER / "airflow.log"
REJECTS: Final = FOLDER / "rejects.csv"
CUSTOMERS: Final = FOLDER / "customers.db"
DAG_ID: Final = "first_import"
TASK_ID: Final = "import_customers"

FAULTS: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "code", "code": 517, "times": 2, "after": 4},
    {"kind": "http", "status": 503, "retry_after": 1, "times": 1, "after": 9},
    {"kind": "reset_after", "times": 1, "after": 14},
    {"kind": "truncated", "times": 1, "after": 19},
)
"""Temporary faults: two database errors, an overloaded gateway, a lost connection, a truncated response."""

Say = Callable[[str], Any]


def main(say: Say) -> int:
    """Run the demo and return the exit code.

    :param say: prints a line.
    """
    FOLDER.mkdir(exist_ok=True)
    for old in (LOG, REJECTS, *FOLDER.glob("customers.db*")):
        old.unlink(missing_ok=True)
    shutil.rmtree(f"{REJECTS}.parts", ignore_errors=True)  # of a demo that was broken off
    with Sandbox(database=str(CUSTOMERS)) as crm, TemporaryDirectory(prefix="socialscrm-demo-") as home:
        for fault in FAULTS:
            crm.inject(**fault)
        say(f"A SocialsCRM runs on {crm.url}. It is empty, and some of its responses will fail.")
        with _step(say, "Airflow prepares its database"):
            prepared = _airflow(home, crm, "db", "migrate")
        with _step(say, f"Airflow runs the DAG {DAG_ID}"):
            passed = prepared and _airflow(home, crm, "dags", "test", DAG_ID)
        manifest = _manifest(Path(home)) if prepared else None
        if manifest:
            say(_summary(manifest, crm.customers()))
    say(_where())
    return 0 if passed else _failed(say)


def _airflow(home: str, crm: Sandbox, *command: str) -> bool:
    environment = os.environ | {
        "AIRFLOW_HOME": home,
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_CONN_SOCIALSCRM_DEFAULT": crm.connection_json(),
        "SOCIALSCRM_REJECTS": str(REJECTS),
    }
    with LOG.open("ab") as log:
        program = [sys.executable, "-m", "airflow", *command]
        done = subprocess.run(program, env=environment, stdout=log, stderr=log, check=False)  # noqa: S603 - a fixed command
    return done.returncode == 0


@contextmanager
def _step(say: Say, what: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    say(f"{what} ... {time.monotonic() - started:.0f} s")


def _manifest(home: Path) -> dict[str, Any] | None:
    query = "SELECT value FROM xcom WHERE task_id = ? AND key = 'return_value'"
    with closing(sqlite3.connect(home / "airflow.db")) as database:
        found = database.execute(query, (TASK_ID,)).fetchone()
    return _plain(json.loads(found[0])) if found else None


def _plain(stored: Any) -> Any:
    # Some versions of Airflow store the JSON as a text within JSON.
    return json.loads(stored) if isinstance(stored, str) else stored


def _summary(manifest: dict[str, Any], customers: list[dict[str, Any]]) -> str:
    rows, calls, seconds = manifest["rows"], manifest["calls"], manifest["seconds"]
    agents = sorted({customer["agent"] for customer in customers})
    outcome = (
        f"{rows['total']:,} rows: {rows['accepted']:,} accepted, {rows['rejected']} rejected by the CRM, "
        f"{rows['invalid']} invalid, {rows['unknown']} unknown, {rows['not_sent']} not sent"
    )
    work = (
        f"{calls['sent']} calls in {seconds['total']:.1f} s, {manifest['rows_per_second']:,.0f} rows/s; "
        f"{calls['retries']} calls retried, {calls['splits']} split to find a bad row"
    )
    holds = f"The CRM holds {len(customers):,} customers of {len(agents)} agents."
    reasons = map(_reason, manifest["refusals"])
    return "\n".join(("", outcome, work, holds, "", "Rows that were not accepted, and what to do:", *reasons))


def _reason(refusal: dict[str, Any]) -> str:
    positions = ", ".join(map(str, refusal["first_positions"]))
    head = f"{refusal['rows']:>4} x {refusal['code']}: "
    text = f"{refusal['meaning']} {refusal['hint']} Rows {positions}."
    return textwrap.fill(text, 110, initial_indent=head, subsequent_indent=" " * 7)


def _where() -> str:
    shown = {"Rejected rows": REJECTS, "Airflow's log": LOG}
    lines = [f"{name + ':':15}{path.relative_to(ROOT)}" for name, path in shown.items() if path.exists()]
    return "\n".join(("", *lines, "Look around:   make sandbox (a page lists the customers)"))


def _failed(say: Say) -> int:
    say(f"\nThe DAG failed. The end of {LOG.relative_to(ROOT)}:\n")
    say("\n".join(LOG.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]))
    return 1


if __name__ == "__main__":
    sys.exit(main(lambda line: sys.stdout.write(f"{line}\n") and sys.stdout.flush()))
