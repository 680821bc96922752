"""The files of the pages are kept for ever by browsers, and are what the pages say they are."""

import base64
import gzip
import hashlib
import re

import pytest

from app.ui import assets
from app.ui.assets import all_of_them
from tests.ui.farside import Place

NAMES = sorted(all_of_them())


@pytest.mark.parametrize("name", NAMES)
async def test_a_file_is_at_the_address_of_its_content(place: Place, name: str) -> None:
    asset = all_of_them()[name]

    plain = await place.client.get(asset.address, headers={"Accept-Encoding": "identity"})
    packed = await place.client.get(asset.address, headers={"Accept-Encoding": "gzip"})

    assert plain.content == packed.content == gzip.decompress(asset.text.packed)
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert plain.headers["content-type"].partition(";")[0] in ("text/css", "text/javascript", "image/svg+xml")
    assert f"/{hashlib.sha256(plain.content).hexdigest()[:16]}/" in asset.address
    assert asset.integrity == "sha384-" + base64.b64encode(hashlib.sha384(plain.content).digest()).decode()


@pytest.mark.parametrize(
    "path",
    [
        *["/-/static/0000000000000000/gantry.css", "/-/static/x/../../../../etc/passwd", "/-/static/gantry.css"],
        *["/-/static/static/gantry.css", f"{all_of_them()['gantry.css'].address}/x", "/-/static/-/gantry.css"],
    ],
)
async def test_another_address_is_no_file(place: Place, path: str) -> None:
    assert (await place.client.get(path)).status_code in (401, 404)


def test_no_file_asks_another_host_for_anything() -> None:
    for name, asset in all_of_them().items():
        text = re.sub(
            r"http://www\.w3\.org/(2000/svg|1999/xhtml)", "", asset.text.plain.decode()
        )  # names, not addresses
        assert not [word for word in ("http:", "https:", "@import") if word in text], name


async def test_pages_name_the_style_sheet_with_its_hash(place: Place) -> None:
    asset = all_of_them()["gantry.css"]

    assert f'href="{asset.address}" integrity="{asset.integrity}"' in (await place.page("/")).html


def test_a_script_imports_others_from_their_addresses_and_the_page_names_their_hashes() -> None:
    text = assets.asset("log.js").text.plain.decode()

    assert f'from "{assets.asset("lines.js").address}";' in text
    assert not re.findall(r'from "\.', text)


async def test_the_page_of_a_log_names_every_script_that_it_needs_with_its_hash(place: Place) -> None:
    await place.scene.push()
    html = (await place.page("/octocat/hello/1")).html

    for name in ("ansi.js", "lines.js", "log.js", "windows.js"):
        assert f'{assets.asset(name).address}"' in html
        assert f'integrity="{assets.asset(name).integrity}"' in html
