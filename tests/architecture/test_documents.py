"""What is written for people is true: generated pages are fresh, lists are whole, links lead somewhere."""

from __future__ import annotations

import re
import runpy
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from saltern.agent.settings import AgentSettings
from saltern.controller.settings import ControllerSettings
from saltern.foundation.settings import load
from saltern.identity import permissions
from saltern.identity.keys import KeyPair, Kind
from saltern.model.ids import AgentKey
from saltern.model.status import Status

PROJECT = Path(__file__).parents[2]
DOCS = PROJECT / "docs"
PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]

LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))


def tool(name: str) -> dict[str, Any]:
    return runpy.run_path(str(PROJECT / f"tools/{name}.py"))


def test_the_settings_reference_is_fresh() -> None:
    written = (DOCS / "reference/settings.md").read_text()
    assert written == tool("settings_reference")["render"](), "run: python -m tools.settings_reference"


@pytest.mark.parametrize("kind", [ControllerSettings, AgentSettings])
def test_every_setting_is_explained(kind: Any) -> None:
    bare = [name for name, _, _, meaning in tool("settings_reference")["settings"](kind) if not meaning]
    assert not bare, "put a comment at the end of their line"


@pytest.mark.parametrize(("number", "kind"), [(0, ControllerSettings), (1, AgentSettings)])
def test_the_defaults_that_are_shown_are_the_defaults(tmp_path: Path, number: int, kind: Any) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (DOCS / "reference/settings.md").read_text(), re.S)
    (tmp_path / "x.yaml").write_text(blocks[number])
    assert load(tmp_path / "x.yaml", kind) == kind()


def test_every_status_is_explained() -> None:
    text = (DOCS / "reference/statuses.md").read_text()
    assert [status for status in Status if f"| `{status}` |" not in text] == []


def test_every_subject_that_may_be_used_is_explained() -> None:
    text = (DOCS / "reference/subjects.md").read_text()
    key = AgentKey("KEY")
    pair = KeyPair.new(Kind.ACCOUNT)
    for made in (
        permissions.agent_jwt(pair, pair.public, key, "x", issued=1, expires=2),
        permissions.token_jwt(pair, pair.public, "TOKEN", issued=1, expires=2),
        permissions.open_jwt(pair, pair.public, "U", issued=1),
    ):
        for subject in subjects(made):
            shown = subject.replace("KEY", "<KEY>").replace("TOKEN", "<TOKEN>")
            assert f"`{shown}`" in text


def subjects(jwt: str) -> list[str]:
    """Return what a credential allows."""
    import base64
    import json

    body = jwt.split(".")[1]
    nats = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["nats"]
    return [*nats["pub"]["allow"], *nats["sub"]["allow"]]


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), f"{target} is not there"


@each_page
def test_it_has_one_title_and_lines_that_fit(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    assert len(re.findall(r"^# ", text, re.M)) == 1
    if page.parent.name != "reference":
        long = [line for line in text.splitlines() if len(line) > 125 and not line.startswith("|")]
        assert not long


@each_page
def test_settings_that_are_shown_can_be_read(page: Path, tmp_path: Path) -> None:
    """A block that names its file in its first line is loaded as that file."""
    for name, kind in (("controller.yaml", ControllerSettings), ("agent.yaml", AgentSettings)):
        for block in re.findall(rf"```yaml\n(# \S*{name}\n.*?)```", page.read_text(), re.S):
            assert yaml.safe_load(block)
            (tmp_path / name).write_text(block)
            load(tmp_path / name, kind)


DECISIONS = sorted((DOCS / "adr").glob("[0-9]*.md"))


def test_no_two_decisions_have_one_number() -> None:
    numbers = [path.name[:4] for path in DECISIONS]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_has_its_three_parts(page: Path) -> None:
    heads = re.findall(r"^(?:## (\w+)$|\*\*(\w+)\.\*\*)", page.read_text(), re.M)
    assert ["".join(head) for head in heads] == ["Context", "Decision", "Consequences"]


@pytest.mark.parametrize(
    "page", sorted(set(DOCS.rglob("*.md")) - set(DECISIONS)), ids=lambda page: str(page.relative_to(DOCS))
)
def test_every_page_can_be_found(page: Path) -> None:
    """From the index, by links alone."""
    seen: set[Path] = set()
    waiting = [DOCS / "index.md"]
    while waiting:
        here = waiting.pop()
        if here in seen or not here.is_file() or here.suffix != ".md":
            continue
        seen.add(here)
        waiting += [(here.parent / target).resolve() for target in LINK.findall(here.read_text())]
    assert page in seen, "link to it from docs/index.md"


def test_the_picture_in_the_readme_is_the_recorded_output() -> None:
    readme = (PROJECT / "README.md").read_text()
    assert readme == tool("readme")["filled"](readme), "run: python -m tools.readme"


@pytest.mark.parametrize(
    "unit", sorted((PROJECT / "packaging/systemd").iterdir()), ids=lambda unit: unit.name
)
def test_a_service_runs_a_command_that_exists(unit: Path) -> None:
    from saltern.cli.catalogue import COMMANDS

    [command] = re.findall(r"^ExecStart=/opt/saltern/bin/saltern (.*)$", unit.read_text(), re.M)
    assert command in COMMANDS


def commands() -> list[Any]:
    """Return every ``saltern`` command that a page shows being typed."""
    found = []
    for page in PAGES:
        text = page.read_text().replace("\\\n", " ")
        for number, typed in enumerate(re.findall(r"^\s*(?:\w*[$#]) (saltern .*)$", text, re.M)):
            found.append(pytest.param(typed, id=f"{page.relative_to(PROJECT)}-{number}"))
    return found


@pytest.mark.parametrize("typed", commands())
def test_a_command_that_is_shown_can_be_typed(typed: str) -> None:
    from saltern.cli.catalogue import COMMANDS, parser_of

    words = shlex.split(re.sub(r"\$\(.*?\)", "VALUE", typed), comments=True)
    words = words[1 : next((at for at, word in enumerate(words) if word[0] in "<>|&"), len(words))]
    if words[:1] == ["--root"]:
        words = words[2:]
    command, *rest = words
    assert command in COMMANDS
    parser = parser_of(command)
    (parser.parse_args if parser._subparsers else parser.parse_intermixed_args)(rest)
