"""Routes of key pairs that clients register (contract artifactory-storage 11)."""

from collections.abc import Sequence

from pydantic import Field
from starlette.requests import Request
from typing_extensions import TypedDict

from app.artifacts import keys
from app.artifacts.access import ACCOUNT, SYSTEM, State, Visitor
from app.artifacts.keys import KeyPair
from app.artifacts.lax import Lax, Storable
from app.db.tx import Tx
from app.errors import Conflict, Invalid, NotFound, Problem
from app.moments import Change, Recorders
from app.names import is_name, rule
from app.web import body
from app.web.path import Path, Word, decoded
from app.web.reply import JSON, MadeText, Text
from app.web.route import Endpoint

#: The most characters of a name.
LONGEST_NAME = 100


class KeyPairInput(Lax):
    """A key pair. The private key and its passphrase are read by nobody and not kept: this server signs for itself."""

    name: Storable = Field("", alias="pairName")
    type: Storable = Field("GPG", alias="pairType", description="`GPG` or `RSA`.")
    alias: Storable = ""
    public_key: Storable = Field("", alias="publicKey")


class KeyPairJSON(TypedDict):
    """The public half of a key pair."""

    pairName: str
    pairType: str
    alias: str
    publicKey: str


async def list_pairs(request: Request[State], _: Visitor) -> JSON[list[KeyPairJSON]]:
    """All key pairs, by name."""
    return JSON([_shown(pair) for pair in await request.state["db"].read(keys.list_all())])


async def show(request: Request[State], _: Visitor) -> JSON[KeyPairJSON]:
    """The public half of a key pair."""
    name = decoded(request.path_params["pair"])
    pair = await request.state["db"].glance(keys.find(name))
    if pair is None:
        raise _missing(name)
    return JSON(_shown(pair))


async def create(request: Request[State], visitor: Visitor) -> MadeText:
    """Register a key pair; only the public half is kept."""
    wanted = await body.parse(request, KeyPairInput)
    problems = []
    if not is_name(wanted.name, LONGEST_NAME):
        problems.append(Problem("pairName", "bad_name", f"pairName: a name is {rule(LONGEST_NAME)}"))
    if wanted.type not in ("GPG", "RSA"):
        problems.append(Problem("pairType", "bad_type", f"pairType: say GPG or RSA, not {wanted.type[:100]!r}"))
    if problems:
        raise Invalid.of(problems)
    pair = KeyPair(wanted.name, wanted.type, wanted.alias, wanted.public_key)
    adding = _adding(request.state["recorders"], visitor, pair, request.state["now"]())
    await request.state["db"].write(adding)
    return MadeText(f"The key pair {pair.name} was registered\n")


def _adding(recorders: Recorders, visitor: Visitor, pair: KeyPair, now: int) -> Tx[None]:
    if not (yield from keys.add(pair, now)):
        raise Conflict(f"pairName: there is a key pair {pair.name} already; choose another name", code="pair_taken")
    after = {"type": pair.type, "alias": pair.alias}
    yield from recorders.record(Change("key_pair.create", visitor.by, pair.name, after=after))


async def remove(request: Request[State], visitor: Visitor) -> Text:
    """Remove a key pair."""
    name = decoded(request.path_params["pair"])
    await request.state["db"].write(_removing(request.state["recorders"], visitor, name))
    return Text(f"The key pair {name} was removed\n")


def _removing(recorders: Recorders, visitor: Visitor, name: str) -> Tx[None]:
    if not (yield from keys.remove(name)):
        raise _missing(name)
    yield from recorders.record(Change("key_pair.delete", visitor.by, name))


def _missing(name: str) -> NotFound:
    return NotFound(f"there is no key pair {name[:100]}")


def _shown(pair: KeyPair) -> KeyPairJSON:
    return KeyPairJSON(pairName=pair.name, pairType=pair.type, alias=pair.alias, publicKey=pair.public_key)


_PAIRS = Path.of("/artifactory/api/security/keypair")
_PAIR = _PAIRS / Word("pair", "Name of the key pair.", "releases")
routes: Sequence[Endpoint] = [
    Endpoint("GET", _PAIRS, list_pairs, operation="platform.list_key_pairs", needs=ACCOUNT),
    Endpoint(
        "POST",
        _PAIRS,
        create,
        operation="platform.create_key_pair",
        needs=SYSTEM,
        body=KeyPairInput,
        errors=[409],
    ),
    Endpoint("GET", _PAIR, show, operation="platform.show_key_pair", needs=ACCOUNT),
    Endpoint("DELETE", _PAIR, remove, operation="platform.remove_key_pair", needs=SYSTEM),
]
