from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Container, Iterator, Sequence
from functools import cache
from graphlib import TopologicalSorter
from importlib.metadata import version
from pathlib import Path

import pytest

import airflow_provider_socialscrm
from tests.support.sources import nodes_of, tree_of

PACKAGE = airflow_provider_socialscrm.__name__
FOLDER = Path(airflow_provider_socialscrm.__file__).parent
MODULES = sorted(FOLDER.rglob("*.py"))

HEAVY = ("pandas", "numpy", "pyarrow", "requests", "phonenumbers", "rich", "starlette", "uvicorn")
"""What parsing a DAG file must not load, unless Airflow's SDK does so itself."""

FLOORS = (
    ("_compat", "wording"),
    ("api",),
    (
        "importer.errors",
        "importer.identity",
        "importer.paths",
        "importer.reasons",
        "importer.spelling",
        "importer.unwritable",
        "importer.masking",
    ),
    ("importer.columns", "importer.options", "importer.whole_files"),
    ("importer.sources",),
    ("importer.rows",),
    ("importer.fields", "importer.results"),
    ("importer.changes",),
    ("importer.sending",),
    ("importer.rows_to_send", "importer.examples"),
    ("importer.chunks_to_send",),
    ("importer.run", "importer.dry_run", "mass_sends"),
    ("chats",),
    ("screening",),
    ("sends",),
    ("retry_policies", "assets", "links", "get_provider_info", "webhooks"),
    ("runtime",),
    ("hooks",),
    ("triggers",),
    ("operators", "sensors"),
    ("decorators", "commands", "plugins", "testing"),
    ("__main__",),
)
"""What the package is made of, the lowest first. A module imports from its own part and from lower floors only."""

FORBIDDEN = {
    "_compat": ("pandas", "numpy", "pyarrow", "requests"),
    "api": ("airflow", "pandas", "pyarrow"),
    "importer": ("airflow",),
    "mass_sends": ("airflow", "pandas", "pyarrow", "requests"),
    "chats": ("airflow",),
    "screening": ("airflow",),
    "sends": ("airflow", "pandas", "requests"),
    "hooks": ("pandas", "pyarrow"),
    "operators": ("pandas", "requests"),
    "webhooks": ("airflow", "pandas", "pyarrow", "requests"),
    "sensors": ("pandas", "pyarrow", "requests"),
    "triggers": ("pandas", "pyarrow", "requests"),
    "plugins": (*(f"{PACKAGE}.{part}" for part in ("api", "importer", "hooks", "operators")), "fastapi"),
    "decorators": ("pandas", "pyarrow", "requests"),
    "links": ("pandas", "pyarrow", "requests"),
    "assets": ("pandas", "pyarrow", "requests"),
}
"""Libraries, and in one case modules, that the modules of a folder may not import, at any place in them."""


MOST_LINES = 40
"""Lines of code in a function, a constructor too; our choice, about what a screen shows."""


def parts(folder: str) -> list[Path]:
    return [path for path in MODULES if path.relative_to(FOLDER).parts[0] == folder]


def module_name(path: Path) -> str:
    relative = path.relative_to(FOLDER.parent).with_suffix("")
    return ".".join(part for part in relative.parts if part != "__init__")


@cache
def imports(path: Path) -> list[str]:
    """Return the full name of everything a module imports, wherever in it."""
    return list(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    own = module_name(path) if path.name == "__init__.py" else module_name(path).rpartition(".")[0]
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*own.split(".")[: len(own.split(".")) - node.level + 1]] if node.level else [])
            source = ".".join(filter(None, [base, node.module]))
            yield from (f"{source}.{name.name}" for name in node.names)


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_a_folder_imports_nothing_that_it_must_not(folder):
    paths = [path for path in MODULES if path.relative_to(FOLDER).with_suffix("").parts[0] == folder]
    assert paths
    wrong = [
        f"{module_name(path)} imports {name}"
        for path in paths
        for name in imports(path)
        for forbidden in FORBIDDEN[folder]
        if is_within(name, forbidden)
    ]
    assert wrong == []


@cache
def graph() -> dict[str, set[str]]:
    """Return what each module of the package imports of it, also in functions and for types; without the sandbox."""
    sandbox = parts("sandbox")
    names = {module_name(path): path for path in MODULES if path not in sandbox}
    return {
        name: {found for each in imports(path) if (found := module_of(each, names)) and found != name}
        for name, path in names.items()
    }


def module_of(imported: str, names: Container[str]) -> str | None:
    """Return the module that an imported name is, or is in; packages hold nothing but their modules."""
    for name in (imported, imported.rpartition(".")[0]):
        if name in names and name != PACKAGE:
            return name
    return None


def floor_of(module: str) -> tuple[int, str]:
    found = [
        (number, part)
        for number, floor in enumerate(FLOORS)
        for part in floor
        if is_within(module, f"{PACKAGE}.{part}")
    ]
    assert len(found) == 1, f"{module} is on {len(found)} floors: FLOORS has to name it once"
    return found[0]


def test_each_module_imports_from_lower_floors_only():
    wrong = []
    for module, imported in graph().items():
        if module.count(".") and not (FOLDER.parent / module.replace(".", "/")).is_dir():
            number, part = floor_of(module)
            for other in imported:
                others_number, others_part = floor_of(other)
                if others_number > number or (others_number == number and others_part != part):
                    wrong.append(f"{module} imports {other}")
    assert wrong == []


def test_no_modules_import_each_other_in_a_circle():
    assert len(list(TopologicalSorter(graph()).static_order())) == len(graph())  # which raises, naming a circle


def test_nothing_but_tests_and_people_start_the_sandbox():
    sandbox = parts("sandbox")
    others = [path for path in MODULES if path not in sandbox]
    wrong = [module_name(path) for path in others for name in imports(path) if is_within(name, f"{PACKAGE}.sandbox")]
    assert wrong == []


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef, lines: Sequence[str]) -> int:
    """Return how many lines a function has, its signature included, without its docstring, comments and empty lines."""
    documented = ast.get_docstring(function, clean=False) is not None
    text = range(function.body[0].lineno, (function.body[0].end_lineno or 0) + 1) if documented else range(0)
    return sum(
        number not in text and bool(lines[number - 1].strip()) and not lines[number - 1].strip().startswith("#")
        for number in range(function.lineno, (function.end_lineno or 0) + 1)
    )


def test_no_function_is_longer_than_one_can_take_in():
    long = []
    for path in MODULES:
        lines = path.read_text(encoding="utf-8").splitlines()
        functions = [each for each in nodes_of(path) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
        long += [f"{module_name(path)}.{each.name}" for each in functions if code_lines(each, lines) > MOST_LINES]
    assert long == []


def test_every_module_says_what_it_is_for():
    assert [module_name(path) for path in MODULES if not ast.get_docstring(tree_of(path))] == []


def output_of(script: str) -> str:
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.one_in(2)
@pytest.mark.parametrize("folder", ["api", "importer", "chats", "screening", "sends"])
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
    modules = ["hooks", "operators", "sensors", "plugins", "decorators", "assets"]
    names = [
        "get_provider_info",
        *(f"{module}.socialscrm" for module in modules),
        "operators.screening",
        "operators.sends",
        "sensors.sends",
    ]
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
        for node in nodes_of(path)
        if isinstance(node, ast.Constant) and node.value == airflow_provider_socialscrm.__version__
    ]
    assert literals == [f"{PACKAGE}:3"]
