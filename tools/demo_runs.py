"""Runs a DAG with Airflow three times in one process, since each start of Airflow takes seconds. Used by ``make demo``.

The second run has the same customers as the first, and before the third three of them get another name.
"""

from __future__ import annotations

import csv
import importlib.util
import sys
from pathlib import Path
from typing import Any, Final

CHANGED: Final = 3
"""Customers that change before the last run."""

STRANGER: Final = "agent_gone"
"""The agent of some rows, whom the CRM does not know."""


def main(dag_file: Path, customers: Path) -> int:
    """Run the DAG three times, and return 0 if each run succeeded.

    :param dag_file: defines one DAG, by a function that is named like the file.
    :param customers: the file that the DAG reads.
    """
    dag = _dag_of(dag_file)
    for change in (False, False, True):
        if change:
            rename(customers)
        if str(dag.test().state) != "success":
            return 1
    return 0


def rename(customers: Path) -> None:
    """Give some customers in a CSV file another name."""
    rows = _rows(customers)
    for row in rows[:CHANGED]:
        row["friendName"] += " (renamed)"
    _write(customers, rows)


def copy_without_strangers(customers: Path, to: Path) -> None:
    """Copy a CSV file of customers, with another agent for the rows whose agent the CRM does not know.

    Such rows are sent in each run, since the agent may exist by then.
    """
    rows = _rows(customers)
    for row in rows:
        if row["agentAccount"] == STRANGER:
            row["agentAccount"] = rows[0]["agentAccount"]
    _write(to, rows)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _dag_of(file: Path) -> Any:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise ImportError(file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, file.stem)()


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
