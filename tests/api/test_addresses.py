"""An address has one form, and one that was saved in another is recognised."""

from __future__ import annotations

import pytest

from airflow_provider_socialscrm.api.addresses import are_same, normal_form


@pytest.mark.parametrize(
    ("address", "port", "form"),
    [
        ("https://crm.example", None, "https://crm.example"),
        ("HTTPS://CRM.Example:443/", None, "https://crm.example"),
        ("https://crm.example", 443, "https://crm.example"),
        ("https://crm.example:", 8443, "https://crm.example:8443"),
        ("http://crm.example:443", None, "http://crm.example:443"),
        ("http://crm.example", 80, "http://crm.example"),
        ("https://[2001:DB8::1]:443", None, "https://[2001:db8::1]"),
        ("https://[2001:db8::1]", 8443, "https://[2001:db8::1]:8443"),
    ],
)
def test_an_address_has_one_form(address, port, form):
    assert normal_form(address, port) == form
    assert normal_form(form) == form


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        ("https://crm.example", True),
        ("https://crm.example:443", True),
        ("https://CRM.example", True),
        ("http://crm.example", False),
        ("https://crm.example:80", False),
        ("https://crm.example:8443", False),
        ("https://crm.example.", False),
        ("https://crm.example/path", False),
        ("https://ann@crm.example", False),
        ("https://crm.example?key=1", False),
        ("https://crm.example:none", False),
        ("", False),
    ],
)
def test_only_another_spelling_is_the_same_crm(other, is_same):
    assert are_same("https://crm.example", other) is is_same
    assert are_same(other, "https://crm.example") is is_same
    assert are_same(other, other)
