"""A real Airflow with runs of the real operator against a sandbox, and Chromium to open its pages."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from airflow_provider_socialscrm.sandbox.server import Sandbox

if TYPE_CHECKING:
    from selenium.webdriver.remote.webelement import WebElement

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PATIENCE = 40.0
"""Seconds to wait for a page or for Airflow to start; generous, for slow machines."""
SWITCHES = [
    "--headless",
    "--no-sandbox",  # Chromium has no sandbox for root
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
]


@dataclass(frozen=True)
class AirflowServer:
    """A running api-server.

    :param passwords: passwords of its users: ``admin``, and ``nobody``, who has no permissions.
    """

    url: str
    environment: dict[str, str]
    passwords: dict[str, str]

    def token(self, user: str) -> str:
        answer = requests.post(
            f"{self.url}/auth/token", json={"username": user, "password": self.passwords[user]}, timeout=PATIENCE
        )
        return answer.json()["access_token"]


@pytest.fixture(scope="session")
def crm() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory, crm: Sandbox) -> Iterator[AirflowServer]:
    home = tmp_path_factory.mktemp("airflow")
    shutil.copytree(ROOT / "dags", home / "dags")
    shutil.copytree(HERE / "dags", home / "dags", dirs_exist_ok=True)
    port = free_port()
    passwords = {"admin": "open sesame", "nobody": "let me in"}
    (home / "passwords.json").write_text(json.dumps(passwords), encoding="utf-8")
    server = AirflowServer(f"http://127.0.0.1:{port}", environment_of(home, port), passwords)
    seeding = server.environment | {"AIRFLOW_CONN_SOCIALSCRM_DEFAULT": crm.connection_json()}
    run([sys.executable, "-m", "airflow", "db", "migrate"], server.environment)
    run([sys.executable, str(HERE / "seed.py")], seeding)
    with running(["api-server", "--port", str(port), "--workers", "1"], server, home / "server.log"):
        yield server


def environment_of(home: Path, port: int) -> dict[str, str]:
    settings = {
        "CORE__DAGS_FOLDER": str(home / "dags"),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__TEST_CONNECTION": "Enabled",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,nobody:",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "API__HOST": "127.0.0.1",
        "API__BASE_URL": f"http://127.0.0.1:{port}",
        "API_AUTH__JWT_SECRET": "the key of an Airflow that only lives as long as these tests and is then deleted",
    }
    return {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "SOCIALSCRM_REJECTS": str(home / "rejects.csv"),
        **{f"AIRFLOW__{name}": value for name, value in settings.items()},
    }


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


@contextmanager
def running(command: list[str], server: AirflowServer, log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "airflow", *command], env=server.environment, stdout=output, stderr=output
        )
        try:
            wait_until_it_responds(server.url, process, log)
            yield
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE)


def wait_until_it_responds(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 2 * PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            requests.get(f"{url}/api/v2/version", timeout=PATIENCE)
        except requests.ConnectionError:
            time.sleep(0.3)
        else:
            return
    pytest.fail(f"Airflow did not start:\n{log.read_text(encoding='utf-8')[-2000:]}")


class Browser:
    """A Chromium tab on one Airflow."""

    def __init__(self, chrome: Chrome, server: AirflowServer) -> None:
        self.chrome = chrome
        self.server = server

    def log_in(self, user: str) -> None:
        self.chrome.get(f"{self.server.url}/socialscrm/icon.svg")  # a cookie can be set on a page of its site only
        self.chrome.delete_all_cookies()
        cookie = {"name": "_token", "value": self.server.token(user), "path": "/", "httpOnly": True}
        self.chrome.add_cookie(cookie)

    def log_out(self) -> None:
        self.chrome.delete_all_cookies()

    def open(self, path: str, *, theme: str = "light", width: int = 1280, height: int = 900) -> None:
        self.chrome.switch_to.default_content()
        self.resize(width, height)
        self.chrome.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "UTC"})
        self.chrome.execute_script("localStorage.setItem('theme', arguments[0])", theme)
        self.chrome.get(f"{self.server.url}{path}")

    def resize(self, width: int, height: int = 900) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def enter_frame(self) -> None:
        self.chrome.switch_to.frame(self.find("iframe"))
        self.wait_for_page()

    def wait_for_page(self) -> None:
        self.wait(lambda: self.text_of("main[aria-busy=false]"), "our page")

    def find(self, css: str, text: str = "", *, within: WebElement | None = None) -> WebElement:
        """Wait for a visible element that contains the text."""

        def found() -> WebElement | None:
            elements = (within or self.chrome).find_elements(By.CSS_SELECTOR, css)
            return next((one for one in elements if one.is_displayed() and text in one.text), None)

        return self.wait(found, f"{css} with {text!r}")

    def wait(self, condition: Callable[[], Any], what: str = "") -> Any:
        ignored = (NoSuchElementException, StaleElementReferenceException)
        wait = WebDriverWait(self.chrome, PATIENCE, ignored_exceptions=ignored)
        return wait.until(lambda _: condition(), f"{what} is not on {self.chrome.current_url}")

    def text_of(self, css: str) -> str:
        return self.chrome.find_element(By.CSS_SELECTOR, css).text

    def texts(self, css: str) -> list[str]:
        return [one.text for one in self.chrome.find_elements(By.CSS_SELECTOR, css)]

    def script(self, source: str, *arguments: Any) -> Any:
        return self.chrome.execute_script(source, *arguments)

    def picture(self, name: str) -> None:
        """Save a screenshot in the folder that ``SOCIALSCRM_SCREENSHOTS`` names, if any."""
        if folder := os.environ.get("SOCIALSCRM_SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.chrome.save_screenshot(Path(folder) / f"{name}.png")


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    paths = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if None in paths:
        sentence = "chromium and chromedriver are not installed (Debian: apt-get install chromium chromium-driver)"
        pytest.fail(sentence) if os.environ.get("CI") else pytest.skip(sentence)
    options = ChromeOptions()
    options.binary_location, driver = map(str, paths)
    for switch in (*SWITCHES, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(switch)
    chrome = Chrome(options, Service(driver))
    yield chrome
    chrome.quit()


@pytest.fixture
def browser(chromium: Chrome, airflow: AirflowServer) -> Browser:
    tab = Browser(chromium, airflow)
    tab.log_in("admin")
    return tab


@pytest.fixture
def crm_address(crm: Sandbox) -> tuple[str, int]:
    parts = urlsplit(crm.url)
    return f"{parts.scheme}://{parts.hostname}", int(parts.port or 0)
