"""A task that sends, in a process of its own, to be killed: its one argument is a JSON object with its arguments.

It ends with 0 when the task has succeeded, and with 3 when recipients are in doubt. Its manifest is its last line.
"""

from __future__ import annotations

import json
import sys

from airflow_provider_socialscrm._compat import AirflowFailException
from airflow_provider_socialscrm.operators.sends import SocialSCRMSendOperator
from tests.support.airflow import FakeTaskInstance


def main() -> int:
    given = json.loads(sys.argv[1])
    ti = FakeTaskInstance(task_id=given.pop("task", "send"), try_number=given.pop("try_number"))
    try:
        manifest = SocialSCRMSendOperator(task_id="send", **given).execute({"ti": ti})
    except AirflowFailException:
        sys.stdout.write(json.dumps(dict(ti.pushed)["return_value"]))
        return 3
    sys.stdout.write(json.dumps(manifest))
    return 0


sys.exit(main())
