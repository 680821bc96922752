"""The chain: rows are sealed once, in an order without gaps, and whatever is changed afterwards is found."""

import asyncio
import hashlib
import json
from dataclasses import replace

import pytest

from app.audit import chain
from app.audit.canonical import entry_json, hash_of
from app.audit.model import Entry, Head
from app.audit.store import MAPPER
from app.db import records, schema
from app.db.connect import Database
from app.db.tx import run
from tests.audit.farside import NOW, change, entries, execute, record, sealed


async def test_rows_are_sealed_in_their_order_without_a_gap(db: Database) -> None:
    await sealed(db, 5)

    rows = await entries(db)
    assert [row.seq for row in rows] == [1, 2, 3, 4, 5]
    assert [row.previous for row in rows] == ["", *(row.hash for row in rows[:-1])]
    assert await db.write(chain.seal()) == 0


async def test_anybody_can_check_a_hash_with_the_documented_form(db: Database) -> None:
    odd = {"text": '\u00e9\u2028\U0001f600 " \\ / <&> \x00\x1f\x7f\n', "n": 2**53, "yes": True, "none": None, "a": [1]}
    await record(db, change(subject="octocat/h\u00e9llo", before={"z": 1, "a": 2}, after=odd))
    await db.write(chain.seal())

    row = json.loads(json.dumps(entry_json((await entries(db))[0])))
    said = row.pop("hash")
    text = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(text.encode()).hexdigest() == said


async def test_a_batch_is_bounded_and_the_next_goes_on(db: Database) -> None:
    await record(db, *(change() for _ in range(5)))

    assert [await db.write(chain.seal(2)) for _ in range(4)] == [2, 2, 1, 0]
    assert (await chain.verify(db)).holds == 5


async def test_a_row_whose_lower_id_comes_late_is_sealed_later(db: Database) -> None:
    await record(db, change(), change())
    late = (await entries(db))[0]
    await execute(db, f"DELETE FROM audit WHERE id = {late.id}")
    await db.write(chain.seal())
    columns = schema.insert_sql(records.audit, "").replace("(at,", "(id, at,").replace("(:at,", "(:id, :at,")
    await db.write(run(columns, id=late.id, **MAPPER.values(late)))
    await db.write(chain.seal())

    assert [row.seq for row in await entries(db)] == [2, 1]
    assert (await chain.verify(db)).broken is None


async def test_of_several_who_seal_at_one_moment_each_goes_on_where_the_other_stopped(db: Database) -> None:
    await record(db, *(change() for _ in range(40)))

    await asyncio.gather(*(db.write(chain.seal(10)) for _ in range(6)))

    verdict = await chain.verify(db)
    assert (verdict.holds, verdict.unsealed, verdict.broken) == (40, 0, None)


async def test_an_empty_record_holds(db: Database) -> None:
    assert await chain.verify(db) == chain.Verdict(0, Head(), 0, None)


async def test_what_is_not_sealed_yet_is_counted(db: Database) -> None:
    await sealed(db, 2)
    await record(db, change())

    verdict = await chain.verify(db)
    assert (verdict.holds, verdict.unsealed, verdict.broken) == (2, 1, None)


async def test_each_row_is_counted_once_while_rows_are_sealed(db: Database) -> None:
    for rounds in range(1, 41):
        await record(db, *(change() for _ in range(3)))
        verdicts = asyncio.gather(*(chain.verify(db) for _ in range(8)))
        await db.write(chain.seal())
        for verdict in await verdicts:
            assert (verdict.holds + verdict.unsealed, verdict.broken) == (3 * rounds, None)


async def test_a_long_chain_is_walked_by_pages(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "PAGE", 3)
    await sealed(db, 10)

    assert (await chain.verify(db)).holds == 10
    await execute(db, "UPDATE audit SET verb = 'x' WHERE seq = 8")
    assert (await chain.verify(db)).holds == 7


@pytest.mark.parametrize("column", list(MAPPER.values(Entry(0, *([0] * 16)))))  # type: ignore[arg-type]
async def test_every_column_is_part_of_what_holds(db: Database, column: str) -> None:
    await sealed(db, 5)
    text = isinstance(getattr((await entries(db))[0], column), str)

    await execute(db, f"UPDATE audit SET {column} = {repr('{}x') if text else 70} WHERE seq = 3")

    verdict = await chain.verify(db)
    assert (verdict.holds, verdict.broken and verdict.broken.seq) == (2, 3)
    assert verdict.broken is not None
    assert verdict.broken.fault == ("missing" if column == "seq" else "changed")


SWAP = "UPDATE audit SET seq = {} WHERE seq = {}"
TAMPERED = {
    "changed": (["UPDATE audit SET after = '{\"n\":9}' WHERE seq = 2"], 2, "changed"),
    "missing": (["DELETE FROM audit WHERE seq = 2"], 2, "missing"),
    "the first missing": (["DELETE FROM audit WHERE seq = 1"], 1, "missing"),
    "unsealed again": (["UPDATE audit SET seq = 0, previous = '', hash = '' WHERE seq = 4"], 4, "missing"),
    "two swapped": ([SWAP.format(90, 2), SWAP.format(2, 3), SWAP.format(3, 90)], 2, "changed"),
    "the last ones gone": (["DELETE FROM audit WHERE seq > 3"], 4, "cut"),
    "all gone": (["DELETE FROM audit"], 1, "cut"),
    "the remembered end changed": (["UPDATE audit_head SET hash = 'x'"], 5, "reordered"),
    "the remembered end set back": (["UPDATE audit_head SET seq = 3"], 4, "inserted"),
    "the remembered end gone": (["DELETE FROM audit_head"], 1, "inserted"),
}
COPY = "INSERT INTO audit ({}) SELECT {} FROM audit WHERE seq = 5"


@pytest.mark.parametrize("name", TAMPERED)
async def test_tampering_is_found_at_its_first_row(db: Database, name: str) -> None:
    statements, seq, fault = TAMPERED[name]
    await sealed(db, 5)

    for statement in statements:
        await execute(db, statement)

    broken = (await chain.verify(db)).broken
    assert broken is not None
    assert (broken.seq, broken.fault) == (seq, fault)
    assert f"row {seq}" in broken.message


@pytest.mark.parametrize(("seq", "holds"), [(6, 5), (-1, 0), (900, 5)])
async def test_a_row_put_in_is_found(db: Database, seq: int, holds: int) -> None:
    await sealed(db, 5)
    names = list(MAPPER.values((await entries(db))[0]))

    await execute(db, COPY.format(", ".join(names), ", ".join(str(seq) if n == "seq" else n for n in names)))

    verdict = await chain.verify(db)
    assert verdict.broken is not None
    assert (verdict.holds, verdict.broken.fault) == (holds, "inserted")


async def test_rows_that_were_sealed_anew_in_another_order_do_not_follow_each_other(db: Database) -> None:
    await sealed(db, 4)
    second, third = (await entries(db))[1:3]
    for entry, seq in ((third, 2), (second, 3)):
        moved = replace(entry, seq=seq)
        forged = replace(moved, hash=hash_of(moved))
        await execute(db, f"UPDATE audit SET seq = {90 + seq}, hash = '{forged.hash}' WHERE id = {entry.id}")
    await execute(db, "UPDATE audit SET seq = seq - 90 WHERE seq > 90")

    broken = (await chain.verify(db)).broken
    assert broken is not None
    assert (broken.seq, broken.fault) == (2, "reordered")
    assert broken.message.startswith(f"row 2 (id {third.id}, secret.create octocat/hello#secrets/key) does not follow")


async def test_without_its_end_the_chain_is_not_sealed_on(db: Database) -> None:
    await sealed(db, 1)
    await record(db, change(), at=NOW)
    await execute(db, "DELETE FROM audit_head")

    with pytest.raises(chain.NoHead, match="gantry audit verify"):
        await db.write(chain.seal())
