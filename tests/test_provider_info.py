from __future__ import annotations

import inspect
import json
from dataclasses import fields
from importlib import import_module
from importlib.metadata import distribution, entry_points
from pathlib import Path

import airflow
import jsonschema
import pytest
from airflow.sdk import BaseHook, BaseOperator

from airflow_provider_socialscrm import __version__
from airflow_provider_socialscrm.api import settings
from airflow_provider_socialscrm.get_provider_info import get_provider_info
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator

INFO = get_provider_info()
(CONNECTION_TYPE,) = INFO["connection-types"]
FIELDS = CONNECTION_TYPE["conn-fields"]
BEHAVIOUR = CONNECTION_TYPE["ui-field-behaviour"]


def schema(name: str) -> dict[str, object]:
    found = [path / name for path in map(Path, airflow.__path__) if (path / name).is_file()]
    if not found:
        pytest.skip(f"this Airflow ships no {name}")
    return json.loads(found[0].read_text(encoding="utf-8"))


def test_the_metadata_fits_airflows_schema():
    jsonschema.validate(INFO, schema("provider_info.schema.json"))


@pytest.mark.parametrize(
    "key",
    [
        "connection-types",
        "hooks",
        "operators",
        "sensors",
        "triggers",
        "integrations",
        "plugins",
        "task-decorators",
        "asset-uris",
        "extra-links",
    ],
)
def test_its_parts_fit_the_stricter_schema_of_airflows_own_providers(key):
    whole = schema("provider.yaml.schema.json")
    part = {"definitions": whole.get("definitions", {}), **whole["properties"][key]}
    jsonschema.validate(INFO[key], part)


def test_the_forms_standard_fields_fit_airflows_schema():
    behaviour = {name.replace("-", "_"): value for name, value in BEHAVIOUR.items()}
    jsonschema.validate(behaviour, schema("customized_form_field_behaviours.schema.json"))


def test_airflow_finds_the_metadata_by_the_entry_point():
    (entry,) = entry_points(group="apache_airflow_provider", name="provider_info", module=get_provider_info.__module__)
    assert entry.load() is get_provider_info
    assert entry.dist.name == distribution(INFO["package-name"]).name == "airflow-provider-socialscrm"
    assert INFO["versions"] == [__version__]


def test_airflow_finds_the_plugin_of_the_metadata_by_the_entry_point():
    (plugin,) = INFO["plugins"]
    (entry,) = entry_points(group="airflow.plugins", name=plugin["name"])
    assert f"{entry.module}.{entry.attr}" == plugin["plugin-class"]
    assert entry.load().name == plugin["name"]


@pytest.mark.parametrize(("kind", "base"), [("hooks", BaseHook), ("operators", BaseOperator)])
def test_every_module_named_has_a_class_of_its_kind(kind, base):
    for entry in INFO[kind]:
        for name in entry["python-modules"]:
            own = [member for _, member in inspect.getmembers(import_module(name)) if is_own_class(member, name, base)]
            assert own, f"{name} has no {base.__name__}"


def is_own_class(member: object, module: str, base: type) -> bool:
    return inspect.isclass(member) and member.__module__ == module and issubclass(member, base)


def test_no_module_of_hooks_or_operators_is_left_out():
    package = Path(import_module("airflow_provider_socialscrm").__file__).parent
    for kind, base in [("hooks", BaseHook), ("operators", BaseOperator)]:
        names = [f"{package.name}.{kind}.{path.stem}" for path in sorted((package / kind).glob("[!_]*.py"))]
        public = [
            name
            for name in names
            if any(is_own_class(member, name, base) for _, member in inspect.getmembers(import_module(name)))
        ]
        assert [name for entry in INFO[kind] for name in entry["python-modules"]] == public


def test_the_extra_links_named_are_those_of_the_operator():
    links = [f"{type(link).__module__}.{type(link).__name__}" for link in SocialSCRMImportOperator.operator_extra_links]
    assert INFO["extra-links"] == links


def test_every_function_named_is_there():
    (uris,), (decorator,) = INFO["asset-uris"], INFO["task-decorators"]
    for path in (uris["handler"], uris["factory"], uris["to_openlineage_converter"], decorator["class-name"]):
        module, _, name = path.rpartition(".")
        assert callable(getattr(import_module(module), name))


def test_every_part_belongs_to_an_integration_that_is_named():
    integrations = {entry["integration-name"] for entry in INFO["integrations"]}
    assert {entry["integration-name"] for kind in ("hooks", "operators") for entry in INFO[kind]} == integrations


def test_the_hook_bears_the_names_of_the_metadata():
    module, _, name = CONNECTION_TYPE["hook-class-name"].rpartition(".")
    assert getattr(import_module(module), name) is SocialSCRMHook
    assert SocialSCRMHook.conn_type == CONNECTION_TYPE["connection-type"] == "socialscrm"
    assert SocialSCRMHook.hook_name == CONNECTION_TYPE["hook-name"]
    assert SocialSCRMHook.default_conn_name == "socialscrm_default"
    assert SocialSCRMHook.conn_name_attr in inspect.signature(SocialSCRMHook).parameters


def test_the_forms_defaults_are_the_defaults_of_the_settings():
    defaults = {name: field["schema"]["default"] for name, field in FIELDS.items() if "default" in field["schema"]}
    assert defaults == {field.name: field.default for field in fields(settings.Settings) if field.name in defaults}
    assert defaults == {
        "auth_scheme": settings.AuthScheme.BODY,
        "time_zone": settings.DEFAULT_TIME_ZONE,
        "calls_per_second": settings.DEFAULT_CALLS_PER_SECOND,
        "timeout": settings.DEFAULT_TIMEOUT,
        "refusals_are_atomic": False,
    }
    assert BEHAVIOUR["placeholders"]["host"] == settings.DEFAULT_BASE_URL
    assert str(settings.VENDOR_CALLS_PER_SECOND) in FIELDS["calls_per_second"]["description"]


def test_the_forms_choices_are_the_schemes():
    assert FIELDS["auth_scheme"]["schema"]["enum"] == list(settings.AuthScheme)


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_every_field_has_a_label_a_description_and_a_default_of_its_own_schema(field):
    assert field["label"]
    assert field["description"].endswith(".")
    jsonschema.Draft202012Validator.check_schema(field["schema"])
    if "default" in field["schema"]:
        jsonschema.validate(field["schema"]["default"], field["schema"])


def test_the_form_shows_every_field_the_settings_have_and_no_other():
    standard = {"host": "base_url", "login": "user_name", "password": "api_key"}
    assert set(BEHAVIOUR["relabeling"]) == {*standard, "port"}  # the port becomes part of the base URL
    shown = {"pace_conn_id": "pace_url"}  # a connection of its own leads to the address
    read = {shown.get(name, name) for name in FIELDS}
    of_settings = {field.name for field in fields(settings.Settings)} - {"transport"}
    of_transport = {field.name for field in fields(settings.Transport)}
    assert {*standard.values(), *read} == of_settings | of_transport
    assert not set(BEHAVIOUR["hidden-fields"]) & set(standard)
