"""Families of dual encoders in transformers: how each reads its texts and shows its pictures."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ConfigError, ModelError
from ..machine import models
from .contract import EncoderSpec
from .options import check_names


class Family(NamedTuple):
    """How a family was trained to read. ``length`` counts tokens, ends included.

    ``full``: every text is padded to that length. ``masked``: padding is told from words; else the
    model was trained to read it. ``lower``: in lower case, whether or not its tokenizer sees to it.
    """

    length: int
    full: bool = False
    masked: bool = True
    lower: bool = False


# By the ``model_type`` of a model's configuration. Radford et al. 2021 (CLIP, 77 tokens); Zhai et al.
# 2023 (SigLIP, 64, padded and not masked); Tschannen et al. 2025 (SigLIP 2, the same in lower case); Jia
# et al. 2021 (ALIGN, 64); Yang et al. 2022 (Chinese-CLIP, 52); Chen et al. 2022 (AltCLIP, 77).
FAMILIES = {
    "clip": Family(77),
    # SigLIP's own tokenizer lowers and drops punctuation; SigLIP 2 of a fixed size is of this type, too.
    "siglip": Family(64, full=True, masked=False, lower=True),
    "siglip2": Family(64, full=True, masked=False, lower=True),
    "align": Family(64, full=True),
    "chinese_clip": Family(52),
    "altclip": Family(77),
}


def check(spec: EncoderSpec) -> None:
    """What is wrong with a spec, as far as its folder tells without loading it.

    Raises ConfigError for what this encoder does not take, ModelError for a folder that it cannot read.
    """
    check_names(spec.encoder, spec.options)
    check_folder(spec, FAMILIES)


def check_folder(spec: EncoderSpec, known: Collection[str]) -> None:
    """Raises ConfigError for a tag, and ModelError for a folder that is of none of the ``known`` kinds."""
    if spec.pretrained:
        raise ConfigError(
            f"encoder {spec.encoder} takes no pretrained tag", "name the folder or hub model as model"
        )
    folder = models.local_folder(spec.model) or models.hub_snapshot(spec.model)
    if folder is None:
        return
    if kind := _said(folder / "config.json", "model_type"):
        check_kind(kind, spec.model, known)
    if _said(folder / "tokenizer_config.json", "tokenizer_class") == "SiglipTokenizer":
        for package in ("sentencepiece", "google.protobuf"):
            if not _installed(package):
                raise ModelError(
                    f"the encoder {spec.model} needs the package {package.rpartition('.')[2]}",
                    "pip install 'likebut[siglip]'",
                )


def check_kind(kind: str, named: str, known: Collection[str]) -> None:
    """Raises ModelError for a kind of model that is none of the ``known``."""
    if kind not in known:
        raise ModelError(
            f"the model {named} is of the kind {kind!r}, which this encoder does not know",
            f"known: {', '.join(known)}",
        )


def _said(path: Path, name: str) -> str:
    """A word of a JSON file; empty where there is none."""
    try:
        return str(json.loads(path.read_bytes()).get(name, ""))
    except (OSError, ValueError, AttributeError):
        return ""


def _installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False


def context_of(family: Family, tokenizer: Any, config: Any) -> int:
    """How many tokens the model reads: the family's length, or less where it has fewer places."""
    text = config.text_config
    places = int(getattr(text, "max_position_embeddings", 0) or family.length)
    if getattr(text, "model_type", "").startswith("altclip"):  # XLM-R counts from after its padding
        places -= int(text.pad_token_id or 0) + 1
    return min(family.length, places, int(tokenizer.model_max_length))


def seen_by(images: Any) -> dict[str, Any]:
    """What decides how a picture becomes pixels, of an image processor; the same in every version of it.

    ``size`` is [height, width] of what the model sees, ``resize_mode`` as open_clip calls it.
    """
    size = _table(images.size)
    facts = {"resample": images.resample, "mean": images.image_mean, "std": images.image_std}
    if not size:  # as many patches as fit, in the picture's own shape
        patch = int(images.patch_size)
        side = round(images.max_num_patches**0.5) * patch
        return {**_plain(facts), "size": [side, side], "resize_mode": "longest", "patch": patch}
    short = size.get("shortest_edge")
    resized = [short, short] if short else [size["height"], size["width"]]
    crop = _table(images.crop_size) if getattr(images, "do_center_crop", False) else {}
    shown = [crop["height"], crop["width"]] if crop else resized
    mode = "shortest" if short else "squash"
    return {**_plain(facts), "size": shown, "resized": resized, "resize_mode": mode}


def _table(size: Any) -> dict[str, int]:
    """A size of a processor as a mapping of what it says."""
    if size is None:
        return {}
    found = dict(size) if isinstance(size, Mapping) else vars(size)
    return {name: int(value) for name, value in found.items() if value is not None}


def _plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Values that JSON can hold."""
    return {
        name: int(value) if name == "resample" else [float(one) for one in value]
        for name, value in facts.items()
    }
