"""A screening task in a process of its own, to be killed: its one argument is a JSON object with the task's arguments.

It ends with 0 when the task has succeeded, and with 3 when an order is held, its sentence on the standard output.
"""

from __future__ import annotations

import json
import sys

from airflow_provider_socialscrm._compat import AirflowFailException
from airflow_provider_socialscrm.operators.screening import SocialSCRMScreenOperator
from tests.support.airflow import FakeTaskInstance


def main() -> int:
    given = json.loads(sys.argv[1])
    ti = FakeTaskInstance(try_number=given.pop("try_number"))
    operator = SocialSCRMScreenOperator(task_id="screen", **given)
    try:
        operator.execute({"ti": ti})
    except AirflowFailException as held:
        sys.stdout.write(str(held))
        return 3
    return 0


sys.exit(main())
