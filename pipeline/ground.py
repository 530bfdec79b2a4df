"""The ground stage: every piece of a query becomes a grain, a named unit vector with a weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.cached import CachedEncoder
from pipeline.records import Description, Grain, Intent

if TYPE_CHECKING:
    from numpy.typing import NDArray

LIST_ROLES = ("desired", "preserved", "forbidden")


@dataclass(frozen=True)
class Pieces:
    """What one query offers to ground; ``reference`` is the (d,) unit vector of its image."""

    intent: Intent
    modification: str = ""
    description: Description = Description()
    reference: NDArray[Any] | None = None


@dataclass(frozen=True)
class _Text:
    name: str
    role: str
    weight: float
    text: str


def _texts(pieces: Pieces, weights: Mapping[str, float]) -> list[_Text]:
    """The text grains of a query; a list role shares its weight among its elements."""
    texts: list[_Text] = []
    for role, weight in weights.items():
        if role in LIST_ROLES:
            elements: tuple[str, ...] = tuple(dict.fromkeys(getattr(pieces.intent, role)))
        elif role == "caption":
            elements = pieces.description.captions
        elif role == "target_caption":
            elements = (pieces.intent.target_caption,)
        elif role == "modification":
            elements = (pieces.modification,)
        else:
            continue
        elements = tuple(text for text in elements if text)
        for number, text in enumerate(elements):
            single = role in ("target_caption", "modification") or (
                role == "caption" and number == 0
            )
            name = role if single else f"{role}:{text}"
            texts.append(_Text(name, role, weight / len(elements), text))
    return [text for text in texts if text.weight]


def ground(
    batch: Sequence[Pieces], weights: Sequence[Mapping[str, float]], encoder: CachedEncoder
) -> list[tuple[list[Grain], list[str]]]:
    """(grains, warnings) per query, in order; ``weights`` maps roles to signed weights.

    All texts of the batch are encoded together, each once. A text that is longer than the
    encoder's context is used as far as it goes, and a warning says so.
    """
    texts = [_texts(pieces, chosen) for pieces, chosen in zip(batch, weights, strict=True)]
    unique = list(dict.fromkeys(text.text for part in texts for text in part))
    encoded = dict(zip(unique, encoder.texts_with_counts(unique), strict=True)) if unique else {}
    grounded = []
    for pieces, chosen, part in zip(batch, weights, texts, strict=True):
        grains, warnings = [], []
        for text in part:
            vector, tokens = encoded[text.text]
            grains.append(Grain(text.name, text.role, text.weight, vector, text.text))
            if tokens > encoder.context_length:
                warnings.append(
                    f"{text.role} has {tokens} tokens and the encoder reads {encoder.context_length}: "
                    "its end is not used"
                )
        image_weight = chosen.get("reference", 0.0)
        if pieces.reference is not None and image_weight:
            grains.append(Grain("reference", "reference", image_weight, pieces.reference))
        grounded.append((grains, warnings))
    return grounded
