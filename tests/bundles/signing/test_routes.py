"""Key pairs through HTTP."""

import httpx2
import pytest

from tests.acceptance.server import Server

pytestmark = pytest.mark.postgres


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
