"""The pages for people: what they link to, name and promise is there."""

import re
from pathlib import Path

import click
import pytest
import yaml

from app.cli import main

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as hosts of git make them."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(page.read_text()):
        name, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert not broken


def test_the_page_for_contributors_names_files_that_are_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    named = re.findall(r"`((?:app|tests|docs|fixtures)/[\w./-]*)`", text)

    assert len(named) > 10
    assert not [name for name in named if not (ROOT / name).exists() and not re.search("ROOM|NAME|NNNN", name)]


def test_the_changelog_keeps_its_form() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    sections = re.findall(r"^## (.+)$", text, re.MULTILINE)
    kinds = re.findall(r"^### (.+)$", text, re.MULTILINE)

    assert sections[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", section) for section in sections[1:])
    assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


OPERATION = (ROOT / "docs" / "operation.md").read_text()
METRICS = set(re.findall(r"^\| `(\w+)` \|", OPERATION, re.MULTILINE))


def test_the_alerts_ask_for_metrics_that_the_page_lists() -> None:
    (text,) = re.findall(r"```yaml\n(groups:.*?)```", OPERATION, re.DOTALL)
    rules = yaml.safe_load(text)["groups"][0]["rules"]
    asked = [name for rule in rules for name in re.findall(r"\b[a-z]+_[a-z_]+\b", rule["expr"])]

    assert len({rule["alert"] for rule in rules}) == len(rules)
    assert all(rule["annotations"]["summary"] for rule in rules)
    assert asked
    assert set(asked) <= METRICS


def commands(page: Path) -> list[list[str]]:
    """The words after `gantry` of every command in a page, without comments."""
    text = page.read_text().replace("\\\n", " ")
    blocks = re.findall(r"^```(?:sh|yaml)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line.partition(" #")[0] for block in blocks for line in block.splitlines()]
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    inside = ("docker", "kubectl")  # what these run in a container is no command of ours
    ours = [line for line in [*lines, *spans] if not line.startswith(inside)]
    found = [re.findall(r"(?:^|[\s/;])gantry ([a-z][^|>;&)\",]*)", line) for line in ours]
    return [words.split() for line in found for words in line]


def unknown(words: list[str]) -> str:
    """What of a command does not exist; empty for a command that does."""
    group: click.Command = main
    while isinstance(group, click.Group) and words and not words[0].startswith(("-", "…")):
        context = click.Context(group)
        found = group.get_command(context, words[0])
        if found is None:
            return f"no command {words[0]}"
        group, words = found, words[1:]
    known = {option for param in [*group.params, *main.params] for option in param.opts + param.secondary_opts}
    asked = {word.partition("=")[0].rstrip(",.:") for word in words if re.match(r"--?[a-z]", word)}
    return " ".join(sorted(asked - known - {"--help", "-h"}))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_of_a_page_exists_with_its_options(page: Path) -> None:
    assert not {" ".join(words): problem for words in commands(page) if (problem := unknown(words))}
