"""The connection form of Airflow 3.1, with substitutes for WTForms, as 3.1 itself has them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from airflow_provider_socialscrm.get_provider_info import get_provider_info
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook

(CONNECTION_TYPE,) = get_provider_info()["connection-types"]


@dataclass
class StringField:
    label: str
    validators: list[object] = field(default_factory=list)
    description: str = ""
    default: object = None


class IntegerField(StringField):
    pass


class BooleanField(StringField):
    pass


@pytest.fixture(autouse=True)
def wtforms(monkeypatch):
    fields = SimpleNamespace(StringField=StringField, IntegerField=IntegerField, BooleanField=BooleanField)
    monkeypatch.setitem(sys.modules, "wtforms", fields)
    monkeypatch.setitem(sys.modules, "wtforms.validators", SimpleNamespace(Optional=lambda: "optional", any_of=tuple))


def test_extra_fields_are_those_of_the_metadata():
    widgets = SocialSCRMHook.get_connection_form_widgets()

    assert {name: (one.label, one.description, one.default) for name, one in widgets.items()} == {
        name: (one["label"], one["description"], one["schema"].get("default"))
        for name, one in CONNECTION_TYPE["conn-fields"].items()
    }
    assert widgets["auth_scheme"].validators == ["optional", ("body", "header")]
    assert [name for name, one in widgets.items() if isinstance(one, IntegerField)] == ["calls_per_second", "timeout"]
    assert [name for name, one in widgets.items() if isinstance(one, BooleanField)] == ["refusals_are_atomic"]


def test_standard_fields_are_those_of_the_metadata():
    behaviour = SocialSCRMHook.get_ui_field_behaviour()

    assert behaviour["hidden_fields"] == CONNECTION_TYPE["ui-field-behaviour"]["hidden-fields"]
    assert behaviour["relabeling"]["password"] == "ApiKey"
