"""The ground stage: every piece of a query becomes a grain, a named unit vector with a weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pipeline.cached import CachedEncoder
from pipeline.records import Description, Grain, Intent
from pipeline.scoring.linear import CAPTION_SIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

Encoded = Mapping[str, tuple[Any, int]]


@dataclass(frozen=True)
class Pieces:
    """What one query offers to ground; ``reference`` is the (d,) unit vector of its image."""

    intent: Intent
    modification: str = ""
    description: Description = Description()
    reference: NDArray[Any] | None = None


@dataclass(frozen=True)
class Plan:
    """Which grains are wanted: signed weights of roles and of mixes, and what mixes are made of.

    ``weights`` are of grains that score pictures, ``caption_weights`` of those that score captions.
    """

    weights: Mapping[str, float]
    mixes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    caption_weights: Mapping[str, float] = field(default_factory=dict)


def texts_of(role: str, pieces: Pieces) -> tuple[str, ...]:
    """The texts of a role.

    Only ``captions``, ``rewrites`` and a target caption of samples may hold one text several times.
    """
    intent = pieces.intent
    texts: Sequence[str]
    match role:
        case "target_caption":
            texts = intent.samples or (intent.target_caption,)
        case "modification":
            texts = (pieces.modification,)
        case "caption":
            texts = pieces.description.captions[:1]
        case "captions":
            texts = pieces.description.captions
        case "rewrites":
            texts = intent.rewrites or (intent.target_caption,)
        case "include":
            texts = (" and ".join(dict.fromkeys(intent.desired)),)
        case "exclude":
            texts = (" and ".join(dict.fromkeys(intent.forbidden)),)
        case "concatenation":
            texts = (", ".join(t for t in (pieces.description.caption, pieces.modification) if t),)
        case "desired" | "preserved" | "forbidden":
            texts = tuple(dict.fromkeys(getattr(intent, role)))
        case _:
            texts = ()
    return tuple(text for text in texts if text)


def grains_of(role: str, weight: float, pieces: Pieces, encoded: Encoded) -> list[Grain]:
    """The grains of one role; several texts share the weight."""
    if role == "reference":
        picture = pieces.reference
        return [] if picture is None else [Grain(role, role, weight, picture)]
    texts = texts_of(role, pieces)
    if role == "target_caption" and len(texts) > 1:
        parts = [Grain(text, role, 1.0, encoded[text][0]) for text in texts]
        return [replace(g, text=pieces.intent.target_caption) for g in mixed(role, weight, parts)]
    grains = []
    for number, text in enumerate(texts):
        name = (
            role
            if _single(role)
            else f"{role}:{number + 1}"
            if _numbered(role)
            else f"{role}:{text}"
        )
        grains.append(Grain(name, role, weight / len(texts), encoded[text][0], text))
    return grains


def _single(role: str) -> bool:
    return role not in ("captions", "rewrites", "desired", "preserved", "forbidden")


def _numbered(role: str) -> bool:
    return role in ("captions", "rewrites")


def mixed(name: str, weight: float, parts: Sequence[Grain]) -> list[Grain]:
    """One grain: the weighted sum of the parts, brought to length 1; none without parts."""
    import numpy as np

    if not parts:
        return []
    total = np.sum([part.weight * part.vector for part in parts], axis=0)
    length = float(np.linalg.norm(total))
    if not length:
        return []
    text = " + ".join(dict.fromkeys(part.name for part in parts))
    return [Grain(name, name, weight, (total / length).astype(np.float32), text)]


def not_finite(grains: Sequence[Grain]) -> str:
    """The name of the first grain whose vector holds NaN or infinity; empty where all is well."""
    import numpy as np

    return next((grain.name for grain in grains if not np.isfinite(grain.vector).all()), "")


def ground(
    batch: Sequence[Pieces], plans: Sequence[Plan], encoder: CachedEncoder
) -> list[tuple[list[Grain], list[str]]]:
    """(grains, warnings) per query, in order.

    All texts of the batch are encoded together, each once. A text that is longer than the
    encoder's context is used as far as it goes, and a warning says so.
    """
    unique = list(
        dict.fromkeys(
            text
            for pieces, plan in zip(batch, plans, strict=True)
            for role in _roles(plan)
            for text in texts_of(role, pieces)
        )
    )
    encoded = dict(zip(unique, encoder.texts_with_counts(unique), strict=True)) if unique else {}
    return [
        (_grains(pieces, plan, encoded), _warnings(pieces, plan, encoded, encoder))
        for pieces, plan in zip(batch, plans, strict=True)
    ]


def _roles(plan: Plan) -> list[str]:
    """All roles that have a weight, in mixes, too."""
    roles: dict[str, None] = {}
    for name, weight in (*plan.weights.items(), *plan.caption_weights.items()):
        if weight:
            roles.update(dict.fromkeys(plan.mixes.get(name, (name,))))
    return list(roles)


def _grains(pieces: Pieces, plan: Plan, encoded: Encoded) -> list[Grain]:
    """The grains of both sides; those of the caption side have it in name and role."""
    told = _grains_of_side(plan.caption_weights, pieces, plan, encoded)
    return _grains_of_side(plan.weights, pieces, plan, encoded) + [
        replace(g, name=f"{CAPTION_SIDE}{g.name}", role=f"{CAPTION_SIDE}{g.role}") for g in told
    ]


def _grains_of_side(
    weights: Mapping[str, float], pieces: Pieces, plan: Plan, encoded: Encoded
) -> list[Grain]:
    grains: list[Grain] = []
    for name, weight in weights.items():
        if not weight:
            continue
        if name in plan.mixes:
            parts = [
                g
                for r, w in plan.mixes[name].items()
                if w
                for g in grains_of(r, w, pieces, encoded)
            ]
            grains += mixed(name, weight, parts)
        else:
            grains += grains_of(name, weight, pieces, encoded)
    return grains


def _warnings(pieces: Pieces, plan: Plan, encoded: Encoded, encoder: CachedEncoder) -> list[str]:
    found = []
    for role in _roles(plan):
        for text in dict.fromkeys(texts_of(role, pieces)):
            tokens = encoded[text][1]
            if tokens > encoder.context_length:
                found.append(
                    f"{role} has {tokens} tokens and the encoder reads {encoder.context_length}: "
                    "its end is not used"
                )
    return found
