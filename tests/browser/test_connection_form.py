"""The connection form in Airflow's UI: filled, saved and tested against a sandbox."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from airflow_provider_socialscrm.get_provider_info import get_provider_info
from airflow_provider_socialscrm.sandbox.settings import SandboxSettings

DIALOG = "[role=dialog]"
KEY = SandboxSettings().api_key
(CONNECTION_TYPE,) = get_provider_info()["connection-types"]


@pytest.fixture
def form(browser):
    browser.open("/connections", height=1060)
    browser.find("button", "Add Connection").click()
    kind = browser.find(f"{DIALOG} input[role=combobox]")
    kind.send_keys("SocialsCRM")
    browser.find("[role=option]", "SocialsCRM")
    kind.send_keys(Keys.ENTER)
    field(browser, "login")
    return browser


def field(browser, name):
    return browser.find(f"{DIALOG} [name='{name}']")


def fill(browser, **values):
    for name, value in values.items():
        field(browser, name).send_keys(value)


def unfold_extras(browser):
    last = list(CONNECTION_TYPE["conn-fields"].values())[-1]["description"]
    browser.find(f"{DIALOG} button", "Extra Fields").click()
    browser.find(DIALOG, last)
    return field(browser, "element_tenant_id")


def save_and_test(browser, name):
    browser.find(f"{DIALOG} button", "Save").click()
    row = browser.find("tr", name)
    browser.find("button[aria-label='Test Connection']", within=row).click()
    return browser.find("[role=status]", "Test Connection").text


def test_the_form_has_our_fields_with_our_labels_and_no_others(form):
    shown = form.texts(f"{DIALOG} label")

    assert [label for label in shown if label and not label.startswith("Connection")] == [
        "Description", "Base URL", "User name", "ApiKey", "Port",
    ]  # fmt: skip
    assert field(form, "host").get_attribute("placeholder") == "https://www.socialscrm.com"
    assert field(form, "password").get_attribute("type") == "password"


def test_extra_fields_have_their_labels_descriptions_and_defaults(form):
    unfold_extras(form)
    text = form.text_of(DIALOG)

    for one in CONNECTION_TYPE["conn-fields"].values():
        assert one["label"] in text
        assert one["description"] in text
    values = {name: field(form, f"element_{name}").get_attribute("value") for name in ("time_zone", "timeout")}
    assert values == {"time_zone": "Asia/Shanghai", "timeout": "60"}
    assert field(form, "element_calls_per_second").get_attribute("value") == "45"


def test_the_auth_scheme_is_chosen_from_two(form):
    unfold_extras(form)
    chooser = form.chrome.find_elements("css selector", f"{DIALOG} [role=combobox]")[1]
    assert "body" in (chooser.text or form.script("return document.querySelector('[name=element_auth_scheme]').value"))
    chooser.click()

    assert [text for text in form.texts("[role=option]") if text] == ["body", "header"]


def test_a_connection_is_saved_and_tested(form, crm_address):
    host, port = crm_address
    fill(form, connection_id="socialscrm_default", host=host, login="agent_wang", password=KEY, port=str(port))
    unfold_extras(form).send_keys("1")
    form.picture("connection-form")

    message = save_and_test(form, "socialscrm_default")

    assert f"{host}:{port} accepts the signature of tenant 1, user agent_wang (body scheme)." in message


def test_a_wrong_key_is_named(form, crm_address):
    host, port = crm_address
    fill(form, connection_id="crm_wrong", host=host, login="agent_wang", password="not the key", port=str(port))
    unfold_extras(form).send_keys("1")

    message = save_and_test(form, "crm_wrong")

    assert "522" in message
    assert "ApiKey" in message


def test_a_missing_field_is_named_by_its_label(form, crm_address):
    host, port = crm_address
    fill(form, connection_id="crm_half", host=host, login="agent_wang", port=str(port))
    unfold_extras(form).send_keys("1")  # without a Tenant ID the form does not save

    message = save_and_test(form, "crm_half")

    assert "The connection: ApiKey is missing. Fix it under Admin > Connections." in message
