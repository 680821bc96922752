"""Keys as PEM: what is read, and what is refused and why."""

import base64
import re
import time

import pytest
from cryptography.hazmat.primitives import serialization as wire
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa

from app.bundles.signing import rounds
from app.bundles.signing.keys import LONGEST_PEM, TYPES, BadKey, BadPassphrase, Type, private_key, public_key
from app.bundles.signing.signer import new_key
from tests.bundles.signing.farside import private_pem
from tests.bundles.signing.recorded import ECDSA, ED25519, PASSPHRASE, SCRYPT, WITH_PARAMETERS

DATA = b"what is signed"


@pytest.mark.parametrize("kind", TYPES)
def test_a_key_signs_and_its_other_half_alone_verifies(kind: Type) -> None:
    key, other = new_key(kind), new_key(kind)
    signature = key.sign([DATA])

    assert key.public.type == kind
    assert key.public.verifies(signature, DATA)
    assert not key.public.verifies(signature, DATA + b" ")
    assert not key.public.verifies(signature[:-1], DATA)
    assert not key.public.verifies(b"", DATA)
    assert not other.public.verifies(signature, DATA)


@pytest.mark.parametrize("kind", TYPES)
def test_a_key_is_the_same_after_it_was_written_and_read(kind: Type) -> None:
    key = new_key(kind)

    assert private_key(key.secret_pem()).public == key.public
    assert public_key(key.public.pem) == key.public
    assert public_key(f"\n  {key.public.pem}\n".replace("\n", "\r\n")) == key.public


@pytest.mark.parametrize(("public", "private", "keyid"), [ED25519, ECDSA])
def test_keys_of_openssl_are_read(public: str, private: str, keyid: str) -> None:
    read = private_key(private, PASSPHRASE)

    assert read.public == public_key(public)
    assert read.public.keyid == keyid
    for wrong in ("wrong", "hush ", "\0", ""):
        with pytest.raises(BadPassphrase):
            private_key(private, wrong)


def test_parameters_before_a_key_do_no_harm() -> None:
    assert private_key(WITH_PARAMETERS).public.type == "ECDSA"


@pytest.mark.parametrize("kind", TYPES)
def test_an_encrypted_key_needs_its_passphrase(kind: Type) -> None:
    key = new_key(kind)
    pem = private_pem(key, "hush ☃")

    assert private_key(pem, "hush ☃").public == key.public
    with pytest.raises(BadPassphrase, match="is encrypted: give its passphrase"):
        private_key(pem)
    with pytest.raises(BadPassphrase, match="does not open the private key") as caught:
        private_key(pem, "wrong-phrase")
    assert "wrong-phrase" not in str(caught.value)


def test_a_passphrase_that_is_not_needed_is_ignored() -> None:
    key = new_key("ED25519")

    assert private_key(key.secret_pem(), "what for").public == key.public


@pytest.mark.parametrize("text", ["", "x", "-----BEGIN PUBLIC KEY-----", "☃", "-----BEGIN PUBLIC KEY-----\nAAAA\n"
                                  "-----END PUBLIC KEY-----\n"])  # fmt: skip
def test_what_is_no_pem_is_refused(text: str) -> None:
    with pytest.raises(BadKey, match="no public key as PEM"):
        public_key(text)
    with pytest.raises(BadKey, match="no private key as PEM"):
        private_key(text)


def test_the_halves_are_not_mixed_up() -> None:
    key = new_key("ECDSA")

    with pytest.raises(BadKey, match="this is a private key"):
        public_key(key.secret_pem())
    with pytest.raises(BadKey, match="no private key"):
        private_key(key.public.pem)


@pytest.mark.parametrize(
    "other",
    [
        rsa.generate_private_key(65537, 2048),
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP256K1()),
        ed448.Ed448PrivateKey.generate(),
    ],
    ids=lambda key: type(key).__name__,
)
def test_keys_of_other_kinds_are_refused(other: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
    form = (wire.Encoding.PEM, wire.PrivateFormat.PKCS8, wire.NoEncryption())
    public = other.public_key().public_bytes(wire.Encoding.PEM, wire.PublicFormat.SubjectPublicKeyInfo)

    with pytest.raises(BadKey, match=r"use Ed25519, or ECDSA on the curve P-256"):
        private_key(other.private_bytes(*form).decode())
    with pytest.raises(BadKey, match=r"use Ed25519, or ECDSA on the curve P-256"):
        public_key(public.decode())


def test_a_damaged_key_is_refused() -> None:
    pem = new_key("ECDSA").public.pem
    at = pem.index("\n") + 60

    for wrong in ("A", "z", "/"):
        if pem[at] != wrong:
            with pytest.raises(BadKey):
                public_key(pem[:at] + wrong + pem[at + 1 :])


def test_a_key_that_is_too_long_is_not_parsed() -> None:
    long = "-----BEGIN PUBLIC KEY-----\n" + "A" * LONGEST_PEM

    for read in (public_key, private_key):
        with pytest.raises(BadKey, match=f"at most {LONGEST_PEM} are read"):
            read(long)


def test_a_passphrase_that_would_take_minutes_is_refused_at_once() -> None:
    """While the rounds are done, nothing else runs."""
    for count in (rounds.MOST + 1, 2**31 - 1, 2**60):
        pem = _pem(_sealed(count))
        assert rounds.of_key(pem) == count
        started = time.perf_counter()
        with pytest.raises(BadKey, match=r"rounds; at most 1000000 are done"):
            private_key(pem, "x")
        assert time.perf_counter() - started < 1


def test_other_ways_of_encryption_are_refused() -> None:
    two = private_pem(new_key("ED25519"), "x") + private_pem(new_key("ED25519"), "x")

    for pem in (SCRYPT, two):
        with pytest.raises(BadKey, match="is encrypted in a way that is not read here; openssl pkcs8 -topk8"):
            private_key(pem, PASSPHRASE)
    assert rounds.of_key(_pem(_sealed(1, function=b"\x2a\x03"))) is None


def test_a_cut_key_has_no_rounds() -> None:
    sealed = private_pem(new_key("ED25519"), "x")
    der = base64.b64decode("".join(sealed.splitlines()[1:-1]))
    assert rounds.of_key(sealed)

    for end in range(len(der)):
        assert rounds.of_key(_pem(der[:end])) is None
    for garbage in ("", "AAAA", "MIID", "////", "A"):
        text = f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{garbage}\n-----END ENCRYPTED PRIVATE KEY-----"
        assert rounds.of_key(text) is None


def test_nothing_shows_a_private_half() -> None:
    key = new_key("ED25519")
    secret = "".join(key.secret_pem().splitlines()[1:-1])

    assert secret not in repr(key)
    assert not re.search("PRIVATE", repr(key))


def _pem(der: bytes) -> str:
    text = base64.encodebytes(der).decode()
    return f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{text}-----END ENCRYPTED PRIVATE KEY-----\n"


def _sealed(count: int, function: bytes = bytes.fromhex("2a864886f70d01050c")) -> bytes:
    """An encrypted key that says a number of rounds (RFC 8018); it holds nothing."""
    pbes2, hmac, aes = (bytes.fromhex(text) for text in _NAMES)
    number = count.to_bytes(count.bit_length() // 8 + 1, "big")
    kdf = _der(
        0x30, _der(6, function), _der(0x30, _der(4, bytes(8)), _der(2, number), _der(0x30, _der(6, hmac), _der(5)))
    )
    cipher = _der(0x30, _der(6, aes), _der(4, bytes(16)))
    return _der(0x30, _der(0x30, _der(6, pbes2), _der(0x30, kdf, cipher)), _der(4, bytes(64)))


_NAMES = ("2a864886f70d01050d", "2a864886f70d0209", "60864801650304012a")


def _der(tag: int, *parts: bytes) -> bytes:
    """A DER value of less than 256 bytes."""
    content = b"".join(parts)
    return bytes([tag, *([0x81] if len(content) > 0x7F else []), len(content)]) + content
