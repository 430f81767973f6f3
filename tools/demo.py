"""Run the first example DAG with Airflow three times against a SocialsCRM on localhost, and print a summary.

The second run sends nothing, because nothing changed, and the third sends three customers that did. Airflow's log, the
rejected rows and the customers stay in ``.demo/``; the Airflow home is deleted.
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
from airflow_provider_socialscrm.wording import counted, worded
from tools.demo_runs import copy_without_strangers

ROOT: Final = Path(__file__).parent.parent
FOLDER: Final = ROOT / ".demo"
LOG: Final = FOLDER / "airflow.log"
REJECTS: Final = FOLDER / "rejects"
CUSTOMERS: Final = FOLDER / "customers.db"
INPUT: Final = FOLDER / "customers.csv"
LEDGER: Final = FOLDER / "ledger"
DAGS: Final = FOLDER / "dags"
"""A folder with the one DAG, as Airflow reads all that are in its folder before each run."""
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
    _clean()
    with Sandbox(database=str(CUSTOMERS)) as crm, TemporaryDirectory(prefix="socialscrm-demo-") as home:
        for fault in FAULTS:
            crm.inject(**fault)
        say(f"A SocialsCRM runs on {crm.url}. It is empty, and some of its responses will fail.")
        with _step(say, "Airflow prepares its database"):
            prepared = _run(home, crm, "airflow", "db", "migrate")
        with _step(say, f"Airflow runs the DAG {DAG_ID} three times"):
            passed = prepared and _run(home, crm, "tools.demo_runs", str(DAGS / f"{DAG_ID}.py"), str(INPUT))
        manifests = _manifests(Path(home)) if prepared else []
        if manifests:
            say(_summary(manifests, crm.customers()))
    say(_where())
    return 0 if passed else _failed(say)


def _clean() -> None:
    for old in (LOG, *FOLDER.glob("customers.db*")):
        old.unlink(missing_ok=True)
    for folder in (REJECTS, LEDGER, DAGS):
        shutil.rmtree(folder, ignore_errors=True)
    DAGS.mkdir(parents=True)
    shutil.copy(ROOT / "dags" / f"{DAG_ID}.py", DAGS)
    copy_without_strangers(ROOT / "dags" / "data" / "customers.csv", INPUT)


def _run(home: str, crm: Sandbox, module: str, *arguments: str) -> bool:
    environment = os.environ | {
        "AIRFLOW_HOME": home,
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_CONN_SOCIALSCRM_DEFAULT": crm.connection_json(),
        "SOCIALSCRM_REJECTS": f"{REJECTS}/",
        "SOCIALSCRM_DATA": str(INPUT),
        "SOCIALSCRM_LEDGER": str(LEDGER),
    }
    with LOG.open("ab") as log:
        program = [sys.executable, "-m", module, *arguments]
        done = subprocess.run(program, env=environment, cwd=ROOT, stdout=log, stderr=log, check=False)  # noqa: S603 - a fixed command
    return done.returncode == 0


@contextmanager
def _step(say: Say, what: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    say(f"{what} ... {time.monotonic() - started:.0f} s")


def _manifests(home: Path) -> list[dict[str, Any]]:
    query = "SELECT value FROM xcom WHERE task_id = ? AND key = 'return_value' ORDER BY dag_run_id"
    with closing(sqlite3.connect(home / "airflow.db")) as database:
        return [_plain(json.loads(value)) for (value,) in database.execute(query, (TASK_ID,))]


def _plain(stored: Any) -> Any:
    # Some versions of Airflow store the JSON as a text within JSON.
    return json.loads(stored) if isinstance(stored, str) else stored


RUNS: Final = ("First run", "The same customers again", "Three customers renamed")


def _summary(manifests: list[dict[str, Any]], customers: list[dict[str, Any]]) -> str:
    first = manifests[0]
    calls, agents = first["calls"], {customer["agent"] for customer in customers}
    work = (
        f"The first run: {first['rows_per_second']:,.0f} rows/s; "
        f"{counted(calls['retries'], 'call')} retried, {calls['splits']} split to find a bad row"
    )
    holds = f"The CRM holds {counted(len(customers), 'customer')} of {counted(len(agents), 'agent')}."
    runs = [_run_of(*each) for each in zip(RUNS, manifests, strict=False)]
    reasons = map(_reason, first["refusals"])
    return "\n".join(("", *runs, "", work, holds, "", "Rows that were not accepted, and what to do:", *reasons))


def _run_of(name: str, manifest: dict[str, Any]) -> str:
    rows, calls, seconds = manifest["rows"], manifest["calls"], manifest["seconds"]
    counts = ", ".join(f"{count:,} {bucket.replace('_', ' ')}" for bucket, count in rows.items() if count)
    return (
        f"{name + ':':26}{calls['sent']:>3} {worded(calls['sent'], 'call')} in {seconds['total']:.1f} s; rows: {counts}"
    )


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
