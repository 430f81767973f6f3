"""The connection to a sandbox in each form: Airflow reads the same from all of them, and the provider can use it."""

from __future__ import annotations

import json
import subprocess
from urllib.parse import urlsplit

import pytest
from airflow.sdk import BaseHook, Connection

from airflow_provider_socialscrm.get_provider_info import get_provider_info
from airflow_provider_socialscrm.hooks.connection import settings_of
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.sandbox.connection import VARIABLE, connection_to, shown_connection
from airflow_provider_socialscrm.sandbox.settings import SandboxSettings

UNUSUAL = {
    "defaults": {},
    "quotes": {"agents": ['o\'brien "the" $HOME'], "api_key": "it's `a` \\key"},
    "reserved": {"agents": ["a@b:c/d?e#f"], "api_key": "p%40 &=+", "tenant_id": "12"},
    "chinese": {"agents": ["客服一号"], "time_zone": "UTC"},
}
URLS = ["http://127.0.0.1:8765", "http://[::1]:8765", "http://crm.local:80"]


def in_a_shell(line):
    """Return the variable as a shell exports it."""
    script = f'{line}\nprintf %s "${VARIABLE}"'
    return subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, timeout=10, check=True).stdout


@pytest.fixture
def read(monkeypatch):
    """Read the settings of a connection that a line puts into the environment."""

    def from_environment(line):
        monkeypatch.setenv(VARIABLE, in_a_shell(line))
        return settings_of(BaseHook.get_connection("socialscrm_default"))

    return from_environment


def by_the_form(made):
    labels = {"Base URL": "host", "User name": "login", "ApiKey": "password"}
    extras = {"Tenant ID": "tenant_id", "Auth scheme": "auth_scheme", "Time zone": "time_zone"}
    values = dict(made.as_form())
    fields = {name: values[label] for label, name in labels.items()}
    extra = {name: values[label] for label, name in extras.items()}
    return Connection(conn_id="socialscrm_default", conn_type="socialscrm", extra=json.dumps(extra), **fields)


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("changes", UNUSUAL.values(), ids=UNUSUAL)
def test_each_form_is_the_same_connection_as_it_stands(read, changes, url):
    made = connection_to(settings := SandboxSettings().changed(changes), url)

    by_json, by_uri = (read(line) for _, line in made.for_shell()[:2])

    assert by_json == by_uri == settings_of(by_the_form(made))
    assert (by_json.base_url, by_json.user_name) == (url.removesuffix(":80"), settings.agents[0])
    assert (by_json.api_key, by_json.tenant_id) == (settings.api_key, settings.tenant_id)
    assert by_json.time_zone == settings.time_zone


def test_the_command_has_the_same_json():
    made = connection_to(SandboxSettings().changed(UNUSUAL["quotes"]), URLS[0])
    command = dict(made.for_shell())["In Airflow's database"]
    script = f'airflow() {{ printf "%s\\n" "$@"; }}\n{command}'

    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, timeout=10, check=True)

    assert done.stdout.splitlines() == ["connections", "add", "socialscrm_default", "--conn-json", made.as_json()]


def test_the_form_has_the_labels_of_airflows_form():
    (form,) = get_provider_info()["connection-types"]
    labels = {
        *form["ui-field-behaviour"]["relabeling"].values(),
        *(each["label"] for each in form["conn-fields"].values()),
    }

    shown = [label for label, _ in connection_to(SandboxSettings(), URLS[0]).as_form()]

    assert shown[:2] == ["Connection ID", "Connection Type"]
    assert [label for label in shown[2:] if label not in labels] == []


def test_the_sandbox_accepts_what_it_shows(sandbox, monkeypatch):
    for _, line in sandbox.shown_connection().for_shell()[:2]:
        monkeypatch.setenv(VARIABLE, in_a_shell(line))
        assert SocialSCRMHook().test_connection()[0]
    assert urlsplit(sandbox.shown_connection().url).port == sandbox.port


@pytest.mark.parametrize(
    ("api_key", "show_key", "password"),
    [
        (None, False, SandboxSettings().api_key),
        (SandboxSettings().api_key, False, SandboxSettings().api_key),
        ("own", False, "YOUR-APIKEY"),
        ("own", True, "own"),
    ],
)
def test_only_a_key_that_somebody_chose_is_hidden(api_key, show_key, password):
    settings = SandboxSettings().changed({"api_key": api_key} if api_key else {})

    shown = shown_connection(settings, URLS[0], show_key=show_key)

    assert shown.password == password
    assert all(password in line for _, line in shown.for_shell())
