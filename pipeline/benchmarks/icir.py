"""i-CIR (Psomas et al., NeurIPS 2025): the very object of the reference, changed as a text says.

Every object ("instance") has a database of its own: pictures that show it as some text says, and hard
negatives. What is right is what the database lists under the query's instance and text.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ..errors import InputError
from .reading import complete, first_folder, read_rows
from .records import Benchmark, Case, Item, Protocol

SPLITS = ("all",)
FOLDER = "icir"
EXPECTED = {"queries": 1883}
METRICS = ("mAP", "groups:mmAP", "groups:minmAP", "Recall@1")


class _Row(NamedTuple):
    """One line of a list: a picture, the text it goes with, and its instance."""

    id: str
    text: str
    instance: str


def protocol() -> Protocol:
    """The official numbers: over whole databases, the mean over queries and over instances."""
    return Protocol(
        name="icir/all",
        version=1,
        gallery="the database of the query's instance",
        exclude_reference=False,
        modification="the text query as it is",
        correct="pictures listed under the query's instance and text; mAP by trapezoids, over all places",
        metrics=METRICS,
        own_galleries=True,
    )


def load(
    data: Path, split: str = "all", *, allow_missing: bool = False, annotations_only: bool = False
) -> Benchmark:
    """Read the two lists (in ``icir/``, ``icir/annotations/``, or ``data`` itself) and the pictures that
    they name, relative to the folder that holds ``icir/``, or to ``icir/``. Raises InputError."""
    home = first_folder(data / FOLDER, data)
    lists = first_folder(home / "annotations", home)
    asked = _listed(lists / "query_files.csv")
    listed = _listed(lists / "database_files.csv")
    databases: dict[str, dict[str, None]] = {}  # in order, each picture once
    right: dict[tuple[str, str], dict[str, None]] = {}
    for row in listed:
        databases.setdefault(row.instance, {})[row.id] = None
        right.setdefault((row.instance, row.text), {})[row.id] = None
    subsets = {instance: tuple(pictures) for instance, pictures in databases.items()}
    cases = []
    for number, row in enumerate(asked):
        correct = tuple(right.get((row.instance, row.text), ()))
        if not correct:
            raise InputError(
                f"{lists / 'query_files.csv'}, line {number + 1}: nothing in the database fits"
            )
        cases.append(
            Case(str(number), row.id, row.text, correct, correct, subsets[row.instance], (row.instance,))
        )
    names = dict.fromkeys(row.id for row in (*listed, *asked))
    items = tuple(Item(name, _picture(home, name)) for name in names)
    whole = Benchmark("icir", split, protocol(), tuple(cases), items)
    return complete(whole, EXPECTED, allow_missing=allow_missing, annotations_only=annotations_only)


def _listed(path: Path) -> list[_Row]:
    """The rows of a list: path, text, instance, without a header. Raises InputError."""
    return [_Row(*row[:3]) for row in read_rows(path, 3)]


def _picture(home: Path, name: str) -> Path:
    """The official lists begin their paths with the data set's folder."""
    return home / name.removeprefix(f"{FOLDER}/")
