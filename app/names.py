"""Names that stand in addresses: of namespaces, repositories, accounts, secrets and templates."""

import re

#: Characters of a login.
LONGEST_LOGIN = 50


def pattern(longest: int) -> str:
    """A regular expression, also in JSON Schema's dialect, of names with at most so many characters.

    `.` and `..` are none: whatever sends an address resolves them away.
    """
    return rf"^(?!\.{{1,2}}$)[A-Za-z0-9._-]{{1,{longest}}}$"


def rule(longest: int) -> str:
    """The same in words."""
    return f"1 to {longest} of letters, digits, dot, dash, underscore, and not . or .."


def is_name(name: str, longest: int) -> bool:
    """Whether this is one."""
    return re.fullmatch(pattern(longest), name) is not None
