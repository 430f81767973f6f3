"""Run quick tests on the oldest versions that ``pyproject.toml`` allows: ``make test-lowest``.

The package is installed as users install it, from the wheel and from the sdist that ``make dist`` built. ``make
test-matrix`` runs all tests on these versions.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from tools.dist import DIST, check_installed, make_environment
from tools.matrix import CELLS, FOLDER, ROOT, find_python, say

TESTS: Final = (
    "tests/hooks",
    "tests/operators",
    "tests/sensors",
    "tests/triggers",
    "tests/importer/test_import.py",
    "tests/importer/test_options.py",
    "tests/test_compat.py",
    "tests/test_provider_info.py",
)
"""What differs most between versions of Airflow, and what each import needs."""

DAG_RUN: Final = "tests/airflow/test_dag_runs.py::test_first_example_dag_imports_its_file_and_names_each_refused_row"
"""A DAG with an import, run by Airflow."""

PACKAGES: Final = ("faker", "hypothesis", "jsonschema", "pytest", "pytest-xdist")
"""What these tests need beside the package."""


def main() -> int:
    """Install the oldest versions and run the tests; return 1 if one failed, and 2 without the oldest Python."""
    (cell,) = (each for each in CELLS if each.versions.name == "lowest.txt")
    python = find_python(cell.python)
    if python is None:
        say(f"python{cell.python} is needed, the oldest that is supported, and is not installed")
        return 2
    program = make_environment(python, FOLDER / "lowest")
    check_installed(DIST, program, cell.versions, *PACKAGES, extras="[redis]")
    warnings = [argument for warning in cell.ignored for argument in ("-W", warning)]
    pytest = [program, "-m", "pytest", "--quiet", *warnings]
    runs = (["--numprocesses", "auto", "--dist", "worksteal", "-m", "not thorough", *TESTS], [DAG_RUN])
    codes = [subprocess.run([*pytest, *arguments], check=False, cwd=ROOT).returncode for arguments in runs]
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
