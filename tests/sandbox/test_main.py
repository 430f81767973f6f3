"""``python -m airflow_provider_socialscrm.sandbox``, run as people run it."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest
import requests

from airflow_provider_socialscrm.sandbox.faults import descriptions
from airflow_provider_socialscrm.sandbox.settings import SandboxSettings

COMMAND = [sys.executable, "-W", "error", "-m", "airflow_provider_socialscrm.sandbox"]

LAST_LINE = "  Time zone "
OWN_KEY = "open-sesame-1001"


def slow(options, sentence):
    """Return a case for the thorough run, since each starts Python anew."""
    return pytest.param(options, sentence, marks=pytest.mark.thorough)


@contextmanager
def started(*options):
    """Start a sandbox, and yield its process, its address and the lines that it prints when it is ready."""
    command = [*COMMAND, "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            lines = [process.stdout.readline()]
            while not lines[-1].startswith(LAST_LINE) and process.poll() is None:
                lines.append(process.stdout.readline())
            yield process, re.search(r"http://\S+:\d+", lines[0]).group(), lines
        finally:
            process.kill()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_says_when_it_is_ready_and_stops_cleanly(stop):
    with started("--latency", "0") as (process, url, lines):
        assert requests.get(url, timeout=10).status_code == 200
        process.send_signal(stop)
        rest, errors = process.communicate(timeout=10)

    assert (process.returncode, rest, errors) == (0, "", "")
    ready, how_to_stop, *_ = lines
    assert ready == (
        f"SocialsCRM sandbox ready on {url}, tenant 1, agents agent_wang, agent_silva, agent_okafor, agent_novak\n"
    )
    assert how_to_stop == "Ctrl-C stops it.\n"


def test_it_prints_its_connection_in_each_form():
    with started() as (_process, url, lines):
        text = "".join(lines)

    assert "Each can be pasted as it stands." in text
    commands = [line for line in lines if line.startswith(("export ", "airflow "))]
    assert len(commands) == 3
    assert json.loads(re.search(r"'(.*)'", commands[0]).group(1))["host"] == url
    assert all(SandboxSettings().api_key in command for command in commands)
    assert f"  Base URL         {url}\n" in lines
    assert f"  ApiKey           {SandboxSettings().api_key}\n" in lines


@pytest.mark.parametrize(("options", "is_shown"), [((), False), (("--show-key",), True)])
def test_a_key_of_ones_own_is_shown_only_on_request(options, is_shown):
    with started("--api-key", OWN_KEY, *options) as (process, url, lines):
        page = requests.get(url, timeout=10).text
        process.terminate()
        rest, errors = process.communicate(timeout=10)

    for text in ("".join(lines) + rest + errors, page):
        assert (OWN_KEY in text) == is_shown
        assert ("YOUR-APIKEY" in text) != is_shown
        assert ("--show-key" in text) != is_shown


def test_options_become_settings_and_faults(tmp_path):
    options = [
        "--agents",
        "agent_li, agent_ito",
        "--extension-field",
        "Size=select:S|M",
        "--extension-field",
        "Note=text",
    ]
    options += ["--refusal", "partial", "--rows-per-call", "7", "--clock-offset=-2.5", "--time-zone", "UTC"]
    options += ["--check-order", "role, tenant, token, time, plan", "--create-time-expires", "false"]
    options += ["--fault", "kind=http,status=503,retry_after=3,rate=0.5,commit=true", "--latency", "0.25"]
    options += ["--database", str(tmp_path / "crm.sqlite")]

    with started(*options) as (_process, url, _lines):
        settings = requests.get(f"{url}/_sandbox/settings", timeout=10).json()
        faults = requests.get(f"{url}/_sandbox/faults", timeout=10).json()

    assert settings["agents"] == ["agent_li", "agent_ito"]
    assert settings["extension_fields"] == {"Size": "select:S|M", "Note": "text"}
    assert (settings["refusal"], settings["rows_per_call"]) == ("partial", 7)
    assert (settings["clock_offset"], settings["time_zone"]) == (-2.5, "UTC")
    assert settings["check_order"] == ["role", "tenant", "token", "time", "plan"]
    assert settings["create_time_expires"] is False
    assert [fault["kind"] for fault in faults] == ["latency", "http"]
    assert faults[0]["seconds"] == 0.25
    assert (faults[1]["status"], faults[1]["rate"], faults[1]["commit"]) == (503, 0.5, True)
    assert str(faults[1]["retry_after"]) == "3"
    assert (tmp_path / "crm.sqlite").exists()


def test_a_port_in_use_is_one_clear_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("--port", str(port))

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (f"the sandbox cannot start: port {port} on 127.0.0.1 is in use; choose another --port\n")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--refusal", "both"], "setting refusal: Invalid enum value 'both'"),
        slow(["--rows-per-call", "many"], "setting rows_per_call: Expected `int`"),
        slow(["--extension-field", "Size"], "--extension-field 'Size': give NAME=TYPE"),
        slow(["--fault", "fire"], "--fault 'fire': give name=value between commas"),
        (["--fault", "kind=fire"], "unknown kind of fault 'fire'"),
        slow(["--latency", "long"], "fault latency: Expected `float`"),
        (["--database", "/nowhere/at/all/crm.sqlite"], "--database /nowhere/at/all/crm.sqlite: unable to open"),
    ],
)
def test_a_wrong_option_is_one_clear_sentence(options, sentence):
    done = run("--port", "0", *options)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"the sandbox cannot start: {sentence}")
    assert done.stderr.count("\n") == 1


def test_an_address_that_others_can_reach_is_warned_about():
    with started("--host", "0.0.0.0", "--allow-host", "crm.local") as (process, _url, _lines):  # noqa: S104 - what the warning is about
        process.terminate()
        _output, errors = process.communicate(timeout=10)

    assert errors.startswith("warning: 0.0.0.0 can be reached from other machines")
    assert "localhost, 127.0.0.1, ::1, 0.0.0.0, crm.local; --allow-host adds one" in errors


def test_help_names_every_setting():
    assert "--calls-per-second" in run("--help").stdout


def test_help_describes_every_fault_and_labels_assumptions():
    text = " ".join(run("--help").stdout.split())

    for kind, sentence in descriptions().items():
        assert f" {kind} {sentence}" in text
    assert "late, after the customers were stored (our assumption)" in text


def run(*options):
    return subprocess.run([*COMMAND, *options], capture_output=True, text=True, timeout=10, check=False)
