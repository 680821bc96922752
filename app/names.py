"""The rule for names that are part of URLs (of namespaces, repositories, accounts, …), and which name was meant."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

#: The most characters of a login.
LONGEST_LOGIN = 50
#: Characters of a name that are compared with known names.
_COMPARED = 100


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


def meant(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name, which asks for the known name that is most like it, if one is."""
    by_key = {one.lower(): one for one in known}
    found = get_close_matches(name[:_COMPARED].lower(), by_key, 1)
    return f"; did you mean {by_key[found[0]]}?" if found else "."
