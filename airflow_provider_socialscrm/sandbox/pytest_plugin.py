"""The pytest fixture ``socialscrm_sandbox``. Only tests that use it import the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .server import Sandbox

pytest_plugins = ["airflow_provider_socialscrm.testing.pytest_plugin"]  # has the fixture socialscrm_airflow


@pytest.fixture
def socialscrm_sandbox() -> Iterator[Sandbox]:
    """Run a local SocialsCRM for one test, with no customers and the default settings, on a free port of this machine.

    ``configure`` changes settings and ``inject`` puts faults in force, until the test ends.
    """
    from .server import Sandbox  # noqa: PLC0415 - only tests that use it should load a web server

    with Sandbox() as sandbox:
        yield sandbox
