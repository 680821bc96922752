"""The rule for names that are part of URLs: of namespaces, repositories, accounts, secrets and templates."""

import re

#: The most characters of a login.
LONGEST_LOGIN = 50


def pattern(longest: int) -> str:
    """A regular expression, valid in JSON Schema too, that matches names of at most `longest` characters.

    `.` and `..` are no names: HTTP clients remove them from the path of a URL.
    """
    return rf"^(?!\.{{1,2}}$)[A-Za-z0-9._-]{{1,{longest}}}$"


def rule(longest: int) -> str:
    """The rule of `pattern` in words."""
    return f"1 to {longest} of letters, digits, dot, dash, underscore, and not . or .."


def is_name(name: str, longest: int) -> bool:
    """Whether the text is such a name."""
    return re.fullmatch(pattern(longest), name) is not None
