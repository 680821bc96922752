"""An answer as a comment of a host (contract gantry-chatops 6.5). Pure."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from app.chatops.comments.commands import OURS
from app.chatops.markup import FENCE, Part, fitted, parts
from app.chatops.model import Answer
from app.chatops.systems.markdown import markdown

#: Characters of an answer: hosts take 65,536 and more, and a sign becomes five of them at most.
MOST = 10_000
#: What hosts make links to issues and other things of, which then show that they were mentioned.
_REFERENCE = re.compile(r"(?:[#!&%~$^]|\bGH-)(?=\w)", re.IGNORECASE)
#: The beginning of a line that GitLab takes for a command to itself, with the rights of the account that writes.
_SLASH = re.compile(r"^(?=[ \t]*/)", re.MULTILINE)
_BACKQUOTES = re.compile(r"`{3,}")
#: No character: it parts a sign from what follows.
_NOTHING = "\u200b"
#: Buttons that have a command. The value of a button begins with what the button does.
_COMMANDS = ("approve", "reject", "cancel")


def mark_of(comment: str, public_url: str) -> str:
    """What the answer to a comment begins with, which nobody sees."""
    return f"{OURS}{comment} {public_url} -->"


def shown(answer: Answer, mark: str) -> str:
    """An answer as Markdown that mentions nobody, refers to nothing and commands nothing.

    The blocks of an answer about a build are its log and its errors: they are folded. Buttons become commands.
    """
    written = list[str]()
    for is_block, group in groupby(fitted(parts(answer.text), MOST), lambda part: part.kind == "block"):
        found = list(group)
        written += [_block(part.text, folded=answer.build > 0) for part in found] if is_block else [_lines(found)]
    return "\n".join([mark, "".join(written).strip("\n"), *_instead_of_buttons(answer)])


def _lines(found: Sequence[Part]) -> str:
    """Words, code and links; two spaces end a line."""
    apart = [
        replace(part, text=_REFERENCE.sub(rf"\g<0>{_NOTHING}", part.text)) if part.kind == "words" else part
        for part in found
    ]
    return _SLASH.sub(_NOTHING, markdown(apart, newline="  \n", html=True))


def _block(text: str, *, folded: bool) -> str:
    fence = max([FENCE, *(f"{run}`" for run in _BACKQUOTES.findall(text))], key=len)
    block = f"{fence}text\n{_SLASH.sub(' ', text)}\n{fence}"
    if folded:
        block = f"<details><summary>details</summary>\n\n{block}\n\n</details>"
    return f"\n\n{block}\n\n"


def _instead_of_buttons(answer: Answer) -> Sequence[str]:
    actions = [button.value.partition(":")[0] for button in answer.buttons]
    commands = [f"`.{action} #{answer.build}`" for action in actions if action in _COMMANDS]
    return [f"\nA comment can say {' or '.join(commands)}."] if commands and answer.build else []
