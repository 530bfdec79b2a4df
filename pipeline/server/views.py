"""What a page is shown of a session: one JSON record, whole after every step, and said once."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ...indexes.errors import readable
from ...indexes.videos import told
from ..records.dialogue import Dialogue, Turn
from ..records.trace import Hit, Trace
from ..scoring.contract import CAPTION_SIDE, REGION_SIDE
from ..stages.asking_back import LOOK, ask_back
from ..stages.editing import Understood
from ..stages.feedback import USUAL
from .quick_json import quick_json
from .sessions import About
from .turn_texts import TurnText

if TYPE_CHECKING:
    from ...indexes.contract import Gallery
    from ..stages.composer import Composer
    from .warm import Warm

THUMBNAIL = 320
SMALL = 96  # of a turn in the list of turns
FIRST = 3  # hits that are shown of it


def session_json(about: About, dialogue: Dialogue, composer: Warm, texts: Sequence[TurnText]) -> bytes:
    """The record of a session, looking at the dialogue's turn; ``texts`` are of its turns.

    Its `hits` are short: shares, boxes and what judges said stand in the trace.
    """
    head = quick_json(_but_turns(about, dialogue, composer)).removesuffix(b"}")
    trace = b"null" if dialogue.turn is None else texts[dialogue.at].trace
    return b'%s,"turns":[%s],"trace":%s}' % (head, _listed(texts, composer), trace)


def _listed(texts: Sequence[TurnText], composer: Warm) -> bytes:
    """The turns in the list of turns, each made once for a gallery."""
    place = composer.place
    for number, text in enumerate(texts):
        if place not in text.listed:
            hits = _pictured(text.turn.trace.ranking.hits[:FIRST], composer, SMALL)
            text.listed[place] = quick_json(turn_to_json(number, text.turn, hits))
    return b",".join([text.listed[place] for text in texts])


def _but_turns(about: About, dialogue: Dialogue, composer: Warm) -> dict[str, Any]:
    trace = dialogue.turn.trace if dialogue.turn else None
    fields = Understood.of(trace, composer.lists).fields if trace else {}
    return {
        "id": about.id,
        "gallery": about.gallery,
        "recipe": about.recipe,
        "at": dialogue.at,
        "picked": dialogue.picked,
        "path": list(dialogue.path),
        "reference": reference_to_json(about, trace, composer) if trace else None,
        "fields": {
            name: value if isinstance(value, str) else list(value) for name, value in fields.items()
        },
        "weights": {grain.name: grain.weight for grain in trace.grains} if trace else {},
        "roles": roles_of(composer),
        "weighed": dict(dialogue.turn.weights) if dialogue.turn else {},
        "hits": [_short(*one) for one in _pictured(trace.ranking.hits, composer)] if trace else [],
        "warnings": list(trace.warnings) if trace else [],
        "seconds": dict(trace.seconds) if trace else {},
        "question": question_to_json(trace, composer) if trace else None,
    }


def question_to_json(trace: Trace, composer: Composer) -> dict[str, Any] | None:
    """What would tell the first hits apart, by the gallery's captions: no model is asked for it."""
    hits = trace.ranking.hits[:LOOK]
    if rows_now(hits, composer) != [hit.row for hit in hits]:
        return None
    asked = ask_back(trace, composer.showing, describes=False)
    return {"question": asked.question, "options": list(asked.options)} if asked else None


def turn_to_json(number: int, turn: Turn, hits: Sequence[tuple[Hit, str | None]]) -> dict[str, Any]:
    """A turn in the list of turns, with some hits and the addresses of their pictures."""
    return {
        "n": number,
        "parent": turn.parent,
        "do": turn.step.do,
        "words": turn.step.words,
        "sentence": turn.step.sentence,
        "hits": [{"row": hit.row, "id": hit.id, "picture": picture} for hit, picture in hits],
    }


def hits_to_json(trace: Trace, composer: Warm) -> list[dict[str, Any]]:
    """The hits of a trace, each with the address of its picture."""
    return [
        {
            **_short(hit, picture),
            "shares": dict(hit.shares),
            **({} if hit.judged is None else {"judged": hit.judged, "before": hit.before}),
            **({"boxes": {name: list(box) for name, box in hit.boxes.items()}} if hit.boxes else {}),
        }
        for hit, picture in _pictured(trace.ranking.hits, composer)
    ]


def _short(hit: Hit, picture: str | None) -> dict[str, Any]:
    return {
        "rank": hit.rank,
        "row": hit.row,
        "id": hit.id,
        "path": hit.path,
        "name": readable(os.path.basename(told(hit.path) or hit.id)),
        "score": hit.score,
        "picture": picture,
    }


def _pictured(hits: Sequence[Hit], composer: Warm, size: int = THUMBNAIL) -> list[tuple[Hit, str | None]]:
    """Hits with the addresses of their pictures; None where one is not in the gallery, or has no file."""
    place = f"/api/pictures/{composer.place}/"
    rows = rows_now(hits, composer)
    return [
        (hit, f"{place}{row}?size={size}" if row is not None and hit.path else None)
        for hit, row in zip(hits, rows, strict=True)
    ]


def rows_now(hits: Sequence[Hit], composer: Composer) -> list[int | None]:
    """The rows of hits, which another index may have moved since they were found."""
    gallery = composer.gallery
    try:
        there = [item.id for item in gallery.items([hit.row for hit in hits])]
    except IndexError:  # the gallery has shrunk: some of them are where they were
        there = [_id_at(gallery, hit.row) for hit in hits]
    pairs = zip(hits, there, strict=True)
    return [hit.row if hit.id == ident else gallery.row_of(hit.id) for hit, ident in pairs]


def _id_at(gallery: Gallery, row: int) -> str:
    """The id of a row; "" where there is no such."""
    with suppress(IndexError):
        return gallery.items([row])[0].id
    return ""


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
