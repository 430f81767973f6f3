from __future__ import annotations

import re
from pathlib import Path

import pytest

from airflow_provider_socialscrm.sandbox.settings import FIELD_TYPES, SandboxSettings, SettingsError, description


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"colour": 1, "age": 2}, "unknown setting age, colour; the settings are tenant_id, api_key, "),
        ({"rows_per_call": 0}, "setting rows_per_call: Expected `int` >= 1. It means: Rows one call may carry"),
        ({"rows_per_call": "5"}, "setting rows_per_call: Expected `int`, got `str`. It means: "),
        ({"agents": "agent_wang"}, "setting agents: Expected `array`, got `str`. It means: Agent logins"),
        ({"clock_offset": float("nan")}, "setting clock_offset: Expected `float` >= -315360000.0. It means: "),
        ({"extension_fields": {"Size": "colour"}}, "setting extension_fields: Expected `str` matching regex "),
        ({"time_zone": "Mars/Base"}, "setting time_zone: 'Mars/Base' is not a known zone; give an IANA name such as "),
        (
            {"check_order": ["time", "role"]},
            "setting check_order: give each of tenant, token, time, plan, role once. It",
        ),
        ({"check_order": ["time"] * 5}, "setting check_order: give each of tenant, token, time, plan, role once. It"),
        (
            {"create_time_expires": "maybe"},
            "setting create_time_expires: Expected `bool`, got `str`. It means: Whether",
        ),
        ({"failures": "some"}, "setting failures: Invalid enum value 'some'. It means: How the response names rows: "),
    ],
)
def test_a_wrong_setting_is_named_and_explained(changes, sentence):
    with pytest.raises(SettingsError) as caught:
        SandboxSettings().changed(changes)

    assert str(caught.value).startswith(sentence)


def test_a_change_leaves_the_original_and_the_other_settings_alone():
    settings = SandboxSettings()

    changed = settings.changed({"agents": ["agent_li"], "clock_offset": -3})

    assert (changed.agents, changed.clock_offset, changed.refusal) == (("agent_li",), -3.0, "atomic")
    assert settings == SandboxSettings()


def test_every_setting_is_described_and_only_the_key_is_hidden():
    assert all(description(name).endswith(".") for name in FIELD_TYPES)
    assert set(FIELD_TYPES) - SandboxSettings().shown().keys() == {"api_key", "webhook_secret"}


def test_its_page_lists_every_setting():
    page = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")
    section = page.partition("## Settings\n")[2].partition("\n## ")[0]
    listed = [
        name
        for row in re.findall(r"^\| [^|`]+ \| (.+) \|$", section, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    ]

    assert sorted(listed) == sorted(FIELD_TYPES)
