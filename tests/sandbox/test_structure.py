"""The sandbox shares no code with the provider: a mistake in shared code would pass on both sides."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_socialscrm import sandbox

PACKAGE = "airflow_provider_socialscrm"
FOLDER = Path(sandbox.__file__).parent
MAY_IMPORT = {*sys.stdlib_module_names, "jinja2", "msgspec", "pytest", "starlette", "uvicorn"}


def absolute_imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level < 2, f"{path.name} reaches out of its package"
            if node.level == 0:
                yield node.module


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_a_module_imports_only_its_neighbours_and_what_a_web_server_needs(path):
    assert {name.split(".")[0] for name in absolute_imports(path)} - MAY_IMPORT == set()


def test_running_it_loads_nothing_of_the_provider_or_of_airflow():
    script = f"""
import sys
import {PACKAGE}.sandbox.__main__
print(sorted(name for name in sys.modules if name.split(".")[0] in ("airflow", "requests", "pandas", "pyarrow")))
print(sorted(n for n in sys.modules if n.startswith("{PACKAGE}.") and not n.startswith("{PACKAGE}.sandbox")))
"""
    assert output_of(script) == ["[]", "[]"]


@pytest.mark.parametrize("module", ["sandbox", "sandbox.pytest_plugin"])
def test_what_everybody_imports_loads_no_web_server(module):
    script = f"""
import sys
import {PACKAGE}.{module}
print(sorted({{"uvicorn", "starlette", "jinja2", "msgspec"}} & set(sys.modules)))
"""
    assert output_of(script) == ["[]"]


def output_of(script):
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    return done.stdout.splitlines()
