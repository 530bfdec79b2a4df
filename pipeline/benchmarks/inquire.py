"""INQUIRE (Vendrow et al., NeurIPS 2024): sentences of naturalists over pictures of iNaturalist 2024.

There is no reference. Full ranking searches all pictures of ``inat24/train``; re-ranking has a gallery
of a hundred pictures for each query (``inquire_rerank.csv``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from ..errors import InputError
from .reading import check_ids, complete, first_folder, read_csv
from .records import Benchmark, Case, Item, Protocol

SPLITS = ("val", "test", "rerank-val", "rerank-test")
EXPECTED = {"val": {"queries": 50}, "test": {"queries": 200}, "rerank-val": {}, "rerank-test": {}}
PICTURES = (".jpg", ".jpeg", ".png", ".webp")


def protocol(split: str) -> Protocol:
    """The official numbers: at 50 over all pictures, at 100 within a query's own gallery."""
    own = split.startswith("rerank-")
    k = 100 if own else 50
    metrics = (f"mAP@{k}", f"nDCG@{k}", f"MRR@{k}")
    return Protocol(
        name=f"inquire/{split}",
        version=1,
        gallery="the query's own hundred pictures" if own else "all pictures of inat24/train",
        exclude_reference=False,
        modification="the query as it is, without a reference",
        correct="all relevant pictures" + (" of the hundred" if own else ", also those not retrieved"),
        metrics=metrics if own else (*metrics, f"precision@{k}"),
        own_galleries=own,
    )


def load(
    data: Path, split: str = "val", *, allow_missing: bool = False, annotations_only: bool = False
) -> Benchmark:
    """Read ``inquire/`` (or ``data`` itself) and the pictures below ``inat24/``. Raises InputError."""
    folder = first_folder(data / "inquire", data)
    read = _reranking if split.startswith("rerank-") else _full
    cases, items = read(folder, data / "inat24", split, annotations_only)
    check_ids(cases, folder)
    whole = Benchmark("inquire", split, protocol(split), cases, items)
    return complete(whole, EXPECTED[split], allow_missing=allow_missing, annotations_only=annotations_only)


def _full(
    folder: Path, pictures: Path, split: str, annotations_only: bool
) -> tuple[tuple[Case, ...], tuple[Item, ...]]:
    relevant: dict[str, list[str]] = {}
    for row in read_csv(folder / "inquire_annotations.csv", ("query_id", "image_path")):
        relevant.setdefault(row["query_id"], []).append(_id(row["image_path"]))
    cases = []
    for row in read_csv(folder / f"inquire_queries_{split}.csv", ("query_id", "query_text")):
        right = tuple(dict.fromkeys(relevant.get(row["query_id"], ())))
        cases.append(_case(row["query_id"], row["query_text"], right, row))
    if annotations_only:
        return tuple(cases), ()
    train = pictures / "train"
    if not train.is_dir():
        raise InputError(f"no pictures in {train}", "put iNat24's train/ there, or a part of it")
    files = (path for path in sorted(train.rglob("*")) if path.suffix.lower() in PICTURES)
    return tuple(cases), tuple(Item(_id(path.relative_to(pictures).as_posix()), path) for path in files)


def _reranking(
    folder: Path, pictures: Path, split: str, annotations_only: bool
) -> tuple[tuple[Case, ...], tuple[Item, ...]]:
    """Rows of query, picture and whether it is relevant, of all queries of a split."""
    asked = read_csv(
        folder / f"inquire_queries_{split.removeprefix('rerank-')}.csv", ("query_id", "query_text")
    )
    galleries: dict[str, list[tuple[str, bool]]] = {}
    items: dict[str, Item] = {}
    for row in read_csv(folder / "inquire_rerank.csv", ("query", "inat24_file_name", "relevant")):
        ident = _id(row["inat24_file_name"])
        good = row["relevant"].strip().lower() in ("1", "true")
        galleries.setdefault(row["query"], []).append((ident, good))
        items[ident] = Item(ident, pictures / "train_rerank" / f"{ident.removeprefix('train/')}.jpg")
    cases = []
    for row in asked:
        gallery = dict(galleries.get(row["query_text"], ()))
        right = tuple(ident for ident, good in gallery.items() if good)
        cases.append(_case(row["query_id"], row["query_text"], right, row, tuple(gallery)))
    return tuple(cases), tuple(items.values())


def _case(
    ident: str, text: str, right: tuple[str, ...], row: Mapping[str, str], subset: tuple[str, ...] = ()
) -> Case:
    kinds = tuple(row[name] for name in ("supercategory", "iconic_group") if row.get(name))
    return Case(ident, "", text, right, right, subset, aspects=kinds)


def _id(path: str) -> str:
    """A picture's path below inat24, without its ending, which the official files have or not."""
    pure = PurePosixPath(path)
    plain = str(pure.with_suffix("")) if pure.suffix.lower() in PICTURES else str(pure)
    return plain if plain.startswith("train/") else f"train/{plain}"
