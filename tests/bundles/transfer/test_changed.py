"""Files of exported versions that were changed, cut off, or made to do harm: all of them are refused."""

import asyncio
import base64
import tarfile
import tracemalloc
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.bundles.signing import dsse, statements
from app.bundles.signing.signer import Signer, new_key
from app.bundles.transfer import contents, reading, tar
from app.errors import Invalid
from tests.bundles.transfer import made
from tests.bundles.transfer.scene import member

KEY, OTHER = (Signer(name, new_key("ED25519")) for name in ("test", "other"))
FILES = {"a.txt": b"of a", "b/c": b""}
A, EMPTY = (contents.blob(made.artifact("x", data).sha256) for data in FILES.values())
Parts = list[tuple[str, bytes]]


async def read(data: bytes, size: int = 1000) -> reading.Opened:
    """Read and verify a whole file, which comes in parts of a size."""
    opened = await reading.opened(parts(data, size), {KEY.keyid: KEY.key.public})
    await opened.blobs(reading.hashed)
    return opened


async def refused(data: bytes) -> str:
    """Why a file is refused."""
    with pytest.raises(Invalid) as error:
        await read(data)
    return error.value.message


async def parts(data: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]
    yield b""


def whole() -> Parts:
    signed = made.envelope(KEY, *(made.artifact(path, data) for path, data in FILES.items()))
    return [*made.texts(KEY, signed), *made.blobs(FILES)]


@pytest.mark.parametrize("size", [1, 511, 512, 513, 10**6])
async def test_a_file_is_read_however_it_is_cut_into_parts(size: int) -> None:
    opened = await read(made.joined(whole()), size)

    assert (opened.manifest.name, opened.manifest.version) == ("shop", "1.0")
    assert opened.manifest.blobs() == {A.removeprefix("blobs/"): 4, EMPTY.removeprefix("blobs/"): 0}
    assert [(stated.kind, stated.at, stated.by) for stated in opened.statements] == [("create", made.NOW, "ada")]
    assert opened.keyids == (KEY.keyid,)


async def test_no_byte_can_be_changed() -> None:
    data, passed = made.joined(whole()), []
    for at in range(0, len(data), 7):
        changed = bytearray(data)
        changed[at] ^= 1
        try:
            await read(bytes(changed))
        except Invalid:
            continue
        passed.append(at)

    assert passed == []


async def test_no_end_can_be_cut_off() -> None:
    data = made.joined(whole())
    for length in range(0, len(data) - 1, 97):
        assert await refused(data[:length])
    assert "cut off" in await refused(data[:-1])
    assert "cut off" in await refused(data[:-512])


WHOLE = made.joined(whole())
places = st.integers(0, len(WHOLE) - 1)
changes = st.one_of(
    st.builds(lambda at, byte: WHOLE[:at] + bytes([byte]) + WHOLE[at + 1 :], places, st.integers(0, 255)),
    st.builds(lambda at: WHOLE[:at], places),
    st.builds(lambda at, count: WHOLE[:at] + WHOLE[at + count :], places, st.integers(1, 2000)),
    st.builds(lambda at, more: WHOLE[:at] + more + WHOLE[at:], places, st.binary(min_size=1, max_size=600)),
    st.builds(lambda at, count: WHOLE[:at] + bytes(count) + WHOLE[at:], places, st.sampled_from([1, 511, 512, 1024])),
    st.builds(lambda at, count: WHOLE[: at + count] + WHOLE[at:], places, st.sampled_from([1, 512, 1024, 2048])),
    st.builds(lambda one, two: WHOLE[:one] + WHOLE[two:], places, places),
)


@settings(max_examples=500)
@given(changes)
def test_what_was_changed_is_refused_or_is_the_same_version(data: bytes) -> None:
    try:
        opened = asyncio.run(read(data))
    except Invalid:
        return
    assert data.rstrip(b"\0") == WHOLE.rstrip(b"\0")  # more or fewer zeros at the end
    assert [stated.envelope.encode() for stated in opened.statements] == [whole()[0][1]]


def without(name: str) -> Parts:
    return [part for part in whole() if part[0] != name]


def before(name: str, *more: tuple[str, bytes]) -> Parts:
    at = [part[0] for part in whole()].index(name)
    return [*whole()[:at], *more, *whole()[at:]]


def instead(name: str, data: bytes) -> Parts:
    return [(name, data) if part[0] == name else part for part in whole()]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        pytest.param(without(contents.MANIFEST), "manifest.json is due", id="no manifest"),
        pytest.param(without(contents.EVIDENCE), "evidence.json is due", id="no evidence"),
        pytest.param(without(contents.KEYS), "keys.json is due", id="no keys"),
        pytest.param(without(A), "1 blobs of the manifest are missing", id="a blob is missing"),
        pytest.param(whole()[::-1], "manifest.json is due", id="another order"),
        pytest.param(before(A, ("blobs/" + "0" * 64, b"x")), "not in the manifest", id="a blob too many"),
        pytest.param(before(A, (A, b"of a")), "there twice", id="a blob twice"),
        pytest.param(before(A, ("../evil", b"x")), "'../evil' is not in the manifest", id="leads out"),
        pytest.param(before(A, ("/etc/passwd", b"x")), "'/etc/passwd' is not in the manifest", id="absolute"),
        pytest.param(before(A, (f"./{A}", b"of a")), "is not in the manifest", id="another name of a blob"),
        pytest.param(before(contents.EVIDENCE, ("evil", b"x")), "evidence.json is due", id="among the texts"),
        pytest.param(instead(A, b"OF A"), "were changed", id="other bytes"),
        pytest.param(instead(A, b"of a and more"), "has 13 bytes, and the manifest says 4", id="more bytes"),
        pytest.param(instead(contents.EVIDENCE, b"[]"), "0 statements", id="no statement"),
        pytest.param(instead(contents.EVIDENCE, b"{}"), "no list", id="evidence is no list"),
        pytest.param(instead(contents.EVIDENCE, b'["{}"]'), "the statement 1", id="a statement without anything"),
        pytest.param(instead(contents.EVIDENCE, b"\xff"), "no JSON", id="evidence is no JSON"),
        pytest.param(instead(contents.MANIFEST, b"{}"), "not to be trusted", id="manifest is no envelope"),
        pytest.param(instead(contents.KEYS, b"1"), "no list of public keys", id="keys are no list"),
        pytest.param(instead(contents.KEYS, b'[{"public_key":"x"}]'), "no list of public keys", id="keys are no keys"),
    ],
)
async def test_what_does_not_belong_to_the_version_is_refused(found: Parts, words: str) -> None:
    assert words in await refused(made.joined(found))


def behind(*members: tarfile.TarInfo, data: bytes = b"") -> bytes:
    """A file with entries of other kinds behind its texts."""
    return made.joined(whole()[:3])[: -len(tar.END)] + b"".join(each.tobuf() for each in members) + data


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(behind(member("evil", type=tarfile.SYMTYPE, linkname="/etc/passwd")), "a link", id="symlink"),
        pytest.param(behind(member("evil", type=tarfile.LNKTYPE, linkname=A)), "a link", id="hard link"),
        pytest.param(behind(member("evil", type=tarfile.CHRTYPE)), "a device", id="device"),
        pytest.param(behind(member("evil", type=tarfile.FIFOTYPE)), "a device", id="pipe"),
        pytest.param(behind(member("blobs", type=tarfile.DIRTYPE)), "a folder", id="folder"),
        pytest.param(behind(member(A, type=tarfile.GNUTYPE_SPARSE, size=4)), "sparse", id="sparse"),
        pytest.param(behind(member(A, type=tarfile.CONTTYPE, size=4)), "plain files only", id="contiguous"),
        pytest.param(behind(member("x", type=tarfile.XHDTYPE, size=2**33)), "extends another", id="pax bomb"),
        pytest.param(behind(member("x", type=tarfile.XGLTYPE, size=2**33)), "extends another", id="global pax bomb"),
        pytest.param(behind(member("x", type=tarfile.GNUTYPE_LONGNAME, size=2**33)), "extends another", id="long name"),
        pytest.param(behind(data=tar.header(A, 2**60)), "impossible size", id="impossible size"),
        pytest.param(behind(data=tar.header(A, 5 * 10**13)), "the manifest says 4", id="more than was signed"),
        pytest.param(behind(member(A, size=4, mode=0o777)), "not as an export makes it", id="another mode"),
        pytest.param(behind(data=b"\1" * 512), "damaged", id="no header"),
        pytest.param(made.joined(whole()) + b"x", "after the end", id="something behind"),
        pytest.param(made.joined(whole()) + bytes(2 * 1024**2), "after the end", id="zeros without end"),
        pytest.param(tar.header(contents.MANIFEST, 2**40), "at most", id="a manifest without end"),
        pytest.param(b"", "cut off", id="nothing"),
        pytest.param(b"PK\3\4" + bytes(600), "no tar", id="zip"),
        pytest.param(b"\x1f\x8b" + bytes(600), "no tar", id="gzip"),
    ],
)
async def test_a_tar_that_an_export_does_not_make_is_refused(data: bytes, words: str) -> None:
    assert words in await refused(data)


async def test_zeros_up_to_the_block_of_tar_programs_are_no_harm() -> None:
    data = made.joined(whole())

    assert await read(data + bytes(-len(data) % tarfile.RECORDSIZE))


async def test_a_key_that_only_lies_in_the_file_proves_nothing() -> None:
    signed = made.envelope(OTHER, made.artifact("a.txt", b"of a"))

    words = await refused(made.joined([*made.texts(OTHER, signed), *made.blobs({"a.txt": b"of a"})]))

    assert words.startswith("manifest.json is not to be trusted")
    assert OTHER.keyid in words


LISTS = b"[" + b"[]," * 1_500_000 + b"[]]"
NUMBERS = b"[" + b"1.5," * 1_500_000 + b"1.5]"


def unsigned(payload: bytes) -> bytes:
    """An envelope around a payload, with a signature that is none."""
    signature = {"keyid": KEY.keyid, "sig": base64.b64encode(bytes(64)).decode()}
    envelope = {"payloadType": dsse.PAYLOAD_TYPE, "payload": base64.b64encode(payload).decode()}
    return orjson.dumps({**envelope, "signatures": [signature]})


async def test_a_signed_source_that_nests_too_deep_is_refused() -> None:
    artifact = made.artifact("a", b"x")
    statement = statements.manifest("release-bundles-v2", made.BUNDLE, [artifact], {1: {}})
    deep = b'"source":{"a":' + b"[" * 500 + b"]" * 500 + b"}"
    payload = orjson.dumps(statement).replace(b'"source":{"builds":[]}', deep)
    signature = {"keyid": KEY.keyid, "sig": base64.b64encode(KEY.sign([dsse.to_sign(payload)])).decode()}
    envelope = orjson.loads(unsigned(payload)) | {"signatures": [signature]}

    assert "source: nests too deep" in await refused(made.joined(made.texts(KEY, orjson.dumps(envelope).decode())))


@pytest.mark.parametrize("bomb", [LISTS, NUMBERS], ids=["lists", "numbers"])
@pytest.mark.parametrize(
    ("made_of", "times"),
    [
        pytest.param(lambda bomb: instead(contents.MANIFEST, bomb), 6, id="manifest"),
        pytest.param(lambda bomb: instead(contents.MANIFEST, b'{"payload":' + bomb + b"}"), 6, id="envelope"),
        pytest.param(lambda bomb: instead(contents.EVIDENCE, bomb), 6, id="evidence"),
        # the parser of JSON takes 12 times the memory of a text, and gives it back
        pytest.param(lambda bomb: instead(contents.MANIFEST, unsigned(bomb)), 22, id="unsigned manifest"),
        pytest.param(
            lambda bomb: instead(contents.EVIDENCE, contents.evidence([unsigned(bomb).decode()])),
            22,
            id="unsigned evidence",
        ),
    ],
)
async def test_what_nobody_has_signed_is_not_made_objects_of(
    made_of: Callable[[bytes], Parts], times: int, bomb: bytes
) -> None:
    data = made.joined(made_of(bomb))
    tracemalloc.start()
    try:
        with pytest.raises(Invalid):
            await reading.opened(parts(data, 1024**2), {KEY.keyid: KEY.key.public})
        assert tracemalloc.get_traced_memory()[1] < times * len(bomb)
    finally:
        tracemalloc.stop()


def signed(*paths: str, **changed: Any) -> Callable[[], bytes]:
    return lambda: made.joined(
        made.texts(KEY, made.envelope(KEY, *(made.artifact(path, b"x") for path in paths), **changed))
    )


def described(path: str = "a", **changed: Any) -> Sequence[dict[str, Any]]:
    said = {"path": path, "checksum": "0" * 64, "source_repository_key": "dev", "package_type": "generic", "size": 1}
    return [{**said, "properties": [], **changed}]


@pytest.mark.parametrize(
    ("made_file", "words"),
    [
        pytest.param(signed("../a"), "'..'", id="path leads out"),
        pytest.param(signed("a//b"), "a slash around it", id="name without characters"),
        pytest.param(signed("a\0b"), "NUL", id="NUL"),
        pytest.param(signed("n" * 300), "300 bytes", id="long name"),
        pytest.param(signed("a", "a"), "two artifacts", id="a path twice"),
        pytest.param(signed("a", "a/b"), "'a/b' is below", id="below a file"),
        pytest.param(signed(), "artifacts", id="no artifact"),
        pytest.param(signed("a", artifacts=described()), "subjects are not its artifacts", id="other subjects"),
        pytest.param(signed("a", artifacts=described(size=-1)), "artifacts.0.size", id="negative size"),
        pytest.param(signed("a", artifacts=described(size="1")), "artifacts.0.size", id="size is a text"),
        pytest.param(signed("a", artifacts=described(checksum="A" * 64)), "artifacts.0.checksum", id="no digest"),
        pytest.param(signed("a", artifacts=described(package_type="../x")), "package_type", id="type leads out"),
        pytest.param(
            signed("a", artifacts=described(properties=[{"key": "a/b", "values": ["x"]}])), "forbidden", id="bad key"
        ),
        pytest.param(
            signed("a", artifacts=described(properties=[{"key": "k", "values": ["x"]}] * 2)), "twice", id="key twice"
        ),
        pytest.param(
            signed("a", release_bundle={"release_bundle_name": "../x", "release_bundle_version": "1"}),
            "no name",
            id="name leads out",
        ),
    ],
)
async def test_a_right_signature_does_not_make_a_manifest_right(made_file: Callable[[], bytes], words: str) -> None:
    assert words in await refused(made_file())


async def test_two_sizes_of_the_same_bytes_are_refused() -> None:
    signed = made.envelope(KEY, made.artifact("a", b"x"), made.artifact("b", b"x", size=2))

    assert "two sizes" in await refused(made.joined(made.texts(KEY, signed)))
