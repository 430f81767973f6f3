"""Connection form for Airflow 3.1, built from the provider metadata that later versions read directly."""

from __future__ import annotations

from typing import Any

from airflow_provider_socialscrm.get_provider_info import get_provider_info


def field_behaviour() -> dict[str, Any]:
    """Return the standard fields to hide, and the labels and placeholders of the others."""
    behaviour = _connection_type()["ui-field-behaviour"]
    return {name.replace("-", "_"): value for name, value in behaviour.items()}


def widgets() -> dict[str, Any]:
    """Return the extra fields as WTForms fields."""
    return {name: _widget(**field) for name, field in _connection_type()["conn-fields"].items()}


def _widget(label: str, description: str, schema: dict[str, Any]) -> Any:
    # Airflow 3.1 installs WTForms or provides substitutes under its name.
    from wtforms import BooleanField, IntegerField, StringField  # noqa: PLC0415
    from wtforms.validators import Optional, any_of  # noqa: PLC0415

    kind = IntegerField if "number" in schema["type"] else BooleanField if "boolean" in schema["type"] else StringField
    checks = [Optional()]
    if "enum" in schema:
        checks.append(any_of(schema["enum"]))
    return kind(label, validators=checks, description=description, default=schema.get("default"))


def _connection_type() -> dict[str, Any]:
    (connection_type,) = get_provider_info()["connection-types"]
    found: dict[str, Any] = connection_type
    return found
