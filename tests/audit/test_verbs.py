"""docs/audit.md names every verb that the record can hold."""

import ast
import re
from pathlib import Path

from app.builds.moments import PROGRESS
from tests.source import tree_of

ROOT = Path(__file__).parents[2]
VERB = re.compile(r"[a-z_]+\.[a-z_]+")
#: Texts that look like verbs, and name fields, or what a chat calls one of its own operations.
FIELDS = {
    *("artifact.set_id", "build.name", "build.number", "build.repo", "builds.blocked", "builds.id", "builds.repo_id"),
    *("project.id", "project.path_with_namespace", "repo.id", "delivery.id", "delivery.time", "chat.update"),
}
#: Types of events that subscribers are told: they look like verbs, too.
EVENTS = {"build.finished", "repo.enabled", "repo.disabled", "repo.deleted", "webhook.disabled"}


def verbs() -> set[str]:
    """The texts of the code that are verbs of moments, by their first words: those of Change, and those of the docs."""
    found, first = set[str](), {verb.partition(".")[0] for verb in named()}
    for path in (ROOT / "app").rglob("*.py"):
        if path.name == "examples.py":  # the names of operations
            continue
        tree = tree_of(path)
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        operations = {id(word.value) for call in calls for word in call.keywords if word.arg == "operation"}
        texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in operations]
        found |= {str(node.value) for node in texts if VERB.fullmatch(str(node.value))}
        found -= {text for text in found if text.endswith(".html")}  # templates
        changes = [call.args[0] for call in calls if call.args and getattr(call.func, "id", "") == "Change"]
        first |= {str(node.value).partition(".")[0] for node in changes if isinstance(node, ast.Constant)}
    return {verb for verb in found if verb.partition(".")[0] in first} - FIELDS - EVENTS - PROGRESS


def named() -> set[str]:
    """The verbs that docs/audit.md names."""
    section = (ROOT / "docs" / "audit.md").read_text().partition("## Verbs")[2].partition("\n## ")[0]
    return set(re.findall(r"`([a-z_]+\.[a-z_]+)`", section))


def test_the_docs_name_every_verb_of_the_record() -> None:
    assert verbs() == named()
