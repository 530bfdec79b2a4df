"""CIRR (Liu et al., ICCV 2021): real-life pictures, and subsets of six that look alike."""

from __future__ import annotations

from pathlib import Path

from .reading import check_ids, complete, field, first_folder, read_json
from .records import Benchmark, Case, Item, Protocol, SubmissionFile, SubmissionServer
from .refined import refined

VERSION = "rc2"
REFINED = "refined_cirr.{}.json"  # of CoLLM (see ``refined``)
SPLITS = ("val", "test1")
SERVER = SubmissionServer(
    (
        SubmissionFile("cirr_recall.json", 50, header=(("version", VERSION), ("metric", "recall"))),
        SubmissionFile(
            "cirr_recall_subset.json", 3, True, (("version", VERSION), ("metric", "recall_subset"))
        ),
    ),
    most_bytes=5_000_000,
)
EXPECTED = {"val": {"queries": 4181, "pictures": 2297}, "test1": {"queries": 4148, "pictures": 2315}}
METRICS = (
    "Recall@1",
    "Recall@5",
    "Recall@10",
    "Recall@50",
    "subset_recall@1",
    "subset_recall@2",
    "subset_recall@3",
)


def protocol(split: str, *, annotations: str = "") -> Protocol:
    """As the official server scores: the reference is deleted from the ranking."""
    return Protocol(
        name=f"cirr/{split}" + ("+refined" if annotations else ""),
        version=1,
        gallery="all pictures of the split",
        exclude_reference=True,
        modification=f"the caption in {Path(annotations).name}" if annotations else "the caption as it is",
        correct="target_hard; subset metrics over the other five pictures of img_set",
        metrics=METRICS,
    )


def load(
    data: Path,
    split: str = "val",
    *,
    allow_missing: bool = False,
    annotations_only: bool = False,
    annotations: str = "",
) -> Benchmark:
    """Read ``captions/``, ``image_splits/`` and the pictures (in ``data``, ``data/images``, or
    ``data/img_raw``). Raises InputError.

    ``annotations`` is "refined", for CoLLM's file, or the name of a file of that form.
    """
    captions = data / "captions" / f"cap.{VERSION}.{split}.json"
    splits = data / "image_splits" / f"split.{VERSION}.{split}.json"
    rows = read_json(captions, list, "captions")
    expected, asked = EXPECTED[split], dict(enumerate(rows))
    if annotations:
        annotations = REFINED.format(split) if annotations == "refined" else annotations
        asked = refined(rows, data, annotations, ("pairid",), "caption")
        expected = {"pictures": expected["pictures"]}
    cases = [_case(row, f"{captions}, entry {number}") for number, row in asked.items()]
    check_ids(cases, captions)
    names = read_json(splits, dict, "image split")
    root = first_folder(data / "img_raw", data / "images", data)
    items = tuple(Item(name, root / str(path)) for name, path in names.items())
    rules = protocol(split, annotations=annotations)
    whole = Benchmark("cirr", split, rules, tuple(cases), items)
    return complete(whole, expected, allow_missing=allow_missing, annotations_only=annotations_only)


def _case(row: dict[str, object], where: str) -> Case:
    reference = str(field(row, "reference", str, where))
    members = field(field(row, "img_set", dict, where), "members", list, where)
    target = row.get("target_hard")
    targets = (str(target),) if target is not None else ()
    return Case(
        id=str(field(row, "pairid", int, where)),
        reference=reference,
        modification=str(field(row, "caption", str, where)),
        targets=targets,
        correct=targets,
        subset=tuple(str(member) for member in members if member != reference),
    )
