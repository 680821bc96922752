"""The key that signs: the one that a request names, or the server's default key, which is made when it is needed."""

from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from app.bundles.ports import Ports
from app.bundles.signing import keys, store
from app.bundles.signing.keys import PrivateKey, PublicKey, Type
from app.bundles.signing.moments import created
from app.bundles.signing.store import Held, KeyPair
from app.db.tx import Tx
from app.errors import Invalid, Problem
from app.moments import SERVER, Recorders

#: The name of the pair that signs when a request names none, or one that is only stored.
DEFAULT = "default"
#: ECDSA signs the SHA-256 of a statement; Ed25519 signs the statement, which is large, and other threads wait for that.
_DEFAULT_TYPE: Type = "ECDSA"
#: The header that names a pair (contract release-bundle 1.4).
HEADER = "X-JFrog-Signing-Key-Name"


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that signs, and the name of its pair."""

    name: str
    key: PrivateKey

    @property
    def keyid(self) -> str:
        """Names the key in signatures."""
        return self.key.public.keyid

    def sign(self, data: Iterable[bytes]) -> bytes:
        """See `dsse.Signs`."""
        return self.key.sign(data)


def new_key(kind: Type) -> PrivateKey:
    """A new key."""
    made = ed25519.Ed25519PrivateKey.generate() if kind == "ED25519" else ec.generate_private_key(ec.SECP256R1())
    return keys.of(made)


def require(name: str) -> Tx[str]:
    """Invalid when a pair that a request names cannot be used for signing; an empty name is that of the default.

    While nobody has registered a pair, no name is known, and the default pair signs whatever name is given: clients
    name a pair of the server that they were written for (contract release-bundle 1.4). Returns the name to keep, which
    is empty then: later, when pairs are registered, nobody misses one that never was.
    """
    yield from _chosen(name)
    return name if name and (yield from store.is_managed(DEFAULT)) else ""


async def signer_of(ports: Ports, name: str) -> Signer:
    """The signer of a pair; of the default pair for an empty name, and for a pair of a type that is only stored.

    Invalid when there is no such pair, or none that can sign.
    """
    held = await ports.db.glance(_chosen(name))
    if held is None:
        made, now = new_key(_DEFAULT_TYPE), ports.now_ms() // 1000
        data = ports.seal.seal(made.secret_pem(), store.DATA)
        held = await ports.db.write(_made(ports.recorders, made.public, data, now))
    assert held.data is not None
    return Signer(held.pair.name, keys.private_key(ports.seal.open(held.data, store.DATA)))


def trusted() -> Tx[dict[str, PublicKey]]:
    """The keys that are trusted, by their ids: all that can verify, retired ones included."""
    pairs = yield from store.everything()
    found = [keys.public_key(pair.public_key) for pair in pairs if pair.verifies]
    return {key.keyid: key for key in found}


def _chosen(name: str) -> Tx[Held | None]:
    """The pair that signs; None when that is the default pair, which is not there yet."""
    if name not in ("", DEFAULT) and (yield from store.is_managed(DEFAULT)):
        held = yield from _named(name)
        if held.pair.verifies:
            return held
    default = yield from store.held(DEFAULT)
    if default is not None and default.data is None:
        raise _invalid("cannot_sign", f"the key pair {DEFAULT} cannot sign; delete it, and the server makes one")
    return default


def _named(name: str) -> Tx[Held]:
    held = yield from store.held(name)
    if held is None:
        if (yield from store.is_known(name)):
            raise _invalid(
                "retired_key", f"the key pair {name[:100]} was deleted, so it signs nothing more; {_WAY_OUT}"
            )
        raise _invalid("unknown_key", f"there is no key pair {name[:100]!r}; {_WAY_OUT}")
    if held.pair.verifies and held.data is None:
        words = f"of the key pair {name}, this server has only the public half, which cannot sign; {_WAY_OUT}"
        raise _invalid("cannot_sign", words)
    return held


_WAY_OUT = f"name one that GET api/security/keypair lists, or {DEFAULT}, the server's own"


def _invalid(code: str, words: str) -> Invalid:
    return Invalid.of([Problem(HEADER, code, f"{HEADER}: {words}")])


def _made(recorders: Recorders, public: PublicKey, data: bytes, now: int) -> Tx[Held]:
    """The default pair; it is this key, unless another caller was first."""
    pair = KeyPair(0, DEFAULT, public.keyid, public.type, "", public.pem, now)
    if (yield from store.add(pair, data)):
        yield from recorders.record(created(SERVER, pair))
    held = yield from _chosen("")
    assert held is not None
    return held
