"""What becomes of a form that was sent: the action, and then the page that follows; or the form again, and why.

The address of a form shows the form by GET and acts by POST, so that every action works without scripts.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from starlette.requests import Request

from app.errors import AppError, NothingToRun, Problem, Unauthorized
from app.web import body, errors
from app.web.reply import HTML, SeeOther

#: Does what the fields of a form ask for; gives the address of the page that follows. None for fields that ask only
#: what the form would do: it comes back, and says so.
Act: TypeAlias = Callable[[Mapping[str, str]], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class Form:
    """What a person typed into a form, and what is wrong with it; empty for a form that was not sent yet."""

    typed: Mapping[str, str] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    #: The status of the answer with this form.
    status: int = 200

    @property
    def is_sent(self) -> bool:
        """Whether the form comes back from a person; a box that is not ticked is not among what was typed."""
        return self.status != 200

    def of(self, field: str) -> "Form":
        """This form, if it was sent with a field; else one that was not sent: a page may have several forms."""
        return self if field in self.typed else Form()

    def value(self, name: str, otherwise: str = "") -> str:
        """What was typed into a field; `otherwise` in a form that was not sent."""
        return self.typed.get(name, "" if self.is_sent else otherwise)

    def problem(self, name: str) -> str:
        """What is wrong with a field; empty for nothing."""
        return "; ".join(one.message for one in self.problems if one.field == name)


def refused(typed: Mapping[str, str], error: AppError) -> Form:
    """The form of an action that an error ended."""
    problems = getattr(error, "problems", ())
    if isinstance(error, NothingToRun):  # its problems are of pipelines, and of no field
        problems = [Problem("", one.code, one.message) for one in problems if one.message != error.message]
    if isinstance(error, NothingToRun) or not problems:
        problems = [Problem("", error.code, error.message), *problems]
    return Form(typed, problems, errors.status_of(error))


async def carry_out(request: Request[Any], act: Act, show: Callable[[Form], Awaitable[HTML]]) -> HTML | SeeOther:
    """Act, and send the browser to the page that follows. After an error nothing is done, and `show` shows the form.

    Whoever is not signed in any more gets the page of that error, which leads to the sign-in.
    """
    typed = await body.form(request)
    try:
        address = await act(typed)
    except Unauthorized:
        raise
    except AppError as error:
        return await show(refused(typed, error))
    return await show(Form(typed)) if address is None else SeeOther(address)
