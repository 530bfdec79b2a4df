"""The item table: what stands behind a row, for one thread or for many."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from likebut.indexes.items import GROUP_ROWS, Item, ItemTable, write_items

COUNT = 8 * GROUP_ROWS


def test_many_threads_may_ask_one_table() -> None:
    items = (Item(n, f"{n:07d}", f"/g/{n:07d}", f"{n:064x}") for n in range(COUNT))
    table = ItemTable(b"".join(write_items(items)))

    def ask(seed: int) -> bool:
        rows = random.Random(seed).sample(range(COUNT), 6)
        found = [item.id for item in table.items(rows)] == [f"{row:07d}" for row in rows]
        return found and all(table.rows_where("id", f"{row:07d}") == [row] for row in rows)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(24)))


def test_what_was_found_once_is_found_again_and_what_is_not_there_never() -> None:
    items = [Item(n, f"{n}", f"/g/{n}", f"{n % 2:064x}") for n in range(4)]
    table = ItemTable(b"".join(write_items(items)))
    for _ in range(2):
        assert table.rows_where("content_hash", (1).to_bytes(32)) == [1, 3]
        assert table.rows_where("id", "nothing") == []
    table.rows_where("id", "2").clear()
    assert table.rows_where("id", "2") == [2]


@pytest.mark.parametrize("count", [0, 1, GROUP_ROWS, 3 * GROUP_ROWS + 1])
def test_a_table_is_written_a_row_group_at_a_time_and_read_as_it_was(count: int) -> None:
    asked = 0

    def items() -> Iterator[Item]:
        nonlocal asked
        for asked in range(1, count + 1):
            odd = "\udcff" if asked % 1000 == 7 else ""
            yield Item(asked - 1, f"{asked:07d}", f"/g/{asked}{odd}", f"{asked:064x}", size=asked)

    parts, seen = [], []
    for part in write_items(items()):
        parts.append(part)
        seen.append(asked)
    assert seen[0] <= 2 * GROUP_ROWS
    assert list(ItemTable(b"".join(parts)).all()) == list(items())
