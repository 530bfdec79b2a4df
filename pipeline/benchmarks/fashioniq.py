"""FashionIQ (Wu et al., CVPR 2021): dress, shirt and toptee; two captions a query."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import ConfigError, did_you_mean
from .reading import complete, field, first_folder, read_json
from .records import Benchmark, Case, Item, Protocol
from .refined import refined

SPLITS = ("dress", "shirt", "toptee")
EXPECTED = {
    "dress": {"queries": 2017, "pictures": 3817},
    "shirt": {"queries": 2038, "pictures": 6346},
    "toptee": {"queries": 1961, "pictures": 5373},
}
METRICS = ("Recall@10", "Recall@50")
JOINS: dict[str, str] = {
    "and": '"first and second", each without .?, and spaces at its ends',
    "reversed": '"second and first", each without .?, and spaces at its ends',
    "both": '"first and second", and the mean vector of both orders where its words are scored',
}

GALLERIES = {
    "split": "the original split of the category (not the union of targets and candidates)",
    "val": "the targets and candidates of the category's queries alone: easier, for older papers",
}


def protocol(
    split: str,
    *,
    join: str = "and",
    exclude_reference: bool = False,
    gallery: str = "split",
    annotations: str = "",
) -> Protocol:
    """By category, the reference in the ranking, as the official scorer has it.

    Average the three categories for the headline number. The join "both" is that of SEARLE (Baldrati et
    al., ICCV 2023), for the words that are scored; a reasoner is asked about the first order.
    """
    variant = ("" if join == "and" else f"+{join}") + ("" if gallery == "split" else f"+{gallery}")
    variant += ("+refined" if annotations else "") + ("-reference" if exclude_reference else "")
    return Protocol(
        name=f"fashioniq/{split}{variant}",
        version=2,
        gallery=GALLERIES[gallery],
        exclude_reference=exclude_reference,
        modification=JOINS[join] + (f", of {Path(annotations).name}" if annotations else ""),
        correct="target",
        metrics=METRICS,
    )


def load(
    data: Path,
    split: str = "dress",
    *,
    allow_missing: bool = False,
    annotations_only: bool = False,
    exclude_reference: bool = False,
    join: str = "and",
    gallery: str = "split",
    annotations: str = "",
) -> Benchmark:
    """Read ``captions/``, ``image_splits/`` and ``images/`` (.png or .jpg).

    ``annotations`` names a file of CoLLM's refined captions (see ``refined``), of this category or all.

    Raises InputError, and ConfigError for a ``join`` or a ``gallery`` that is not there.
    """
    for what, name, known in (("join", join, JOINS), ("gallery", gallery, GALLERIES)):
        if name not in known:
            raise ConfigError(f"fashioniq has no {what} {name!r}", did_you_mean(name, list(known)))
    captions = data / "captions" / f"cap.{split}.val.json"
    splits = data / "image_splits" / f"split.{split}.val.json"
    rows = read_json(captions, list, "captions")
    asked = dict(enumerate(rows))
    names, expected = read_json(splits, list, "image split"), EXPECTED[split]
    if annotations:
        asked = refined(rows, data, annotations, ("candidate", "target"), "captions")
        expected = {"pictures": expected["pictures"]}
    cases = [_case(row, number, join, f"{captions}, entry {number}") for number, row in asked.items()]
    if gallery == "val":
        used = {ident for case in cases for ident in (case.reference, *case.targets)}
        names, expected = [name for name in names if str(name) in used], {}
    folder = first_folder(data / "images", data)
    items = tuple(Item(str(name), _picture(folder, str(name))) for name in names)
    rules = protocol(
        split, join=join, exclude_reference=exclude_reference, gallery=gallery, annotations=annotations
    )
    whole = Benchmark("fashioniq", split, rules, tuple(cases), items)
    return complete(whole, expected, allow_missing=allow_missing, annotations_only=annotations_only)


def _picture(folder: Path, name: str) -> Path:
    """Mirrors of the data set differ in the suffix."""
    files = [folder / f"{name}{suffix}" for suffix in (".png", ".jpg", ".jpeg")]
    return next((file for file in files if file.exists()), files[0])


def _case(row: dict[str, Any], number: int, join: str, where: str) -> Case:
    captions = field(row, "captions", list, where)
    parts = [str(caption).strip(".?, ") for caption in captions]
    if join == "reversed":
        parts.reverse()
    orders = tuple(dict.fromkeys((" and ".join(parts), " and ".join(reversed(parts)))))
    target = str(field(row, "target", str, where))
    return Case(
        id=str(number),
        reference=str(field(row, "candidate", str, where)),
        modification=orders[0],  # of an empty one the official join leaves the "and"
        wordings=orders[1:] if join == "both" else (),
        targets=(target,),
        correct=(target,),
    )
