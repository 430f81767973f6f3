"""Commands for a person, without Airflow: ``python -m airflow_provider_socialscrm check customers.csv``."""

from __future__ import annotations

from typing import Final

OK: Final = 0
"""Exit code: invalid rows, if any, are within ``--max-rejected``."""

REJECTED: Final = 1
"""Exit code: an import would fail, because too many rows cannot be sent."""

DISAGREES: Final = 1
"""Exit code: a ledger's files do not agree, or something has to be done again."""

USAGE: Final = 2
"""Exit code: the file or an option cannot be used. argparse has the same."""

INTERRUPTED: Final = 130
"""Exit code after Ctrl-C, as shells have it."""
