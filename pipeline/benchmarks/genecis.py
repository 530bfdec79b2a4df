"""GeneCIS (Vaze et al., CVPR 2023): focus on or change an attribute or object, in a gallery per query."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .reading import complete, field, first_folder, read_json
from .records import Benchmark, Case, Item, Protocol

SPLITS = ("focus_attribute", "change_attribute", "focus_object", "change_object")
# The counts of the attribute files differ between releases; those of the object files do not.
EXPECTED: dict[str, dict[str, int]] = {
    "focus_object": {"queries": 1960},
    "change_object": {"queries": 1960},
}


def protocol(split: str) -> Protocol:
    """Recall in the query's own small gallery; headline: mean Recall@1 of the four tasks."""
    return Protocol(
        name=f"genecis/{split}",
        version=2,
        gallery="the query's own: its distractors and the target",
        exclude_reference=False,
        modification="the condition as it is",
        correct="target, placed behind every distractor that ties with it",
        metrics=("Recall@1", "Recall@2", "Recall@3"),
        own_galleries=True,
    )


def load(
    data: Path, split: str = "focus_object", *, allow_missing: bool = False, annotations_only: bool = False
) -> Benchmark:
    """Read ``genecis/`` (or ``data`` itself) and COCO val2017 or Visual Genome pictures.

    Attribute tasks show parts of pictures: their items have a ``box``. Raises InputError.
    """
    path = first_folder(data / "genecis", data) / f"{split}.json"
    rows = read_json(path, list, "task file")
    items: dict[str, Item] = {}
    folder = _pictures(data, split)
    cases = []
    for number, row in enumerate(rows):
        where = f"{path}, entry {number}"
        entries = [field(row, "reference", dict, where), field(row, "target", dict, where)]
        entries += field(row, "gallery", list, where)
        found = [_item(entry, folder, where) for entry in entries]
        items |= {item.id: item for item in found}
        reference, target, *distractors = (item.id for item in found)
        cases.append(
            Case(
                id=str(number),
                reference=reference,
                modification=str(field(row, "condition", str, where)),
                targets=(target,),
                correct=(target,),
                subset=(target, *distractors),  # one has its target among the distractors, too
            )
        )
    whole = Benchmark("genecis", split, protocol(split), tuple(cases), tuple(items.values()))
    return complete(
        whole, EXPECTED.get(split, {}), allow_missing=allow_missing, annotations_only=annotations_only
    )


def _pictures(data: Path, split: str) -> Path:
    if split.endswith("_object"):
        return first_folder(data / "val2017", data / "coco2017" / "val2017", data / "images")
    return first_folder(data / "VG_100K_all", data / "VG_All", data / "images")


def _item(entry: Mapping[str, Any], folder: Path, where: str) -> Item:
    if "val_image_id" in entry:
        number = int(entry["val_image_id"])
        return Item(str(number), folder / f"{number:012d}.jpg")
    number = int(field(entry, "image_id", (int, str), where))
    x, y, w, h = (float(value) for value in field(entry, "instance_bbox", list, where))
    return Item(f"{number}:{x:g},{y:g},{w:g},{h:g}", folder / f"{number}.jpg", (x, y, w, h))
