"""The pytest fixture ``socialscrm_sandbox``. It imports the sandbox when it is used, so others pay nothing for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .server import Sandbox


@pytest.fixture
def socialscrm_sandbox() -> Iterator[Sandbox]:
    """Run a local SocialsCRM for one test, with no customers and the default settings, on a free port of this machine.

    ``configure`` changes settings, ``inject`` puts faults in force; it all ends with the test.
    """
    from .server import Sandbox  # noqa: PLC0415 - only tests that use it should load a web server

    with Sandbox() as sandbox:
        yield sandbox
