"""On a terminal: progress while it works, gone at the end, and a page that fits."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from contextlib import contextmanager
from pathlib import Path

import pytest

from airflow_provider_socialscrm.commands.check_options import AS_OPTIONS

COMMAND = [sys.executable, "-W", "error", "-m", "airflow_provider_socialscrm", "check"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "NO_COLOR", "FORCE_COLOR"}}

FEW, MANY = 100, 400_000


@pytest.fixture
def customers() -> None:
    lines = [f"+86 {15200000000 + number}" for number in range(FEW)]
    Path("customers.csv").write_text("\n".join(["whatsApp", *lines]), encoding="utf-8")


@contextmanager
def on_a_terminal(*arguments, width=80, out=None):
    """Start a check on a terminal; ``out`` is where the page goes if not there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *arguments], stdin=theirs, stdout=out or theirs, stderr=theirs, env=ENVIRONMENT | {"TERM": "xterm"}
    )
    os.close(theirs)
    try:
        yield process, ours
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def read_all(terminal):
    text = b""
    while part := read_some(terminal):
        text += part
    return text.decode()


def read_some(terminal):
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other side has ended
        return b""


def screen_of(text):
    """Return the lines that a terminal shows after a text, by the control codes that progress uses."""
    lines, row = [""], 0
    for part in re.split(r"(\r?\n|\r|\x1b\[[0-9;?]*[A-Za-z])", text):
        if part in {"\n", "\r\n"}:
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif part == "\x1b[2K":
            lines[row] = ""
        elif part == "\x1b[1A":
            row -= 1
        elif part != "\r" and not part.startswith("\x1b"):
            lines[row] += part
    return [line.rstrip() for line in lines]


@pytest.mark.thorough
@pytest.mark.usefixtures("customers")
def test_progress_shows_and_is_gone_at_the_end():
    with on_a_terminal("customers.csv") as (process, terminal):
        text = read_all(terminal)
        assert process.wait(10) == 0

    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    assert "Reading" in plain
    assert f"Read {FEW} rows so far" in plain
    screen = screen_of(text)
    assert screen[0] == f"customers.csv: {FEW} rows x 1 column"
    assert screen[-2:] == [")", ""]
    assert [line for line in screen if "Reading" in line] == []
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1  # the cursor is there again


@pytest.mark.thorough
@pytest.mark.usefixtures("customers")
def test_a_page_for_a_file_has_no_codes_though_progress_shows(tmp_path):
    with (
        (tmp_path / "page.txt").open("w+", encoding="utf-8") as page,
        on_a_terminal("customers.csv", out=page) as (process, terminal),
    ):
        progress = read_all(terminal)
        assert process.wait(10) == 0
        page.seek(0)
        text = page.read()

    assert "Reading" in progress
    assert "\x1b" not in text
    assert text.startswith(f"customers.csv: {FEW} rows x 1 column\n")


@pytest.mark.thorough
@pytest.mark.usefixtures("customers")
@pytest.mark.parametrize(("width", "widest"), [(50, 50), pytest.param(80, 80, marks=pytest.mark.thorough), (250, 100)])
def test_the_page_fits_the_terminal(width, widest):
    with on_a_terminal("customers.csv", "--defaults", f"desc={'word ' * 60}", width=width) as (_, terminal):
        screen = screen_of(read_all(terminal))

    page = screen[: screen.index("The same as a task of a DAG")]
    assert widest - 12 < max(map(len, page)) <= widest


@pytest.mark.thorough
@pytest.mark.usefixtures("customers")
def test_a_terminal_has_colours():
    with on_a_terminal("customers.csv") as (_, terminal):
        text = read_all(terminal)

    assert f"\x1b[1;32m{FEW}\x1b[0m" in text


@pytest.mark.thorough
def test_what_is_wrong_stays_on_the_screen():
    with on_a_terminal("nowhere.csv") as (process, terminal):
        screen = screen_of(read_all(terminal))
        assert process.wait(10) == 2

    assert screen[0] == "nowhere.csv does not exist: check the path in data, and that the worker can reach it."
    assert screen[1:] == [AS_OPTIONS, ""]


def test_ctrl_c_leaves_the_terminal_as_it_was():
    Path("customers.csv").write_text("whatsApp\n" + "8615200000000\n" * MANY, encoding="utf-8")
    with on_a_terminal("customers.csv") as (process, terminal):
        text = b""
        while not re.search(rb"(?:[2-9][0-9]|[0-9]{3}),000 ", text):  # by then all that is needed is loaded
            text += (more := read_some(terminal))
            assert more, "the check ended before it could be stopped"
        process.send_signal(signal.SIGINT)
        text += read_all(terminal).encode()
        assert process.wait(10) == 130

    assert b"\x1b[?25h" in text
    assert b"Traceback" not in text
    assert [line for line in screen_of(text.decode()) if line] == ["Stopped. Nothing was sent."]
