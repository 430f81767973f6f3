"""What Airflow gives a running task, without Airflow's server."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

try:
    from airflow.sdk.exceptions import TaskDeferred
except ImportError:  # Airflow 3.1
    from airflow.exceptions import TaskDeferred  # noqa: F401


class FakeTaskInstance:
    """A try of a task, which remembers what is pushed.

    :param changes: other attributes than those of the first try of a task that is not mapped.
    """

    def __init__(self, **changes: Any) -> None:
        self.dag_id, self.run_id, self.task_id, self.map_index, self.max_tries = "dag", "run", "task", -1, 2
        self.try_number, self.task = 1, SimpleNamespace(retries=2)
        self.pushed: list[tuple[str, Any]] = []
        vars(self).update(changes)

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed.append((key, value))


class FakeTaskStateStore:
    """Replaces Airflow's task state store, and remembers all it was given."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.given: list[tuple[str, Any]] = []
        self.retention: dict[str, timedelta | None] = {}

    def get(self, key: str, default: Any = None) -> Any:
        return self.values.get(key, default)

    def set(self, key: str, value: Any, *, retention: timedelta | None = None) -> None:
        assert json.loads(json.dumps(value)) == value, "Airflow takes JSON only, so no tuples"
        self.given.append((key, value))
        self.retention[key] = retention
        self.values[key] = value

    def delete(self, key: str) -> None:
        self.values.pop(key, None)


def serialized(dag: Any) -> str:
    """Return a DAG as Airflow stores it, after the scheduler could read it."""
    from airflow.serialization import serialized_objects

    # Airflow 3.1 has the second.
    serializer = getattr(serialized_objects, "DagSerialization", serialized_objects.SerializedDAG)
    stored = json.dumps(serializer.to_dict(dag))
    serializer.from_dict(json.loads(stored))
    return stored
