"""Key pairs through HTTP."""

from typing import Any

import httpx2
import pytest

from app.bundles.signing.keys import LONGEST_PEM, TYPES, Type, public_key
from app.bundles.signing.signer import new_key
from tests.acceptance.server import Server
from tests.bundles.signing.farside import private_pem

pytestmark = pytest.mark.postgres
PATH = "/artifactory/api/security/keypair"


def test_of_a_key_pair_only_the_public_half_is_kept(server: Server, ada: httpx2.Client) -> None:
    path = "/artifactory/api/security/keypair"
    sent = {
        "pairName": "releases",
        "pairType": "GPG",
        "alias": "r1",
        "publicKey": "public",
        "privateKey": "hush-private",
        "passphrase": "hush-phrase",
    }
    assert server.ask("GET", f"{path}/releases").status_code == 404
    assert ada.post(path, json=sent).status_code == 403

    assert server.ask("POST", path, json=sent).status_code == 201
    assert server.ask("POST", path, json=sent).status_code == 409
    kept = {name: value for name, value in sent.items() if not value.startswith("hush")}
    shown = server.json("GET", f"{path}/releases")
    assert shown == kept | {"keyId": "", "created": shown["created"], "retired": 0}
    assert ada.get(path).json() == [shown]

    assert server.ask("DELETE", f"{path}/releases").status_code == 200
    assert server.ask("DELETE", f"{path}/releases").status_code == 404
    assert "hush" not in server.log.read_text()
    verbs = [row["verb"] for row in server.json("GET", "/api/audit", params={"verb": "key_pair."})]
    assert verbs == ["key_pair.delete", "key_pair.create"]


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({}, "pairName"),
        ({"pairName": "a/b"}, "pairName"),
        ({"pairName": 5}, "pairName"),
        ({"pairName": "a", "pairType": "X"}, "pairType"),
    ],
)
def test_what_is_wrong_with_a_key_pair_is_named(server: Server, sent: dict[str, object], field: str) -> None:
    answer = server.ask("POST", "/artifactory/api/security/keypair", json=sent)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"].startswith(f"{field}: ")


def _made(server: Server, name: str, **fields: str) -> Any:
    """A key pair that is there now, as the server shows it."""
    answer = server.ask("POST", PATH, json={"pairName": name, **fields})
    assert answer.status_code == 201, answer.text
    assert answer.text == f"The key pair {name} was registered\n"
    return server.json("GET", f"{PATH}/{name}")


def _refused(server: Server, **fields: Any) -> list[tuple[str, str]]:
    """The codes and messages of what is wrong."""
    answer = server.ask("POST", PATH, json={"pairName": "refused", **fields})
    assert answer.status_code == 400, answer.text
    assert server.ask("GET", f"{PATH}/refused").status_code == 404
    return [(error["code"], error["message"]) for error in answer.json()["errors"]]


@pytest.mark.parametrize("kind", ["", *TYPES])
def test_the_server_makes_a_pair_of_which_no_key_was_sent(server: Server, kind: str) -> None:
    shown = _made(server, f"made-{kind or 'any'}", **({"pairType": kind} if kind else {}), alias="a b")

    assert shown["pairType"] == (kind or "ED25519")
    assert (shown["alias"], shown["retired"]) == ("a b", 0)
    assert public_key(shown["publicKey"]).keyid == shown["keyId"]
    assert shown["created"] > 0


@pytest.mark.parametrize("kind", TYPES)
def test_keys_are_uploaded_as_pem(server: Server, kind: Type) -> None:
    for way in ("alone", "typed", "both", "sealed", "public"):
        key = new_key(kind)
        fields = {"privateKey": key.secret_pem()}
        if way == "typed":
            fields["pairType"] = kind
        elif way == "both":
            fields["publicKey"] = key.public.pem
        elif way == "sealed":
            fields = {"privateKey": private_pem(key, "hush-phrase"), "passphrase": "hush-phrase"}
        elif way == "public":
            fields = {"publicKey": key.public.pem}
        shown = _made(server, f"{way}-{kind}", **fields)

        assert (shown["keyId"], shown["publicKey"], shown["pairType"]) == (key.public.keyid, key.public.pem, kind)
        secret = "".join(key.secret_pem().splitlines()[1:-1])
        everything = server.ask("GET", f"{PATH}?retired=true").text + str(server.json("GET", "/api/audit"))
        assert secret not in everything + server.log.read_text()
        assert "PRIVATE" not in everything
        assert "hush" not in everything + server.log.read_text()


def test_a_pgp_pair_is_recognised_and_only_stored(server: Server) -> None:
    """As the tests of JFrog's command line send it."""
    public = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxsBN\n-----END PGP PUBLIC KEY BLOCK-----"
    private = "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nhush-private\n-----END PGP PRIVATE KEY BLOCK-----"
    for name, kind in (("pgp", {}), ("pgp2", {"pairType": "GPG"})):
        shown = _made(server, name, **kind, publicKey=public, privateKey=private, passphrase="hush-phrase")
        assert (shown["pairType"], shown["publicKey"], shown["keyId"]) == ("GPG", public, "")
    assert _made(server, "rsa", pairType="RSA", publicKey="-----BEGIN PUBLIC KEY-----")["pairType"] == "RSA"
    assert server.ask("POST", f"{PATH}/pgp/rotate").status_code == 409
    assert "hush" not in server.log.read_text()


def test_what_is_wrong_with_keys_is_named(server: Server) -> None:
    key, other = new_key("ED25519"), new_key("ECDSA")
    sealed = private_pem(key, "hush-phrase")
    for fields, code, words in (
        ({"publicKey": "-----BEGIN PUBLIC KEY-----x"}, "bad_key", "publicKey: this is no public key as PEM"),
        ({"publicKey": key.secret_pem()}, "bad_key", "publicKey: this is a private key"),
        ({"privateKey": key.public.pem}, "bad_key", "privateKey: this is no private key as PEM"),
        ({"privateKey": "x", "pairType": "ED25519"}, "bad_key", "privateKey: this is no private key as PEM"),
        ({"privateKey": sealed}, "bad_passphrase", "passphrase: the private key is encrypted: give its passphrase"),
        ({"privateKey": sealed, "passphrase": "wrong-phrase"}, "bad_passphrase", "passphrase: the passphrase does not"),
        (
            {"privateKey": key.secret_pem(), "publicKey": other.public.pem},
            "wrong_half",
            "publicKey: this is the public",
        ),
        ({"privateKey": key.secret_pem(), "pairType": "ECDSA"}, "wrong_type", "pairType: the keys are of the type ED"),
        ({"publicKey": other.public.pem, "pairType": "ED25519"}, "wrong_type", "pairType: the keys are of the type EC"),
        ({"publicKey": "-----BEGIN " + "A" * LONGEST_PEM}, "bad_key", f"at most {LONGEST_PEM} are read"),
        ({"pairType": "ed25519"}, "bad_type", "pairType: say ED25519, ECDSA, GPG, RSA, not 'ed25519'"),
        ({"publicKey": "a\0b"}, "value_error", "publicKey: a NUL cannot be stored"),
        ({"privateKey": 5}, "string_type", "privateKey: "),
    ):
        [(found, message)] = _refused(server, **fields)
        assert found == code
        assert words in message
    both = _refused(server, publicKey="-----BEGIN x", privateKey="-----BEGIN y")
    assert [message.partition(":")[0] for _, message in both] == ["privateKey", "publicKey"]
    log = server.log.read_text()
    assert "wrong-phrase" not in log
    assert "".join(key.secret_pem().splitlines()[1:-1]) not in log


def test_a_body_that_is_too_large_is_not_read(server: Server) -> None:
    answer = server.ask("POST", PATH, json={"pairName": "large", "privateKey": "x" * 2**21})

    assert answer.status_code == 413


def test_a_key_is_rotated_and_removed_and_its_public_halves_stay(server: Server, ada: httpx2.Client) -> None:
    first = _made(server, "turning")
    assert ada.post(f"{PATH}/turning/rotate").status_code == 403
    second = server.json("POST", f"{PATH}/turning/rotate")

    assert second["keyId"] != first["keyId"]
    assert server.json("GET", f"{PATH}/turning") == second
    assert server.ask("POST", f"{PATH}/none/rotate").status_code == 404
    assert _known(server, "turning") == [(second["keyId"], False), (first["keyId"], True)]
    assert [pair for pair in server.json("GET", PATH) if pair["pairName"] == "turning"] == [second]
    assert server.ask("DELETE", f"{PATH}/turning").status_code == 200
    assert server.ask("GET", f"{PATH}/turning").status_code == 404
    assert server.ask("POST", f"{PATH}/turning/rotate").status_code == 404
    assert _known(server, "turning") == [(first["keyId"], True), (second["keyId"], True)]
    assert ada.delete(f"{PATH}/turning?forget=true").status_code == 403
    assert server.ask("DELETE", f"{PATH}/turning?forget=maybe").status_code == 400
    assert server.ask("DELETE", f"{PATH}/turning?forget=true").status_code == 200
    assert _known(server, "turning") == []
    rows = server.json("GET", "/api/audit", params={"verb": "key_pair."})[:4]
    assert [row["verb"] for row in rows] == [
        "key_pair.forget",
        "key_pair.delete",
        "key_pair.rotate",
        "key_pair.create",
    ]


def _known(server: Server, name: str) -> list[tuple[str, bool]]:
    """The ids of the keys of a name, and whether each is retired."""
    pairs = server.json("GET", PATH, params={"retired": "true"})
    return [(pair["keyId"], pair["retired"] > 0) for pair in pairs if pair["pairName"] == name]


def test_the_default_pair_must_be_able_to_sign(server: Server) -> None:
    for fields in ({"pairType": "GPG", "publicKey": "x"}, {"publicKey": new_key("ECDSA").public.pem}):
        answer = server.ask("POST", PATH, json={"pairName": "default", **fields})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "default_signs")


def test_who_has_no_account_sees_no_keys(server: Server) -> None:
    with server.visitor() as stranger:
        for method, path in (("GET", PATH), ("GET", f"{PATH}/x"), ("POST", PATH), ("DELETE", f"{PATH}/x")):
            assert stranger.request(method, path).status_code == 401
