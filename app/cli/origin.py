"""What a promotion begins from: a build, or the commit that a branch, a tag or an id names."""

from typing import Any

from app.cli.remote import builds
from app.cli.remote.client import Client, Json, Refused
from app.cli.terminal.options import repo_path
from app.errors import NotFound


def promote(client: Client, slug: str, word: str, query: Json) -> Any:
    """Promote what a word stands for (see `remote.builds`); the server's answer.

    A number, `last` and `last:STATUS` are a build. A branch, a tag or a commit needs no build: its newest commit at
    the host is promoted. NotFound when the repository has none.
    """
    meanings = builds.meanings(word)
    if not meanings:
        path = repo_path(slug, "builds", builds.number(client, slug, word), "promote")
        return client.call("POST", path, query=query)
    for meaning in meanings:
        try:
            return client.call("POST", repo_path(slug, "promote"), query={**query, meaning.kind: meaning.name})
        except Refused as refused:
            if refused.status != 404 or len(meanings) == 1:
                raise
    client.record("GET", repo_path(slug))  # refused, if it is the repository that is not there
    raise NotFound(f"{slug} has no {builds.kinds(meanings)} {word!r}")
