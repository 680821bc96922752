"""The page that links a person of a chat to an account, and the routes of such links."""

from urllib.parse import quote

from starlette.requests import Request
from typing_extensions import TypedDict

from app.accounts import session
from app.accounts.auth import ACCOUNT, Caller, State
from app.accounts.proofs import hash_token
from app.chatops import people
from app.chatops.model import TITLES, Person, System
from app.chatops.people import ChatAccount
from app.db.tx import Tx
from app.errors import NotFound
from app.web import body, pages
from app.web.body import Input
from app.web.path import Path, Word
from app.web.reply import HTML, JSON, Empty, Made, SeeOther
from app.web.route import Endpoint, Param

#: Characters of a code that are looked at.
_LONGEST = 100


class ChatJSON(TypedDict):
    """A person of a chat who acts with the account. `id` is 0 for one who is not linked yet."""

    id: int
    system: System
    tenant: str
    tenant_name: str
    user: str
    name: str
    created: int


class CodeInput(Input):
    """The code that the chat has shown."""

    code: str


def _json(chat: ChatAccount) -> ChatJSON:
    return ChatJSON(
        id=chat.id,
        system=chat.system,
        tenant=chat.tenant,
        tenant_name=chat.tenant_name,
        user=chat.chat_user,
        name=chat.name,
        created=chat.created,
    )


async def show(request: Request[State], caller: Caller | None) -> HTML | SeeOther:
    """The page that says whom a link lets act with the account that is logged in, and asks whether to."""
    code = body.query(request).get("code", "")
    if caller is None:
        return _to_login(code)
    try:
        person = await request.state["db"].glance(people.offered(_hash(code), request.state["now"]()))
    except NotFound as error:
        return _page(caller, problem=error.message, status=404)
    return _page(caller, person=person, code=code)


def _to_login(code: str) -> SeeOther:
    return session.to_login(f"{_PAGE}?code={quote(code[:_LONGEST], safe='')}")


async def confirm(request: Request[State], caller: Caller | None) -> HTML | SeeOther:
    """Let the person of a code act with the account that is logged in."""
    code = (await body.words(request)).get("code", "")
    if caller is None:
        return _to_login(code)
    try:
        linked = await request.state["db"].write(_link(request, caller, code))
    except NotFound as error:
        return _page(caller, problem=error.message, status=404)
    return _page(caller, person=_person(linked), done=True)


def _link(request: Request[State], caller: Caller, code: str) -> Tx[ChatAccount]:
    state = request.state
    return people.link(_hash(code), caller.user, caller.by, state["recorders"], state["now"]())


def _person(chat: ChatAccount) -> Person:
    return Person(chat.system, chat.tenant, chat.chat_user, chat.name, chat.tenant_name)


def _hash(code: str) -> str:
    return hash_token(code[:_LONGEST].encode("utf-8", "replace").decode())


def _page(
    caller: Caller,
    *,
    person: Person | None = None,
    code: str = "",
    problem: str = "",
    done: bool = False,
    status: int = 200,
) -> HTML:
    title = TITLES.get(person.system, person.system) if person else ""
    login = caller.user.login
    page = pages.render("chat.html", person=person, title=title, login=login, code=code, problem=problem, done=done)
    return HTML(page, status)


async def list_chats(_: Request[State], __: Caller, chats: list[ChatAccount]) -> JSON[list[ChatJSON]]:
    """The people of chats who act with the caller's account."""
    return JSON([_json(chat) for chat in chats])


def _mine(_: Request[State], caller: Caller) -> Tx[list[ChatAccount]]:
    return [*(yield from people.list_of(caller.user.id))]


async def link(request: Request[State], caller: Caller) -> JSON[ChatJSON]:
    """Let the person of a code act with the caller's account; the code is used up."""
    code = (await body.parse(request, CodeInput)).code
    if body.flag(request, "dry_run"):
        person = await request.state["db"].glance(people.offered(_hash(code), request.state["now"]()))
        names = (person.system, person.tenant, person.user, person.name, person.tenant_name)
        return JSON(_json(ChatAccount(0, caller.user.id, *names, created=0)))
    return Made(_json(await request.state["db"].write(_link(request, caller, code))))


async def unlink(request: Request[State], caller: Caller) -> Empty:
    """A person of a chat acts with the caller's account no longer."""
    chat_id, recorders = body.number(request, "chat", "id of a chat"), request.state["recorders"]
    await request.state["db"].write(people.unlink(chat_id, caller.user, caller.by, recorders))
    return Empty()


_PAGE = Path.of("/chat/link")
_CHATS = Path.of("/api/user/chats")
routes = [
    Endpoint(
        "GET",
        _PAGE,
        show,
        operation="chats.show_link",
        needs=session.BROWSER,
        query=[Param("code", "The code that the chat has shown.")],
        errors=[404],
    ),
    Endpoint(
        "POST",
        _PAGE,
        confirm,
        operation="chats.confirm_link",
        needs=session.BROWSER,
        query=[Param("code", "The code that the chat has shown.", form=True, example="code-of-the-chat")],
        errors=[404],
    ),
    Endpoint("GET", _CHATS, list_chats, operation="chats.list", needs=ACCOUNT, reads=_mine),
    Endpoint(
        "POST",
        _CHATS,
        link,
        operation="chats.link",
        needs=ACCOUNT,
        body=CodeInput,
        query=[Param("dry_run", "`true`: only say whom the code links.")],
        errors=[404],
    ),
    Endpoint("DELETE", _CHATS / Word("chat", "Id of the link.", 1), unlink, operation="chats.unlink", needs=ACCOUNT),
]
