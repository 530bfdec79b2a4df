"""Hits and dialogues as they are shown in a notebook: HTML that needs nothing else and runs nothing."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

from ...indexes.videos import file_of
from ..hits.rows import called
from ..records.dialogue import Dialogue
from ..records.trace import Hit

MOST = 20  # hits that are shown
SIDE = 200  # pixels of a picture
_BOX = "display:inline-block;width:200px;margin:4px;vertical-align:top;font:12px sans-serif"
_NAME = "overflow:hidden;text-overflow:ellipsis;white-space:nowrap"


class Hits(tuple[Hit, ...]):
    """Hits, best first, which a notebook shows as pictures."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return hits_html(self)


def hits_html(hits: Sequence[Hit]) -> str:
    """The first twenty hits: picture, rank, score and name."""
    shown = "".join(map(_hit, hits[:MOST]))
    rest = f"<p>… {len(hits) - MOST} more</p>" if len(hits) > MOST else ""
    return _safe(f"<div>{shown}{rest}</div>")


def dialogue_html(dialogue: Dialogue) -> str:
    """The turns that led to where one is, what was wanted there, and its hits."""
    if dialogue.turn is None:
        return "<p>nothing was said yet</p>"
    way = "".join(f"<li>{escape(dialogue.turns[number].step.words)}</li>" for number in dialogue.path)
    wanted = dialogue.turn.trace.intent.target_caption
    target = f"<p>{escape(wanted)}</p>" if wanted else ""
    return _safe(f"<ol>{way}</ol>{target}") + hits_html(dialogue.turn.trace.ranking.hits)


def _hit(hit: Hit) -> str:
    name = escape(called(hit))
    told = f"{hit.rank}. {name}<br>{hit.score:.4f}"
    return (
        f'<figure style="{_BOX}">{_picture(hit, name)}'
        f'<figcaption title="{name}" style="{_NAME}">{told}</figcaption></figure>'
    )


def _picture(hit: Hit, name: str) -> str:
    from .pages import small_picture

    data = small_picture(hit.path, side=SIDE) if hit.path and Path(file_of(hit.path)).is_file() else b""
    if not data:
        return ""
    code = base64.b64encode(data).decode()
    return f'<img alt="{name}" style="max-width:100%" src="data:image/webp;base64,{code}">'


def _safe(html: str) -> str:
    """Text that is no valid Unicode is shown with question marks."""
    return html.encode(errors="replace").decode()
