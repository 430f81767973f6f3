"""An executor that runs each task in a process of its own under Airflow's supervisor, without a scheduler."""

from __future__ import annotations

from typing import Any

from airflow.executors.base_executor import BaseExecutor
from airflow.sdk.execution_time import supervisor
from airflow.utils.state import TaskInstanceState


class SupervisedExecutor(BaseExecutor):
    """Runs one task after the other; Airflow's API is in this process."""

    is_local = True

    def start(self) -> None:
        """Begin nothing."""

    def end(self) -> None:
        """End nothing."""

    def _process_workloads(self, workloads: Any) -> None:
        supervise = getattr(supervisor, "supervise_task", None) or supervisor.supervise  # Airflow 3.1 has the second
        for workload in workloads:
            del self.queued_tasks[workload.ti.key]
            code = supervise(
                ti=workload.ti,
                dag_rel_path=workload.dag_rel_path,
                bundle_info=workload.bundle_info,
                token=workload.token,
                subprocess_logs_to_stdout=True,
                client=supervisor.InProcessTestSupervisor._api_client(dag=True),
            )
            self.change_state(workload.ti.key, TaskInstanceState.FAILED if code else TaskInstanceState.SUCCESS)
