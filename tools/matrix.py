"""Run the test suite on the versions people have: ``make test-matrix``, or ``python -m tools.matrix 3.1`` for some.

Each cell of the matrix has an environment of its own in ``.matrix/``, made once. Together the cells put each Airflow
beside each pandas, and each Python beside both; the last one has the oldest of all that ``pyproject.toml`` allows.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
FOLDER: Final = ROOT / ".matrix"

TOOLS: Final = ("hypothesis", "jsonschema", "pytest", "pytest-xdist", "duckdb", "polars")
"""What the tests need beside the package; of the newest, since users do not have them."""

WITHOUT: Final = ("tests/browser", "tests/cluster", "tests/benchmarks")
"""Tests that have commands of their own, and do not depend on the version of Python or pandas."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination of versions.

    :param airflow: of Airflow, as pip has it, its latest patch.
    :param python: of Python.
    :param packages: further requirements, as pip has them.
    """

    airflow: str
    python: str
    packages: tuple[str, ...]

    @property
    def name(self) -> str:
        """What the cell is called, and its folder."""
        pandas = self.packages[0].replace("==", "-").removesuffix(".*")
        return f"airflow-{self.airflow}-python-{self.python}-{pandas}"

    def requirements(self) -> list[str]:
        """Return what to install."""
        return [f"apache-airflow=={self.airflow}.*", *self.packages, *TOOLS]


def lowest() -> tuple[str, ...]:
    """Return the oldest of each dependency but Airflow that the project allows."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounds = [line.replace(">=", "==") for line in project["dependencies"] if not line.startswith("apache-airflow")]
    return tuple(sorted(bounds, key=lambda bound: not bound.startswith("pandas")))


CELLS: Final = (
    Cell("3.1", "3.12", ("pandas==2.*",)),
    Cell("3.1", "3.13", ("pandas==3.*",)),
    Cell("3.2", "3.11", ("pandas==2.*",)),
    Cell("3.2", "3.12", ("pandas==3.*",)),
    Cell("3.3", "3.13", ("pandas==2.*",)),
    Cell("3.3", "3.11", ("pandas==3.*",)),
    Cell("3.1", "3.11", lowest()),
)


def main() -> int:
    """Run the cells whose name has the text given, all without one; return 1 when any of them failed."""
    wanted = [cell for cell in CELLS if not sys.argv[1:] or sys.argv[1] in cell.name]
    outcomes = {cell.name: run(cell) for cell in wanted}
    for name, outcome in outcomes.items():
        say(f"{name:<50} {outcome}")
    return int("failed" in outcomes.values() or not wanted)


def run(cell: Cell) -> str:
    """Make a cell's environment, where there is none yet, and run the tests in it."""
    python = find_python(cell.python)
    if python is None:
        return f"skipped: no python{cell.python} here"
    say(f"== {cell.name} ==")
    folder = FOLDER / cell.name
    if not (folder / "made").exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([python, "-m", "venv", folder], check=True)
        install(folder, *cell.requirements())
        install(folder, "--no-deps", "--editable", str(ROOT))
        (folder / "made").touch()
    ignored = [f"--ignore={path}" for path in WITHOUT]
    command = [str(folder / "bin" / "python"), "-m", "pytest", "-q", "-n", "2", *ignored]
    return "passed" if subprocess.run(command, check=False, cwd=ROOT).returncode == 0 else "failed"


def install(folder: Path, *arguments: str) -> None:
    """Install into a cell's environment."""
    subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", *arguments], check=True)


def find_python(version: str) -> str | None:
    """Return a Python of this version that can run, if there is one: also where pyenv keeps them without a shim."""
    kept = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{version}.*/bin/python"))
    for candidate in (shutil.which(f"python{version}"), *map(str, kept)):
        if candidate and subprocess.run([candidate, "-c", ""], check=False, capture_output=True).returncode == 0:
            return candidate
    return None


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
