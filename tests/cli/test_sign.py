import json
from pathlib import Path

import pytest

from app.pipeline.signature import sign, verify
from tests.cli.conftest import Gantry
from tests.cli.farside import FarSide, answer

SLUG = "octocat/hello-world"
SIGN = f"/api/repos/{SLUG}/sign"
KEY = "0123456789abcdef0123456789abcdef"
TEXT = "# ours\nkind: pipeline\r\nname: é\n"
HMAC = sign(TEXT, KEY)


@pytest.fixture(autouse=True)
def signs(far: FarSide) -> None:
    far.on("POST", SIGN, answer({"data": HMAC}))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / ".drone.yml"
    path.write_bytes(TEXT.encode())
    return path


def test_the_hmac_is_printed_and_the_file_stays(gantry: Gantry, far: FarSide, file: Path) -> None:
    done = gantry("sign", SLUG)

    assert (done.returncode, done.stdout) == (0, f"{HMAC}\n")
    assert far.asked[0].body == {"data": TEXT}
    assert file.read_bytes() == TEXT.encode()
    assert json.loads(gantry("sign", SLUG, "--json").stdout) == {"data": HMAC}


def test_a_saved_file_verifies_and_keeps_its_place_and_permissions(gantry: Gantry, file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "ci"
    folder.mkdir()
    real = folder / "pipeline.yml"
    file.rename(real)
    real.chmod(0o640)
    file.symlink_to(real)

    done = gantry("sign", SLUG, "--save")

    assert (done.returncode, done.stdout) == (0, "signed: .drone.yml\n")
    assert real.read_text() == f"---\n# ours\nkind: pipeline\nname: é\n---\nkind: signature\nhmac: {HMAC}\n\n...\n"
    assert verify(real.read_text(), KEY)
    assert file.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert list(folder.iterdir()) == [real]


def test_to_sign_a_signed_file_changes_nothing(gantry: Gantry, file: Path) -> None:
    gantry("sign", SLUG, ".drone.yml", "--save")
    once = file.read_bytes()

    assert gantry("sign", SLUG, str(file), "--save").returncode == 0
    assert file.read_bytes() == once


def test_a_refusal_leaves_the_file(gantry: Gantry, far: FarSide, file: Path) -> None:
    far.on("POST", SIGN, answer({"message": "line 2: yaml: no"}, 400))

    done = gantry("sign", SLUG, "--save")

    assert (done.returncode, done.stderr) == (1, f"Error: line 2: yaml: no (400: POST {SIGN})\n")
    assert file.read_bytes() == TEXT.encode()


@pytest.mark.parametrize(
    ("name", "text"), [("a.star", "def main(ctx): pass"), ("b.jsonnet", "{}"), ("c.yml", "kind: template\n")]
)
def test_what_is_converted_first_cannot_be_signed(
    gantry: Gantry, far: FarSide, tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)

    done = gantry("sign", SLUG, name)

    assert (done.returncode, far.asked) == (1, [])
    assert "only plain YAML can be signed" in done.stderr


def test_a_file_that_cannot_be_read_is_named(gantry: Gantry, far: FarSide, tmp_path: Path) -> None:
    (tmp_path / "latin.yml").write_bytes(b"name: \xe9\n")

    assert "cannot read .drone.yml: " in gantry("sign", SLUG).stderr
    assert "latin.yml is not UTF-8 text: save it as UTF-8" in gantry("sign", SLUG, "latin.yml").stderr
    assert far.asked == []
