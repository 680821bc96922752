"""The values of `from_secret` in one stage (contract drone-env 7.1). Pure."""

from collections.abc import Iterable, Mapping

from app.pipeline.inline import decrypt
from app.runners.manager import Context


def reveal(name: str, context: Context, inline: Mapping[str, str]) -> str:
    """The value of a secret; empty when there is no such secret, or when this event must not see the secret.

    `inline` are the encrypted values of the file's own `kind: secret` documents, by name.
    """
    return _stored(name, context) or _inline(name, context, inline)


def _stored(name: str, context: Context) -> str:
    wanted, pull_request = name.lower(), context.build.event == "pull_request"
    for secret in context.secrets:
        if secret.name.lower() == wanted and (secret.pull_request or not pull_request):
            return secret.data
    return ""


def _inline(name: str, context: Context, inline: Mapping[str, str]) -> str:
    build = context.build
    if build.event == "pull_request" and build.source_repo and not context.repo.private:
        return ""
    return decrypt(inline.get(name, ""), context.key)


def revealed(names: Iterable[str], context: Context, inline: Mapping[str, str]) -> dict[str, str]:
    """Each of the names with its value."""
    return {name: reveal(name, context, inline) for name in dict.fromkeys(names)}
