"""The verbs of key pairs: making and registering them, rotating them, deleting them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from app import threads
from app.bundles.ports import Ports
from app.bundles.signing import keys, moments, store
from app.bundles.signing.keys import TYPES, BadKey, BadPassphrase, PrivateKey, PublicKey
from app.bundles.signing.signer import DEFAULT, new_key
from app.bundles.signing.store import KeyPair
from app.db.tx import Tx
from app.errors import Conflict, Invalid, NotFound, Problem
from app.moments import Actor, Recorders
from app.names import is_name, rule

#: The most characters of a name.
LONGEST_NAME = 100
#: Types that are only stored, as clients' tests want it: of these, the server keeps and uses no private half.
STORED = ("GPG", "RSA")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A key pair as a request describes it. Without keys, the server makes the pair."""

    name: str
    #: One of TYPES or STORED; empty for that of the keys, or Ed25519 without keys.
    type: str = ""
    alias: str = ""
    public: str = ""
    private: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)


async def create(ports: Ports, by: Actor, wanted: Wanted) -> KeyPair:
    """Make or register a key pair. Invalid lists all problems; Conflict when the name is taken."""
    if problems := list(_problems(wanted)):
        raise Invalid.of(problems)
    now = ports.now_ms() // 1000
    pair = KeyPair(0, wanted.name, "", wanted.type or "GPG", wanted.alias, wanted.public, now)
    private = None
    if (kind := _kind(wanted)) not in STORED:
        public, private = await threads.run(_halves, wanted, kind)
        pair = replace(pair, keyid=public.keyid, type=public.type, public_key=public.pem)
    if private is None and wanted.name == DEFAULT:
        words = f"pairName: the pair {DEFAULT} signs what names no pair, so it needs a private key that can sign here"
        raise Invalid.of([Problem("pairName", "default_signs", words)])
    data = ports.seal.seal(private.secret_pem(), store.DATA) if private is not None else None
    await ports.db.write(_adding(ports.recorders, by, pair, data))
    return pair


def _problems(wanted: Wanted) -> Iterator[Problem]:
    if not is_name(wanted.name, LONGEST_NAME):
        yield Problem("pairName", "bad_name", f"pairName: a name is {rule(LONGEST_NAME)}")
    if wanted.type and wanted.type not in (*TYPES, *STORED):
        words = f"pairType: say {', '.join((*TYPES, *STORED))}, not {wanted.type[:100]!r}"
        yield Problem("pairType", "bad_type", words)


def _kind(wanted: Wanted) -> str:
    """The type that is asked for; empty for that of the keys as PEM."""
    if wanted.type or not (wanted.public or wanted.private):
        return wanted.type or "ED25519"
    pem = any("-----BEGIN " in half and "-----BEGIN PGP" not in half for half in (wanted.public, wanted.private))
    return "" if pem else "GPG"


def _halves(wanted: Wanted, kind: str) -> tuple[PublicKey, PrivateKey | None]:
    """The two halves, made or read; Invalid."""
    if not (wanted.public or wanted.private):
        made = new_key("ECDSA" if kind == "ECDSA" else "ED25519")
        return made.public, made
    private = public = None
    problems: list[Problem] = []
    try:
        private = keys.private_key(wanted.private, wanted.passphrase) if wanted.private else None
    except BadKey as error:
        where = "passphrase" if isinstance(error, BadPassphrase) else "privateKey"
        problems.append(_problem(where, error.code, error.message))
    try:
        public = keys.public_key(wanted.public) if wanted.public else None
    except BadKey as error:
        problems.append(_problem("publicKey", error.code, error.message))
    if problems:
        raise Invalid.of(problems)
    if private is not None and public is not None and private.public != public:
        raise Invalid.of([_problem("publicKey", "wrong_half", "this is the public half of another private key")])
    found = private.public if private is not None else public
    assert found is not None
    if kind and found.type != kind:
        raise Invalid.of([_problem("pairType", "wrong_type", f"the keys are of the type {found.type}, not {kind}")])
    return found, private


def _problem(where: str, code: str, words: str) -> Problem:
    return Problem(where, code, f"{where}: {words}")


def _adding(recorders: Recorders, by: Actor, pair: KeyPair, data: bytes | None) -> Tx[None]:
    if not (yield from store.add(pair, data)):
        raise Conflict(f"pairName: there is a key pair {pair.name} already; choose another name", code="pair_taken")
    yield from recorders.record(moments.created(by, pair))


async def rotate(ports: Ports, by: Actor, name: str) -> KeyPair:
    """Replace a pair by a new one of its name and type, made here; the old public half stays, as retired.

    NotFound; Conflict for a pair that this server cannot sign with.
    """
    old = await ports.db.glance(_rotatable(name))
    made = await threads.run(new_key, "ECDSA" if old.type == "ECDSA" else "ED25519")
    now = ports.now_ms() // 1000
    pair = KeyPair(0, name, made.public.keyid, made.public.type, old.alias, made.public.pem, now)
    data = ports.seal.seal(made.secret_pem(), store.DATA)
    await ports.db.write(_rotating(ports.recorders, by, old, pair, data))
    return pair


def _rotatable(name: str) -> Tx[KeyPair]:
    held = yield from store.held(name)
    if held is None:
        raise missing(name)
    if held.data is None:
        words = f"this server does not have the private half of the key pair {name}, so it cannot rotate the pair:"
        raise Conflict(f"{words} delete it, and register the new one", code="cannot_rotate")
    return held.pair


def _rotating(recorders: Recorders, by: Actor, old: KeyPair, pair: KeyPair, data: bytes) -> Tx[None]:
    if not (yield from store.retire(old, pair.created)) or not (yield from store.add(pair, data)):
        raise Conflict(f"another caller has changed the key pair {old.name} at the same time; try again")
    yield from recorders.record(moments.rotated(by, old, pair))


async def remove(ports: Ports, by: Actor, name: str, *, forget: bool = False) -> None:
    """Delete a pair: its private half is erased, its public half stays, as retired. NotFound.

    `forget` removes all pairs of the name instead, so that what they have signed does not verify any more.
    """
    removing = _forgetting if forget else _removing
    await ports.db.write(removing(ports.recorders, by, name, ports.now_ms() // 1000))


def _removing(recorders: Recorders, by: Actor, name: str, now: int) -> Tx[None]:
    pair = yield from store.find(name)
    if pair is None or not (yield from store.retire(pair, now)):
        raise missing(name)
    yield from recorders.record(moments.deleted(by, pair))


def _forgetting(recorders: Recorders, by: Actor, name: str, _: Any) -> Tx[None]:
    if not (gone := (yield from store.forget(name))):
        raise missing(name)
    yield from recorders.record(moments.forgotten(by, name, gone))


def missing(name: str) -> NotFound:
    """The error for a name without a pair."""
    return NotFound(f"there is no key pair {name[:100]}")
