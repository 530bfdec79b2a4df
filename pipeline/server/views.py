"""What a page is shown of a session: one JSON record, whole after every step."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ...indexes.errors import readable
from ...indexes.videos import told
from ..records.dialogue import Dialogue, Turn
from ..records.trace import Hit, Trace
from ..records.traces import trace_to_json
from ..scoring.contract import CAPTION_SIDE, REGION_SIDE
from ..stages.asking_back import LOOK, ask_back
from ..stages.editing import Understood
from ..stages.feedback import USUAL
from .sessions import About

if TYPE_CHECKING:
    from ..stages.composer import Composer
    from .warm import Warm

THUMBNAIL = 320
SMALL = 96  # of a turn in the list of turns


def session_to_json(about: About, dialogue: Dialogue, composer: Warm) -> dict[str, Any]:
    """The record of a session, looking at the dialogue's turn."""
    trace = dialogue.turn.trace if dialogue.turn else None
    fields = Understood.of(trace, composer.lists).fields if trace else {}
    return {
        "id": about.id,
        "gallery": about.gallery,
        "recipe": about.recipe,
        "at": dialogue.at,
        "picked": dialogue.picked,
        "path": list(dialogue.path),
        "turns": [turn_to_json(n, turn, composer) for n, turn in enumerate(dialogue.turns)],
        "trace": trace_to_json(trace) if trace else None,
        "reference": reference_to_json(about, trace, composer) if trace else None,
        "fields": {
            name: value if isinstance(value, str) else list(value) for name, value in fields.items()
        },
        "weights": {grain.name: grain.weight for grain in trace.grains} if trace else {},
        "roles": roles_of(composer),
        "weighed": dict(dialogue.turn.weights) if dialogue.turn else {},
        "hits": hits_to_json(trace, composer) if trace else [],
        "warnings": list(trace.warnings) if trace else [],
        "seconds": dict(trace.seconds) if trace else {},
        "question": question_to_json(trace, composer) if trace else None,
    }


def question_to_json(trace: Trace, composer: Composer) -> dict[str, Any] | None:
    """What would tell the first hits apart, by the gallery's captions: no model is asked for it."""
    if any(row_now(hit, composer) != hit.row for hit in trace.ranking.hits[:LOOK]):
        return None
    asked = ask_back(trace, composer.showing, describes=False)
    return {"question": asked.question, "options": list(asked.options)} if asked else None


def turn_to_json(number: int, turn: Turn, composer: Warm) -> dict[str, Any]:
    """A turn in the list of turns."""
    hits = [
        {"row": hit.row, "id": hit.id, "picture": picture_of(hit, composer, SMALL)}
        for hit in turn.trace.ranking.hits[:3]
    ]
    return {
        "n": number,
        "parent": turn.parent,
        "do": turn.step.do,
        "words": turn.step.words,
        "sentence": turn.step.sentence,
        "hits": hits,
    }


def hits_to_json(trace: Trace, composer: Warm) -> list[dict[str, Any]]:
    """The hits of a trace, each with the address of its picture."""
    return [
        {
            "rank": hit.rank,
            "row": hit.row,
            "id": hit.id,
            "path": hit.path,
            "name": readable(os.path.basename(told(hit.path) or hit.id)),
            "score": hit.score,
            "shares": dict(hit.shares),
            **({} if hit.judged is None else {"judged": hit.judged, "before": hit.before}),
            **({"boxes": {name: list(box) for name, box in hit.boxes.items()}} if hit.boxes else {}),
            "picture": picture_of(hit, composer),
        }
        for hit in trace.ranking.hits
    ]


def picture_of(hit: Hit, composer: Warm, size: int = THUMBNAIL) -> str | None:
    """The address of a hit's picture; None where it is not in the gallery, or has no file."""
    row = row_now(hit, composer)
    if row is None or not hit.path:
        return None
    return f"/api/pictures/{composer.place}/{row}?size={size}"


def row_now(hit: Hit, composer: Composer) -> int | None:
    """The row of a hit, which another index may have moved since it was found."""
    gallery = composer.gallery
    with suppress(IndexError):
        if gallery.items([hit.row])[0].id == hit.id:
            return hit.row
    return gallery.row_of(hit.id)


def reference_to_json(about: About, trace: Trace, composer: Warm) -> dict[str, Any] | None:
    """What a turn begins with: its name and the address of its picture; None for a sentence alone."""
    query = trace.query
    if query.reference is None:
        if query.row is None:
            return None
        item = composer.gallery.items([query.row])[0]
        return {"name": os.path.basename(item.id), "id": item.id, "picture": None}
    if query.reference.parent.name == "pictures" and query.reference.parent.parent.name == about.id:
        address = f"/api/sessions/{about.id}/picture/{quote(query.reference.name)}"
        return {"name": "your picture", "id": None, "picture": address}
    row = composer.gallery.row_of(str(query.reference))
    shown = f"/api/pictures/{composer.place}/{row}?size={THUMBNAIL}" if row is not None else None
    ident = composer.gallery.items([row])[0].id if row is not None else None
    return {"name": readable(query.reference.name), "id": ident, "picture": shown}


def roles_of(composer: Warm) -> dict[str, float]:
    """The recipe's own weights by role, as `weigh` names them."""
    recipe = composer.recipe
    return {
        **recipe.grains,
        **{f"{CAPTION_SIDE}{name}": weight for name, weight in recipe.caption_grains.items()},
        **{f"{REGION_SIDE}{name}": weight for name, weight in recipe.region_grains.items()},
        **{role: recipe.grains.get(role, weight) for role, weight in USUAL.items()},
    }


def about_to_json(about: About) -> dict[str, Any]:
    """A session in the list of sessions; ``age``: seconds since it was changed."""
    return {
        "id": about.id,
        "gallery": about.gallery,
        "recipe": about.recipe,
        "turns": about.turns,
        "words": about.words,
        "age": round(max(0.0, time.time() - about.changed), 1),
    }
