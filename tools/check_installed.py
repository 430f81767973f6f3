"""Check the installed package, with nothing of the checkout: ``python tools/check_installed.py wheel``.

It must have its data files, be found by Airflow as a provider and as a plugin, and start its sandbox.
"""

from __future__ import annotations

import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path


def main(archive: str) -> int:
    """Return 1 if something is missing.

    :param archive: what was installed, for the closing line.
    """
    with tempfile.TemporaryDirectory() as home:
        os.environ["AIRFLOW_HOME"] = home  # before Airflow is imported
        os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
        if missing := problems():
            sys.stderr.write("\n".join(missing) + "\n")
            return 1
    package = "airflow-provider-socialscrm"
    sys.stdout.write(
        f"The {archive} of {package} {version(package)} installs, imports and is found by Airflow "
        f"{version('apache-airflow')}.\n"
    )
    return 0


def problems() -> list[str]:
    """Return what is wrong with the installed package."""
    import airflow_provider_socialscrm

    folder = Path(airflow_provider_socialscrm.__file__).parent
    if "site-packages" not in folder.parts:
        return [f"The package was not imported from the environment, but from {folder}"]
    files = ["py.typed", "sandbox/page.html", *(f"plugins/ui/{name}" for name in PAGES)]
    missing = [f"The package lacks {name}" for name in files if not (folder / name).exists()]
    return missing + unknown_to_airflow() + failures_of_sandbox()


PAGES = ("index.html", "main.js", "style.css", "icon.svg")
"""The files of the pages in Airflow's UI."""


def unknown_to_airflow() -> list[str]:
    """Return which of the package's parts Airflow does not find."""
    from airflow import plugins_manager
    from airflow.providers_manager import ProvidersManager

    from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator

    found = []
    if "airflow-provider-socialscrm" not in ProvidersManager().providers:  # type: ignore[no-untyped-call]
        found.append("Airflow does not discover the provider")
    if "socialscrm" not in plugin_names(plugins_manager):
        found.append("Airflow does not load the plugin")
    if SocialSCRMImportOperator.__module__ != "airflow_provider_socialscrm.operators.socialscrm":
        found.append("The operator is of another module")
    return found


def plugin_names(plugins_manager: object) -> set[str | None]:
    """Return the names of the plugins that Airflow has loaded."""
    listed = getattr(plugins_manager, "_get_plugins", None)
    if listed is not None:
        return {plugin.name for plugin in listed()[0]}
    # Airflow 3.1 keeps them in the module.
    plugins_manager.ensure_plugins_loaded()  # type: ignore[attr-defined]
    return {plugin.name for plugin in plugins_manager.plugins or []}  # type: ignore[attr-defined]


def failures_of_sandbox() -> list[str]:
    """Return why the sandbox does not start."""
    from airflow_provider_socialscrm.sandbox.server import Sandbox

    with Sandbox() as crm:
        return [] if crm.customers() == [] else ["The sandbox has customers that nobody imported"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
