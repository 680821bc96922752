"""Private keys and pinned keys, as ssh-keygen and others make them."""

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.scm import ssh
from app.scm.identity import pinned_keys, private_key

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPlm0WvhVJYYaDJPC2m1KZw2gHZ9e6q1k3i2cP1Z8T6k"
URL = "ssh://git@git.example.com/acme/web.git"


@pytest.mark.parametrize("options", [["-t", "ed25519"], ["-t", "ecdsa"], ["-t", "rsa"], ["-t", "rsa", "-m", "PEM"]])
def test_keys_of_ssh_keygen_are_taken_and_have_its_fingerprint(tmp_path: Path, options: list[str]) -> None:
    file = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-f", str(file), *options], check=True)
    told = subprocess.check_output(["ssh-keygen", "-l", "-f", str(file)], text=True).split()[1]

    key = private_key(f"\n{file.read_text()}\r\n")

    assert (key.fingerprint, key.type) == (told, (tmp_path / "key.pub").read_text().split()[0])
    file.write_text(key.text)
    assert told in subprocess.check_output(["ssh-keygen", "-l", "-f", str(file)], text=True)
    assert subprocess.check_output(["ssh-keygen", "-y", "-P", "", "-f", str(file)])
    assert key.text not in repr(key)


def test_keys_that_ssh_could_not_read_become_keys_that_it_can() -> None:
    """PKCS #8 is what other programs write, and ssh reads it of some kinds of keys alone."""
    made = ed25519.Ed25519PrivateKey.generate()

    assert private_key(_pem(made)).text.startswith("-----BEGIN OPENSSH PRIVATE KEY-----\n")


def _pem(key: "ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | dsa.DSAPrivateKey | ec.EllipticCurvePrivateKey") -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _locked(tmp_path: Path) -> str:
    subprocess.run(
        ["ssh-keygen", "-q", "-N", "a passphrase", "-t", "ed25519", "-f", str(tmp_path / "locked")], check=True
    )
    return (tmp_path / "locked").read_text()


def test_other_keys_are_refused(tmp_path: Path) -> None:
    refused = {
        "passphrase": _locked(tmp_path),
        "2048 bits": _pem(rsa.generate_private_key(65537, 1024)),
        "Ed25519, ECDSA or RSA": _pem(dsa.generate_private_key(2048)),
        "curve": _pem(ec.generate_private_key(ec.SECP256K1())),
        "PEM": "not a key",
        "OpenSSH": "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----",
    }
    for words, text in refused.items():
        with pytest.raises(ValueError, match=words) as error:
            private_key(text)
        assert text not in str(error.value) or words == "PEM"


@pytest.mark.parametrize(
    ("line", "url"),
    [
        (f"git.example.com {ED25519}", URL),
        (f"Git.Example.com,10.0.0.7 {ED25519} a comment", URL),
        (f"*.example.com {ED25519}", URL),
        (f"@cert-authority *.example.com {ED25519}", URL),
        (f"[git.example.com]:2222 {ED25519}", "ssh://git@git.example.com:2222/acme/web.git"),
        (f"git.example.com {ED25519}", "ssh://git@git.example.com:22/acme/web.git"),
    ],
)
def test_lines_of_the_host_are_pinned(line: str, url: str) -> None:
    assert pinned_keys(f"# git.example.com:22 SSH-2.0\n\n{line}\r\n", url) == f"{line}\n"


def test_hashed_names_are_known(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"git.example.com {ED25519}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(file)], check=True, capture_output=True)
    assert file.read_text().startswith("|1|")

    assert pinned_keys(file.read_text(), URL) == file.read_text()
    with pytest.raises(ValueError, match="a line for other"):
        pinned_keys(file.read_text(), "ssh://git@other.example.com/x")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a line for git.example.com"),
        (f"other.example.com {ED25519}", "a line for git.example.com"),
        (f"@revoked git.example.com {ED25519}", "a line for git.example.com"),
        ("git.example.com", "no host key"),
        ("git.example.com ssh-ed25519 !!!", "no host key"),
        ("git.example.com ssh-rsa " + ED25519.split()[1], "no host key"),
        (f"git.example.com {ED25519}\x1b[31m", "no host key"),
        (f"git.example.com {ED25519}\n" * 101, "100 lines"),
        ("x" * 70_000, "characters"),
    ],
)
def test_what_pins_no_key_of_the_host_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        pinned_keys(text, URL)


def test_ssh_is_called_with_one_key_and_its_pinned_keys_alone() -> None:
    told = ssh.command_of("/a b/%h")

    assert told.startswith("ssh -F /dev/null -o BatchMode=yes ")
    for option in ("StrictHostKeyChecking=yes", "IdentitiesOnly=yes", "IdentityAgent=none"):
        assert f" -o {option} " in told
    assert "'IdentityFile=\"/a b/%%h/key\"'" in told
    assert "'UserKnownHostsFile=\"/a b/%%h/known_hosts\"'" in told
