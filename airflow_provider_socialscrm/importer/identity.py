"""Which import something is of: the rows in a dead letter, its parts, and a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final
from urllib.parse import quote

LONGEST_NAME: Final = 200
"""Bytes of a folder's name. Most file systems allow 255; Airflow's ids have up to 250 characters."""

KEPT: Final = "+@~"
"""Characters that stay as they are in a folder's name, beside ASCII letters, digits, and ``_.-``."""


@dataclass(frozen=True, slots=True)
class ImportIdentity:
    """Which import this is: the same for all tries of a task in a run, another for any other task or run.

    :param task_id: the task, or a name for what imports outside of Airflow.
    :param dag_id: its DAG; ``None`` outside of Airflow, like the following.
    :param run_id: the run of the DAG.
    :param map_index: the task's index in its map; ``None`` if it is not mapped.
    :param max_tries: Airflow's count of the tries that the task may make, which clearing the task raises.
    """

    task_id: str
    dag_id: str | None = None
    run_id: str | None = None
    map_index: int | None = None
    max_tries: int | None = None

    @property
    def folders(self) -> tuple[str, ...]:
        """Names of nested folders that no other import has, as in Airflow's own logs."""
        named = {"dag_id": self.dag_id, "run_id": self.run_id, "task_id": self.task_id, "map_index": self.map_index}
        return tuple(_folder(name, str(value)) for name, value in named.items() if value is not None)

    @property
    def owner(self) -> str:
        """Text that the rows of this import have in the dead letter, the same in all tries and after clearing."""
        return "/".join(self.folders)

    @property
    def tries(self) -> str:
        """Text for those tries of which each resumes from the one before: clearing the task begins others."""
        map_index = -1 if self.map_index is None else self.map_index
        return "/".join(str(part) for part in (self.dag_id, self.run_id, self.task_id, map_index, self.max_tries))


OUTSIDE_AIRFLOW: Final = ImportIdentity("outside-airflow")
"""The import of a program that uses :class:`.run.Import` directly."""

CHECK: Final = ImportIdentity("check")
"""The command ``check``."""


def _folder(name: str, value: str) -> str:
    """Return ``name=value`` as a folder's name, different for different values."""
    folder = f"{name}={quote(value, safe=KEPT)}"
    if len(folder) <= LONGEST_NAME:
        return folder
    digest = blake2b(value.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{folder[: LONGEST_NAME - len(digest) - 2]}%-{digest}"  # no escaped character begins with %-
