"""The exit codes of the commands."""

from __future__ import annotations

from typing import Final

FINE: Final = 0
"""All rows can be sent, or as few cannot as is allowed."""

REFUSED: Final = 1
"""More rows than that cannot be sent."""

ARGUMENTS: Final = 2
"""The file or an argument cannot be taken; argparse uses the same."""

INTERRUPTED: Final = 130
"""Ctrl-C, as shells have it."""
