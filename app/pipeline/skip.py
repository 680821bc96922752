"""Directives in a commit message that prevent a build."""

DIRECTIVES = ("[ci skip]", "[skip ci]", "***no_ci***")
HEEDING = frozenset({"push", "pull_request"})


def skips(event_kind: str, message: str, title: str = "") -> bool:
    """Whether message or title hold such a directive, in any letter case (contract drone-yaml 15)."""
    if event_kind not in HEEDING:
        return False
    texts = (message.lower(), title.lower())
    return any(directive in text for directive in DIRECTIVES for text in texts)
