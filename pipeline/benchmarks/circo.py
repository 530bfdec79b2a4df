"""CIRCO (Baldrati et al., ICCV 2023): COCO's unlabelled pictures, several ground truths a query."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .reading import check_ids, complete, field, first_folder, read_json
from .records import Benchmark, Case, Item, Protocol, SubmissionFile, SubmissionServer

SPLITS = ("val", "test")
SERVER = SubmissionServer((SubmissionFile("circo.json", 50),), numbers=True)
GALLERY = 123_403
EXPECTED = {"val": {"queries": 220, "pictures": GALLERY}, "test": {"queries": 800, "pictures": GALLERY}}
METRICS = (
    "mAP@5",
    "mAP@10",
    "mAP@25",
    "mAP@50",
    "Recall@5",
    "Recall@10",
    "Recall@25",
    "Recall@50",
    "aspects:mAP@10",
)


def protocol(split: str, *, exclude_reference: bool = False, shared_concept: bool = False) -> Protocol:
    """mAP over all ground truths, Recall over the target alone (the official definitions).

    The official server leaves the reference in the ranking. It never is a ground truth: a person
    never wants it back, and leaving it out is worth points that most papers do not have.
    """
    variant = ("+concept" if shared_concept else "") + ("-reference" if exclude_reference else "")
    return Protocol(
        name=f"circo/{split}{variant}",
        version=2,
        gallery="all 123,403 pictures of COCO unlabeled2017",
        exclude_reference=exclude_reference,
        modification="relative_caption" + (", with the shared concept before it" if shared_concept else ""),
        correct="mAP: gt_img_ids; Recall: target_img_id",
        metrics=METRICS,
    )


def load(
    data: Path,
    split: str = "val",
    *,
    allow_missing: bool = False,
    annotations_only: bool = False,
    exclude_reference: bool = False,
    shared_concept: bool = False,
) -> Benchmark:
    """Read ``annotations/`` and COCO's ``unlabeled2017`` pictures and list. Raises InputError."""
    path = data / "annotations" / f"{split}.json"
    rows = read_json(path, list, "annotations")
    cases = [_case(row, f"{path}, entry {n}", shared_concept) for n, row in enumerate(rows)]
    check_ids(cases, path)
    rules = protocol(split, exclude_reference=exclude_reference, shared_concept=shared_concept)
    whole = Benchmark("circo", split, rules, tuple(cases), _gallery(data))
    return complete(whole, EXPECTED[split], allow_missing=allow_missing, annotations_only=annotations_only)


def _gallery(data: Path) -> tuple[Item, ...]:
    root = data / "COCO2017_unlabeled"
    folder = first_folder(root / "unlabeled2017", data / "unlabeled2017", data / "images")
    listed = root / "annotations" / "image_info_unlabeled2017.json"
    if listed.exists():
        rows = field(read_json(listed, dict, "list of pictures"), "images", list, str(listed))
        return tuple(Item(str(row["id"]), folder / row["file_name"]) for row in rows)
    files = sorted(folder.glob("*.jpg")) if folder.is_dir() else []
    return tuple(Item(str(int(file.stem)), file) for file in files if file.stem.isdigit())


def _case(row: dict[str, Any], where: str, shared_concept: bool) -> Case:
    sentence = str(field(row, "relative_caption", str, where))
    if shared_concept:
        sentence = f"{field(row, 'shared_concept', str, where)}, {sentence}"
    labelled = "target_img_id" in row
    return Case(
        id=str(field(row, "id", int, where)),
        reference=str(field(row, "reference_img_id", int, where)),
        modification=sentence,
        targets=(str(row["target_img_id"]),) if labelled else (),
        correct=tuple(map(str, field(row, "gt_img_ids", list, where))) if labelled else (),
        aspects=tuple(row.get("semantic_aspects", ())),
    )
