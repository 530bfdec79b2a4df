"""The item table: what stands behind a row, for one thread or for many."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

from likebut.indexes.items import GROUP_ROWS, Item, ItemTable, write_items

COUNT = 8 * GROUP_ROWS


def test_many_threads_may_ask_one_table() -> None:
    (data,) = map(
        bytes, write_items([Item(n, f"{n:07d}", f"/g/{n:07d}", f"{n:064x}") for n in range(COUNT)])
    )
    table = ItemTable(data)

    def ask(seed: int) -> bool:
        rows = random.Random(seed).sample(range(COUNT), 6)
        found = [item.id for item in table.items(rows)] == [f"{row:07d}" for row in rows]
        return found and all(table.rows_where("id", f"{row:07d}") == [row] for row in rows)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(24)))


def test_what_was_found_once_is_found_again_and_what_is_not_there_never() -> None:
    (data,) = map(bytes, write_items([Item(n, f"{n}", f"/g/{n}", f"{n % 2:064x}") for n in range(4)]))
    table = ItemTable(data)
    for _ in range(2):
        assert table.rows_where("content_hash", (1).to_bytes(32)) == [1, 3]
        assert table.rows_where("id", "nothing") == []
    table.rows_where("id", "2").clear()
    assert table.rows_where("id", "2") == [2]
