"""How Sphinx builds the site: ``make docs``."""

from __future__ import annotations

import os
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

# Airflow, which autodoc imports, makes its home when it is imported.
home = TemporaryDirectory(prefix="socialscrm-docs-")
os.environ["AIRFLOW_HOME"] = home.name

from airflow_provider_socialscrm import __version__  # noqa: E402

project = "airflow-provider-socialscrm"
author = "The developers of airflow-provider-socialscrm"
release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
suppress_warnings = ["misc.highlighting_failure"]  # Pygments does not know all of DuckDB's SQL

myst_heading_anchors = 4  # links to headings, named as the forges name them

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True

html_theme = "furo"
html_title = "airflow-provider-socialscrm"
html_static_path = ["_static"]
html_css_files = ["narrow.css"]
html_js_files = [("tables.js", {"defer": "defer"})]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_use_index = False  # the search finds names, too
html_domain_indices = False


def name_language(app: Sphinx, page: str, template: str, context: dict[str, Any], *_: object) -> None:  # noqa: ARG001
    """Name the language of the Chinese pages, by which browsers choose the forms of characters."""
    if page.startswith("zh/"):
        context["language"] = "zh-CN"


def setup(app: Sphinx) -> None:
    """Connect the function above."""
    app.connect("html-page-context", name_language)
