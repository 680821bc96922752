"""Routes of key pairs (contract artifactory-storage 11; rotation, keys made here and retired keys are ours)."""

from collections.abc import Sequence

from pydantic import Field, SecretStr
from starlette.requests import Request
from typing_extensions import TypedDict

from app.artifacts.access import ACCOUNT, SYSTEM, Visitor
from app.artifacts.lax import Lax, Storable
from app.bundles.api.asked import State, ports
from app.bundles.signing import pairs, store
from app.bundles.signing.pairs import Wanted
from app.bundles.signing.store import KeyPair
from app.web import body
from app.web.path import Path, Word, decoded
from app.web.reply import JSON, MadeText, Text
from app.web.route import Endpoint, Param

RETIRED = Param("retired", "`true` for the retired keys, too, of which only the public half is kept.")
FORGET = Param(
    "forget", "`true` to remove the public halves, too, retired ones included: what they signed verifies no more."
)


class KeyPairInput(Lax):
    """A key pair. Without keys the server makes it. Private halves are sealed, and never answered."""

    name: Storable = Field("", alias="pairName")
    type: Storable = Field(
        "",
        alias="pairType",
        description="`ED25519` or `ECDSA` (on the curve P-256); without it, what the keys are. `GPG` and `RSA` are "
        "only stored, without their private half: the server's default key signs for them.",
    )
    alias: Storable = ""
    public_key: Storable = Field(
        "", alias="publicKey", description="PEM; without `privateKey`, a key that is trusted and does not sign."
    )
    private_key: SecretStr = Field(SecretStr(""), alias="privateKey", description="PEM.")
    passphrase: SecretStr = SecretStr("")


class KeyPairJSON(TypedDict):
    """The public half of a key pair."""

    pairName: str
    pairType: str
    alias: str
    publicKey: str
    #: SHA-256 of the key as DER SubjectPublicKeyInfo, which names it in signatures; empty for types only stored.
    keyId: str
    #: Unix seconds.
    created: int
    #: Since when it is not in use any more, Unix seconds; 0 for one that is in use.
    retired: int


async def list_pairs(request: Request[State], _: Visitor) -> JSON[list[KeyPairJSON]]:
    """All key pairs, by name."""
    listing = store.everything() if body.flag(request, "retired") else store.in_use()
    return JSON([_shown(pair) for pair in await request.state["db"].read(listing)])


async def show(request: Request[State], _: Visitor) -> JSON[KeyPairJSON]:
    """The public half of a key pair."""
    name = decoded(request.path_params["pair"])
    pair = await request.state["db"].glance(store.find(name))
    if pair is None:
        raise pairs.missing(name)
    return JSON(_shown(pair))


async def create(request: Request[State], visitor: Visitor) -> MadeText:
    """Make or register a key pair."""
    said = await body.parse(request, KeyPairInput)
    private, passphrase = said.private_key.get_secret_value(), said.passphrase.get_secret_value()
    wanted = Wanted(said.name, said.type, said.alias, said.public_key, private, passphrase)
    pair = await pairs.create(ports(request), visitor.by, wanted)
    return MadeText(f"The key pair {pair.name} was registered\n")


async def rotate(request: Request[State], visitor: Visitor) -> JSON[KeyPairJSON]:
    """Replace a key pair by a new one; the old public half is kept as retired, and still verifies."""
    return JSON(_shown(await pairs.rotate(ports(request), visitor.by, decoded(request.path_params["pair"]))))


async def remove(request: Request[State], visitor: Visitor) -> Text:
    """Delete a key pair: the private half is erased, the public half is kept as retired, and still verifies."""
    name = decoded(request.path_params["pair"])
    await pairs.remove(ports(request), visitor.by, name, forget=bool(body.flag(request, "forget")))
    return Text(f"The key pair {name} was removed\n")


def _shown(pair: KeyPair) -> KeyPairJSON:
    return KeyPairJSON(
        pairName=pair.name,
        pairType=pair.type,
        alias=pair.alias,
        publicKey=pair.public_key,
        keyId=pair.keyid,
        created=pair.created,
        retired=pair.retired,
    )


_PAIRS = Path.of("/artifactory/api/security/keypair")
_PAIR = _PAIRS / Word("pair", "Name of the key pair.", "releases")
routes: Sequence[Endpoint] = [
    Endpoint(
        "GET", _PAIRS, list_pairs, operation="platform.list_key_pairs", needs=ACCOUNT, query=[RETIRED], errors=[400]
    ),
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
    Endpoint("DELETE", _PAIR, remove, operation="platform.remove_key_pair", needs=SYSTEM, query=[FORGET], errors=[400]),
    Endpoint("POST", _PAIR / "rotate", rotate, operation="platform.rotate_key_pair", needs=SYSTEM, errors=[409]),
]
