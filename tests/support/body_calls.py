"""Calls of the body scheme to any path of a sandbox, signed here, with code of their own."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import requests

from airflow_provider_socialscrm.sandbox.server import Sandbox

MASS_SEND = "/wscrm-bus-api/open/mark/batchAdd"
LINKS_IMPORT = "/wscrm-bus-api/open/group/api/groupAnalysis"
LINKS_QUERY = "/wscrm-bus-api/open/group/api/getInfo"
CLEAR_OWNERS = "/wscrm-bus-api/open/customer/setPrincipalAsNull"


def post(crm: Sandbox, path: str, fields: Any, user: str = "admin", **changes: Any) -> requests.Response:
    """Send a signed call; a keyword that is None leaves its field out."""
    created = f"{datetime.now(ZoneInfo('Asia/Shanghai')):%Y-%m-%d %H:%M:%S}"
    body = {"tenantId": "1", "userName": user, "createTime": created, **fields, **changes}
    signed = f"{body['tenantId']}{body['userName']}{body['createTime']}SANDBOXKEY0123456789"
    body = {"token": hashlib.md5(signed.encode()).hexdigest(), **body}
    sent = {name: value for name, value in body.items() if value is not None}
    return requests.post(crm.url + path, json=sent, timeout=10)


def task(name: str = "campaign", **changes: Any) -> dict[str, Any]:
    """Return the fields of a mass send; a keyword that is None leaves its field out."""
    fields = {
        "name": name,
        "executorList": ["agent_wang"],
        "customerGroupKey": 0,
        "customerGroupValue": "New Customer",
        "customerGroupValueId": "12",
        "contentType": 1,
        "content": "Hello",
        "type": 1,
        "sendTimeMin": 1,
        "sendTimeMax": 3,
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}
