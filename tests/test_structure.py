from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

import airflow_provider_socialscrm

PACKAGE = airflow_provider_socialscrm.__name__
FOLDER = Path(airflow_provider_socialscrm.__file__).parent
MODULES = sorted(FOLDER.rglob("*.py"))

HEAVY = ("pandas", "numpy", "pyarrow", "requests", "phonenumbers", "rich", "starlette", "uvicorn")
"""What parsing a DAG file must not load, unless Airflow's SDK does so itself."""

FORBIDDEN = {
    "api": ("airflow", "pandas", "pyarrow", *(f"{PACKAGE}.{part}" for part in ("importer", "hooks", "operators"))),
    "importer": ("airflow", *(f"{PACKAGE}.{part}" for part in ("hooks", "operators"))),
    "hooks": (f"{PACKAGE}.operators", "pandas", "pyarrow"),
    "operators": ("pandas", "requests"),
    "plugins": (*(f"{PACKAGE}.{part}" for part in ("api", "importer", "hooks", "operators")), "fastapi"),
    "decorators": ("pandas", "pyarrow", "requests"),
    "links": ("pandas", "pyarrow", "requests", f"{PACKAGE}.hooks", f"{PACKAGE}.operators"),
    "assets": ("pandas", "pyarrow", "requests", f"{PACKAGE}.hooks", f"{PACKAGE}.operators"),
}
"""What the modules of a folder may not import, at any place in them: imports run shell -> importer -> api."""


def parts(folder: str) -> list[Path]:
    return [path for path in MODULES if path.relative_to(FOLDER).parts[0] == folder]


def module_name(path: Path) -> str:
    relative = path.relative_to(FOLDER.parent).with_suffix("")
    return ".".join(part for part in relative.parts if part != "__init__")


def imports(path: Path) -> Iterator[str]:
    """Yield the full name of everything a module imports, wherever in it."""
    own = module_name(path) if path.name == "__init__.py" else module_name(path).rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*own.split(".")[: len(own.split(".")) - node.level + 1]] if node.level else [])
            source = ".".join(filter(None, [base, node.module]))
            yield from (f"{source}.{name.name}" for name in node.names)


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_imports_run_one_way(folder):
    paths = parts(folder)
    assert paths
    wrong = [
        f"{module_name(path)} imports {name}"
        for path in paths
        for name in imports(path)
        for forbidden in (*FORBIDDEN[folder], f"{PACKAGE}.sandbox")
        if is_within(name, forbidden)
    ]
    assert wrong == []


def test_nothing_but_tests_and_people_start_the_sandbox():
    others = [path for path in MODULES if path not in parts("sandbox")]
    wrong = [module_name(path) for path in others for name in imports(path) if is_within(name, f"{PACKAGE}.sandbox")]
    assert wrong == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_every_module_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def output_of(script: str) -> str:
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("folder", ["api", "importer"])
def test_it_imports_where_airflow_is_not_installed(folder):
    names = [module_name(path) for path in parts(folder)]
    script = f"""
import importlib, sys
sys.modules["airflow"] = None
for name in {names!r}:
    importlib.import_module(name)
print(len({names!r}))
"""
    assert output_of(script) == str(len(names))


def test_parsing_a_dag_file_loads_nothing_heavy():
    modules = ["hooks", "operators", "plugins", "decorators", "assets"]
    names = ["get_provider_info", *(f"{module}.socialscrm" for module in modules)]
    script = f"""
import importlib, sys
import airflow.sdk
for name in {names!r}:
    before = set(sys.modules)
    importlib.import_module(f"{PACKAGE}.{{name}}")
    print(name, [name for name in {HEAVY!r} if name in sys.modules.keys() - before])
"""
    assert output_of(script).splitlines() == [f"{name} []" for name in names]


def test_discovering_the_provider_loads_only_the_version():
    script = f"""
import sys
import {PACKAGE}.get_provider_info
print(sorted(name for name in sys.modules if name.split(".")[0] in ({PACKAGE!r}, "airflow", "msgspec")))
"""
    assert output_of(script) == str([PACKAGE, f"{PACKAGE}.get_provider_info"])


def test_the_version_is_written_once():
    assert version("airflow-provider-socialscrm") == airflow_provider_socialscrm.__version__
    literals = [
        f"{module_name(path)}:{node.lineno}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value == airflow_provider_socialscrm.__version__
    ]
    assert literals == [f"{PACKAGE}:3"]
