"""Places of a command in which bash reads the value of a variable as arithmetic, or as a variable's name. Pure.

There, bash runs the command of the value `a[$(command)]`, also when the value stands in a variable.
"""

import re
from collections.abc import Iterable

ARITHMETIC = "in arithmetic, unless the value is an integer"
NAME = "as the name of a variable, unless the value has only letters, digits and _"

#: Characters before and after a value that are read.
_WINDOW = 400
#: What is harmless in arithmetic.
INTEGER = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_NAME = re.compile(r"\w+", re.ASCII)
#: Quoted texts, and what begins and ends a command or a substitution.
_PART = re.compile(
    r"""'[^']*(?:'|$)|"(?:[^"\\$`]|\\.|\$(?!\())*+(?:"|$)|\\.|=\(|(?P<next>[;&|\n`]|\(\))|(?P<open>\()|(?P<close>\))""",
    re.DOTALL,
)
_WORD = re.compile(r"""(?:'[^']*(?:'|$)|"(?:[^"\\]|\\.)*+(?:"|$)|\\.|[^\s'"\\])+""", re.DOTALL)
#: Words that may stand before the name of a command.
_LEADS = frozenset(
    ["if", "while", "until", "then", "else", "elif", "do", "time", "builtin", "command", "coproc", "!", "{"]
)
_ASSIGNED = re.compile(r"(\w+)\+?=")
_SUBSCRIPT, _SUBSCRIPT_ENDS = re.compile(r"(?:\w+\+?=\()?\w*\["), re.compile(r"[^\]]*\]\+?=")
_IN_BRACES = re.compile(r"\$\{[!#]?[\w@*]+(?:\[[^\]}]*|(?:\[[^\]}]*\])?:(?![-=?+])(?:[^{}]|\{[^{}]*\})*)\Z")
#: What a text holds that has any of these places, but for variables that are integers.
_ANY = re.compile(r"\b(?:let|declare|typeset|local|unset|read)\b|\[|\s-v\s|\$\{[^{}]*:")
_CONDITION = re.compile(r"\[\[\s")
_COMPARES = re.compile(r"\s-(?:eq|ne|lt|le|gt|ge|v|R)\s")
_DECLARES = frozenset(["declare", "typeset", "local"])
_INTEGERS = re.compile(
    r"\b(?:declare|typeset|local|readonly|export)[ \t]+(?:-\w+[ \t]+)*-\w{0,20}i\w{0,20}[ \t]+([^\n;&|)]*)", re.ASCII
)


def integers(texts: Iterable[str]) -> frozenset[str]:
    """The variables that the commands of a step declare to be integers: bash reckons whatever is assigned to one."""
    found = (declared for text in texts for declared in _INTEGERS.findall(text))
    return frozenset(name for declared in found for name in re.findall(r"(?<![\w-])[A-Za-z_]\w*", declared))


def may_refuse(text: str) -> bool:
    """Whether the text may have such a place: a fast look."""
    return _ANY.search(text) is not None


def refuses_in_braces(text: str, at: int, value: str) -> str:
    """Where the value stands, if this is a subscript or an offset in `${…}` and the value may not stand there."""
    reckons = not INTEGER.fullmatch(value) and _IN_BRACES.search(text, max(0, at - _WINDOW), at)
    return ARITHMETIC if reckons else ""


def refuses(text: str, at: int, end: int, value: str, names: frozenset[str]) -> str:
    """Where the value between `at` and `end` stands, if bash reads this place so and the value may not stand there.

    `names` are the variables that are integers.
    """
    if INTEGER.fullmatch(value):
        return ""
    before, after = text[max(0, at - _WINDOW) : at], text[end : end + _WINDOW]
    where = ARITHMETIC if _is_compared(before, after) else _place(_words(before), after, names)
    return "" if where == NAME and _NAME.fullmatch(value) else where


def _is_compared(before: str, after: str) -> bool:
    """Whether the value stands in `[[ … ]]`, beside an operator that reckons or that wants a variable's name."""
    start, end = max((one.start() for one in _CONDITION.finditer(before)), default=-1), after.find("]]")
    if end < 0 or start <= before.rfind("]]"):
        return False
    left, right = re.split(r"&&|\|\|", before[start:])[-1], re.split(r"&&|\|\|", after[:end])[0]
    return _COMPARES.search(f"{left}_{right}") is not None


def _words(before: str) -> list[str]:
    """The words of the command up to the value: the command's name first, and the beginning of the value's own word."""
    starts = [0]
    for part in _PART.finditer(before):
        if part["open"]:
            starts.append(part.end())
        elif part["close"] and len(starts) > 1:
            starts.pop()
        elif part["close"] or part["next"]:
            starts[-1] = part.end()
    found = list(_WORD.finditer(before, starts[-1]))
    words = [word[0] for word in found]
    if not found or found[-1].end() < len(before):
        words.append("")
    while len(words) > 1 and (words[0] in _LEADS or _ASSIGNED.match(words[0])):
        del words[0]
    return words


def _place(words: list[str], after: str, names: frozenset[str]) -> str:
    command, *others, word = ["", *words] if len(words) == 1 else words
    assigned = _ASSIGNED.match(word)
    if _SUBSCRIPT.match(word) and "]" not in word and _SUBSCRIPT_ENDS.match(after):
        return ARITHMETIC
    if command == "let" or (assigned and assigned[1] in names):
        return ARITHMETIC
    if command in ("for", "read") and not names.isdisjoint(others):
        return ARITHMETIC
    if command in _DECLARES and any(re.match(r"-\w*i", other) for other in others):
        return ARITHMETIC
    if others[-1:] == ["-v"] and command in ("test", "[", "printf"):
        is_name = True
    elif command == "read":
        is_name = not re.match(r"<|-\w*[dinNptu]$", (others or [""])[-1]) and "<" not in word
    else:
        is_value = "=" in word or any("=(" in other for other in others)
        is_name = command == "unset" or (command in _DECLARES and (not is_value or "-n" in others))
    if not is_name:
        return ""
    return ARITHMETIC if "[" in word else NAME
