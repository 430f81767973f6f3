"""The pages for users keep up with the code, and their links lead somewhere."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from airflow_provider_socialscrm._compat import has_retry_policies
from airflow_provider_socialscrm.api import errors as api_errors
from airflow_provider_socialscrm.api.codes import TABLES, Blame, Code, Family, Recovery, look_up
from airflow_provider_socialscrm.api.errors import SocialSCRMError
from airflow_provider_socialscrm.assets.socialscrm import customers_asset
from airflow_provider_socialscrm.decorators.socialscrm import SocialSCRMDecoratedOperator
from airflow_provider_socialscrm.get_provider_info import get_provider_info
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.importer import errors as importer_errors
from airflow_provider_socialscrm.importer import reasons
from airflow_provider_socialscrm.importer.errors import ImporterError
from airflow_provider_socialscrm.importer.reasons import OWN_COLUMNS, Reason
from airflow_provider_socialscrm.importer.results.report import MOST_REASONS, OTHER
from airflow_provider_socialscrm.operators.group_links import SocialSCRMGroupLinksToFileOperator
from airflow_provider_socialscrm.operators.mass_sends import SocialSCRMMassSendOperator
from airflow_provider_socialscrm.operators.owners import SocialSCRMClearOwnersOperator
from airflow_provider_socialscrm.operators.screening import SocialSCRMScreenOperator
from airflow_provider_socialscrm.operators.sends import SocialSCRMSendOperator
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator
from airflow_provider_socialscrm.runtime import order_places, progress, task_state
from airflow_provider_socialscrm.sensors.sends import SocialSCRMSendSensor
from airflow_provider_socialscrm.sensors.socialscrm import SocialSCRMOnlineSensor
from tools import reference

if has_retry_policies():
    from airflow_provider_socialscrm.retry_policies import SocialSCRMRetryPolicy

    POLICIES = [SocialSCRMRetryPolicy]
else:
    POLICIES = []

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted(DOCS.rglob("*.md")), ROOT / "CHANGELOG.md"]
RUNBOOK = [path for path in sorted((DOCS / "operations").glob("*.md")) if path.stem not in ("index", "routine")]
"""The pages with a section for each kind of failure."""

SECURITY = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
UPGRADING = (ROOT / "docs" / "upgrading.md").read_text(encoding="utf-8")

ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")

CODES = (DOCS / "reference" / "codes.md").read_text(encoding="utf-8")
FAILURES = "\n".join(path.read_text(encoding="utf-8") for path in RUNBOOK)
ADVICE = "\n".join(
    [
        FAILURES,
        CODES.split("\n## ")[0],
        *(
            (DOCS / page).read_text(encoding="utf-8")
            for page in ("operations/index.md", "howto/retries.md", "howto/clean-values.md")
        ),
    ]
)
"""What to do, without the tables of all codes."""

VENDOR_CODES = {code.number: code for table in TABLES.values() for code in table if code.number > 0}
EVERY_CALL = {code for code in VENDOR_CODES.values() if all(code in table for table in TABLES.values())}


def without_code(page: Path) -> str:
    return re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return what the headings of a page are called in a link, as the common forges call them."""
    headings = re.findall(r"^#+ (.+)$", without_code(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> list[str]:
    """Return the links of a page that lead to no other site."""
    targets = re.findall(r"\]\(([^)\s]+)\)", without_code(page))
    return [target for target in targets if not re.match(r"https?://", target)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(page):
    broken = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert broken == []


def test_every_page_is_reached_from_the_readme():
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in PAGES and page not in reached:
            reached.add(page)
            waiting.extend((page.parent / link.partition("#")[0]).resolve() for link in links(page))

    assert [page.name for page in PAGES if page not in reached] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_example_is_valid_python(page):
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        ast.parse(block)


def row_of(code: Code) -> str:
    return f"| {code.number} | {code.text} | {code.meaning} | {code.recovery} | {code.blame} |"


def test_tables_of_codes_are_those_in_the_code():
    expected = {"every call": sorted(map(row_of, EVERY_CALL))}
    for family, table in TABLES.items():
        if own := [row_of(code) for code in table if code not in EVERY_CALL]:
            expected[f"the family: {family}"] = own
    sections = re.split(r"^## Codes of ", CODES, flags=re.MULTILINE)[1:]
    tables = {
        section.splitlines()[0]: [line for line in section.splitlines() if re.match(r"\| -?\d", line)]
        for section in sections
    }

    assert tables == expected


def numbers_named(text: str) -> Iterator[int]:
    for first, last in re.findall(r"\b(5\d\d)(?:-(5\d\d))?\b", text):
        yield from range(int(first), int(last or first) + 1)


def test_operations_says_what_to_do_about_every_code():
    assert sorted(VENDOR_CODES.keys() - set(numbers_named(ADVICE))) == []


def classes(module: ModuleType, base: type[Exception]) -> list[str]:
    return [name for name, value in vars(module).items() if isinstance(value, type) and issubclass(value, base)]


@pytest.mark.parametrize(
    "name", [*classes(api_errors, SocialSCRMError), *classes(importer_errors, ImporterError)], ids=str
)
def test_operations_names_every_error(name):
    assert f"`{name}`" in ADVICE


@pytest.mark.parametrize("cause", [*(each for each in vars(reasons).values() if isinstance(each, Reason)), OTHER])
def test_operations_names_every_cause_of_our_own(cause):
    assert f"`{cause.code}`" in ADVICE


SECTIONS = {
    Blame.CONNECTION: "A setting is wrong",
    Blame.SIGNER: "The user or an agent",
    Blame.REQUEST: "The request is wrong",
}
ON_AN_IMPORT = [look_up(number, family=Family.IMPORT) for number in VENDOR_CODES]


@pytest.mark.parametrize("code", [code for code in ON_AN_IMPORT if code.recovery is Recovery.STOP], ids=str)
def test_a_code_that_stops_an_import_is_in_the_section_of_who_is_at_fault(code):
    section = SECTIONS[code.blame]
    assert code.number in set(numbers_named(ADVICE.split(f"## {section}\n")[1].split("\n## ")[0]))


def quoted() -> list[str]:
    """Return the sentences that begin a section about a failure: what our code says, with gaps."""
    return re.findall(r"^(?:- )?`([^`]{30,}?)`", FAILURES, re.MULTILINE)


def all_texts() -> str:
    """Return the texts in the package's source, as they are put together."""
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "airflow_provider_socialscrm").rglob("*.py"))
    constants = (node for source in sources for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    return "\n".join(" ".join(each.value.split()) for each in constants if isinstance(each.value, str))


def test_the_sentences_that_are_quoted_are_those_of_the_code():
    texts = all_texts()
    pieces = [
        piece.strip(" .,;:()")
        for sentence in quoted()
        # Numbers, names and gaps stand for what the code fills in; codes bring their texts with them.
        for piece in re.split(r"<[^>]*>|\.\.\.|[-+]?\d[\d,]*|\([^)]*\)|(?<=[.:;]) ", " ".join(sentence.split()))
    ]

    assert len(pieces) > 50
    assert sorted({piece for piece in pieces if len(piece) > 12 and piece not in texts}) == []


@pytest.mark.parametrize("key", [task_state.KEY, progress.KEY, order_places.KEY])
def test_security_and_upgrading_name_the_keys_of_the_task_state(key):
    assert f"`{key}`" in SECURITY
    assert f"`{key}`" in UPGRADING


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_columns_of_a_dead_letter_have_their_real_names(page):
    """A name such as ``_code`` or ``code`` beside the word for the file would not be found in it."""
    text = page.read_text(encoding="utf-8")
    shortened = [name.removeprefix("socialscrm") for name in OWN_COLUMNS]
    named = set(re.findall(r"`(socialscrm_[a-z]+)`", text))

    assert [name for name in shortened if f"`{name}`" in text] == []
    assert named <= {*OWN_COLUMNS, *OTHER_NAMES}


OTHER_NAMES = (
    "socialscrm_default",
    "socialscrm_airflow",
    "socialscrm_sandbox",
    "socialscrm_progress",
    "socialscrm_screening",
    "socialscrm_webhooks",
)
"""Names that are not columns: a connection, fixtures, keys of the task's state and an extra."""


def test_operations_names_as_many_reasons_as_a_manifest_has():
    numbers = {MOST_REASONS: "eleven"}

    assert f"names {numbers[MOST_REASONS]} reasons" in ADVICE


def test_upgrading_lists_what_is_public():
    (connection_type,) = get_provider_info()["connection-types"]

    assert [name for name in (*connection_type["conn-fields"], *OWN_COLUMNS) if f"`{name}`" not in UPGRADING] == []


@pytest.mark.parametrize(
    "documented",
    [
        SocialSCRMImportOperator,
        SocialSCRMDecoratedOperator,
        SocialSCRMHook,
        SocialSCRMOnlineSensor,
        SocialSCRMMassSendOperator,
        SocialSCRMGroupLinksToFileOperator,
        SocialSCRMClearOwnersOperator,
        SocialSCRMScreenOperator,
        SocialSCRMSendOperator,
        SocialSCRMSendSensor,
        customers_asset,
        *POLICIES,
    ],
    ids=lambda documented: documented.__name__,
)
def test_every_parameter_is_documented(documented):
    function = getattr(documented, "__init__", documented) if isinstance(documented, type) else documented
    parameters = inspect.signature(inspect.unwrap(function)).parameters.values()
    names = [each.name for each in parameters if each.kind is not each.VAR_KEYWORD and each.name != "self"]
    text = inspect.getdoc(documented) or ""

    assert [name for name in names if f":param {name}:" not in text] == []


@pytest.mark.parametrize(
    ("name", "heading", "documented"),
    [
        ("howto/screen-numbers.md", "## Arguments", SocialSCRMScreenOperator),
        ("sending.md", "### Arguments of a send", SocialSCRMSendOperator),
        ("sending.md", "### The result of a send", SocialSCRMSendSensor),
    ],
)
def test_the_page_on_an_operator_has_every_argument(name, heading, documented):
    page = (DOCS / name).read_text(encoding="utf-8").split(heading)[1]
    parameters = inspect.signature(inspect.unwrap(documented.__init__)).parameters.values()
    names = [each.name for each in parameters if each.kind is not each.VAR_KEYWORD and each.name != "self"]

    assert [name for name in names if f"`{name}`" not in page] == []


def test_every_argument_of_the_operator_has_its_default_in_its_documentation():
    parameters = inspect.signature(inspect.unwrap(SocialSCRMImportOperator.__init__)).parameters.values()
    with_default = [each.name for each in parameters if each.default is not each.empty]
    text = inspect.getdoc(SocialSCRMImportOperator) or ""
    documented = dict(re.findall(r":param (\w+): (.*?)(?=\n:)", text, re.DOTALL))

    assert [name for name in with_default if "efault" not in documented[name]] == []


def test_architecture_names_modules_and_folders_that_exist():
    package = ROOT / "airflow_provider_socialscrm"
    named = set(re.findall(r"`([\w/]+(?:\.py|/))`", ARCHITECTURE)) - {f"{package.name}/"}

    assert len(named) > 50
    assert sorted(name for name in named if not (package / name).exists()) == []


def test_architecture_has_each_way_in_ten_steps():
    for way in ("a row", "a rejected row", "a code"):
        section = ARCHITECTURE.split(f"## The way of {way}\n")[1].split("\n## ")[0]
        assert re.findall(r"^(\d+)\. ", section, re.MULTILINE) == [str(step) for step in range(1, 11)]


def test_architecture_lists_every_folder():
    folders = [each for each in (ROOT / "airflow_provider_socialscrm").rglob("__init__.py") if each.parent.name != "ui"]
    names = [each.parent.relative_to(ROOT / "airflow_provider_socialscrm").as_posix() for each in folders]

    assert [name for name in names if name not in {".", "importer"} and f"`{name}/`" not in ARCHITECTURE] == []


def test_glossary_has_each_word_once_and_in_order():
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    words = re.findall(r"^\| ([a-z][\w ]+) \| ", page, re.MULTILINE)

    assert words[1:] == sorted(set(words[1:]))


@pytest.mark.parametrize("path", reference.pages(), ids=lambda path: path.name)
def test_the_tables_of_the_reference_are_those_of_the_code(path):
    # `python -m tools.reference` writes them.
    assert path.read_text(encoding="utf-8") == reference.pages()[path]
