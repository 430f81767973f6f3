"""Provider metadata, which Airflow finds by the entry point ``apache_airflow_provider``."""

from __future__ import annotations

from typing import Any

from airflow_provider_socialscrm import __version__

_INTEGRATION = "SocialsCRM"
_DOCUMENTATION = "https://doc.socialepoch.com/wa-scrm-open-api-doc/api"


def get_provider_info() -> dict[str, Any]:
    """Return the metadata, in the form of Airflow's ``provider_info.schema.json``."""
    return {
        "package-name": "airflow-provider-socialscrm",
        "name": "SocialsCRM",
        "description": "Imports customers into SocialsCRM, SocialEpoch's WhatsApp CRM.",
        "versions": [__version__],
        "integrations": [
            {"integration-name": _INTEGRATION, "external-doc-url": _DOCUMENTATION, "tags": ["service"]},
        ],
        "hooks": _modules("hooks"),
        "operators": _modules("operators", "chats", "group_links", "mass_sends", "owners", "screening", "sends"),
        "sensors": _modules("sensors", "sends"),
        "triggers": _modules("triggers", "group_links", "screening", "sends"),
        "task-decorators": [
            {
                "name": "socialscrm_import",
                "class-name": "airflow_provider_socialscrm.decorators.socialscrm.socialscrm_import_task",
            }
        ],
        "asset-uris": [
            {
                "schemes": ["socialscrm"],
                "handler": "airflow_provider_socialscrm.assets.socialscrm.sanitize_uri",
                "factory": "airflow_provider_socialscrm.assets.socialscrm.customers_asset",
                "to_openlineage_converter": "airflow_provider_socialscrm.assets.socialscrm.to_openlineage",
            }
        ],
        "extra-links": [
            "airflow_provider_socialscrm.links.socialscrm.ConsoleLink",
            "airflow_provider_socialscrm.links.socialscrm.RejectsLink",
        ],
        "connection-types": [_connection_type()],
        "plugins": [
            {
                "name": "socialscrm",
                "plugin-class": "airflow_provider_socialscrm.plugins.socialscrm.SocialSCRMPlugin",
            }
        ],
    }


def _modules(kind: str, *more: str) -> list[dict[str, Any]]:
    names = [f"airflow_provider_socialscrm.{kind}.{name}" for name in sorted(("socialscrm", *more))]
    return [{"integration-name": _INTEGRATION, "python-modules": names}]


def _connection_type() -> dict[str, Any]:
    return {
        "connection-type": "socialscrm",
        "hook-class-name": "airflow_provider_socialscrm.hooks.socialscrm.SocialSCRMHook",
        "hook-name": "SocialsCRM",
        "ui-field-behaviour": {
            "hidden-fields": ["schema", "extra"],
            "relabeling": {"host": "Base URL", "login": "User name", "password": "ApiKey", "port": "Port"},
            "placeholders": {
                "host": "https://www.socialscrm.com",
                "login": "required with the body scheme: login of an agent, not of an administrator",
                "password": "required: from your SocialsCRM administrator",
                "port": "443, or your installation's port",
            },
        },
        "conn-fields": _conn_fields(),
    }


_TEXT: dict[str, Any] = {"type": ["string", "null"]}
_NUMBER: dict[str, Any] = {"type": ["number", "null"], "exclusiveMinimum": 0}

_CONN_FIELDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "tenant_id": (
        "Tenant ID",
        "Required. The company's id (tenantId), from your SocialsCRM administrator.",
        {"type": "string"},  # without null, so that Airflow's form marks it as required
    ),
    "auth_scheme": (
        "Auth scheme",
        "body: signed body, one agent per call. header: signed headers, an agent in each row.",
        _TEXT | {"enum": ["body", "header"], "default": "body"},
    ),
    "time_zone": (
        "Time zone",
        "Zone in which the CRM reads createTime (body scheme only).",
        _TEXT | {"default": "Asia/Shanghai"},
    ),
    "calls_per_second": (
        "Calls per second",
        (
            "Rate of one task, and of the mapped tasks of one operator. Other tasks count only with a Pace "
            "connection. The vendor allows the tenant 50 calls a second on one path."
        ),
        _NUMBER | {"default": 45},
    ),
    "timeout": (
        "Timeout",
        "Seconds to wait for a response.",
        _NUMBER | {"default": 60},
    ),
    "pace_conn_id": (
        "Pace connection",
        (
            "ID of a redis connection through which all tasks share the rate. Empty: only the mapped tasks of one"
            " operator divide it."
        ),
        _TEXT,
    ),
    "proxies": (
        "Proxies",
        (
            'Address of a proxy, or JSON by scheme, as {"https": "http://proxy:3128"}. Empty: those of the '
            "worker's environment."
        ),
        _TEXT,
    ),
    "verify": (
        "Verify",
        (
            "Whether to check the server's certificate: true (default), false, or the path of the certificate "
            "authorities on the worker."
        ),
        _TEXT,
    ),
    "cert": (
        "Cert",
        'Path of a client certificate with its key on the worker, or JSON: ["cert.pem", "key.pem"].',
        _TEXT,
    ),
    "headers": (
        "Headers",
        'Headers to send with each call, as JSON: {"X-Team": "crm"}.',
        _TEXT,
    ),
    "refusals_are_atomic": (
        "Refusals are atomic",
        "On if your CRM takes none of the rows of a call that it refuses: rows with welcome then share calls.",
        {"type": ["boolean", "null"], "default": False},
    ),
    "ledger_secret": (
        "Ledger secret",
        "Key for hashing the numbers in ledgers. Empty: ledgers hold the numbers themselves. It can never be changed.",
        _TEXT | {"format": "password"},
    ),
}
"""The extras of a connection, in the order of the form: label, description and schema."""


def _conn_fields() -> dict[str, Any]:
    return {
        name: {"label": label, "description": description, "schema": schema}
        for name, (label, description, schema) in _CONN_FIELDS.items()
    }
