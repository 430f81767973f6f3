"""Run a SocialsCRM on localhost, and print the three lines that run the first example DAG against it.

The lines use the environment that runs this module, and put Airflow's home and the rejected rows into ``.demo/``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from shlex import quote
from typing import Final

from airflow_provider_socialscrm.sandbox.__main__ import main
from airflow_provider_socialscrm.sandbox.connection import VARIABLE
from airflow_provider_socialscrm.sandbox.server import Sandbox

ROOT: Final = Path(__file__).absolute().parent.parent
DAG_ID: Final = "first_import"


def lines_to_run(sandbox: Sandbox) -> str:
    """Return the lines that run the first DAG, with the sentence above them."""
    settings = {
        "AIRFLOW_HOME": ".demo/airflow",
        "AIRFLOW__CORE__DAGS_FOLDER": "dags",
        "SOCIALSCRM_REJECTS": ".demo/rejects/",
    }
    exports = " ".join(f'{name}="$PWD/{path}"' for name, path in settings.items())
    connection = f"{VARIABLE}={quote(sandbox.shown_connection().as_json())}"
    airflow = _from_root(Path(sys.executable).parent / "airflow")
    return "\n".join(
        (
            "These three lines, in another terminal, run the first DAG against it:\n",
            f"cd {quote(str(ROOT))} && export {exports} {connection}",
            f"{airflow} db migrate",
            f"{airflow} dags test {DAG_ID}",
        )
    )


def _from_root(program: Path) -> str:
    """Return a program as one types it in the project's folder."""
    return quote(os.path.relpath(program, ROOT) if program.is_relative_to(ROOT) else str(program))


if __name__ == "__main__":
    sys.exit(main(last_words=lines_to_run))
