"""What all report pages share: the template environment, thumbnails, bars, safe text."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ...indexes.errors import GalleryError
from ..errors import ConfigError
from ..hits.rows import called
from ..machine.outputs import check_file, replacing
from ..records.trace import Hit, Trace
from .places import spot, strongest

FOLDER = Path(__file__).parent / "templates"
THUMBNAIL = 320
_MARK = b'<meta http-equiv="Content-Security-Policy" content="default-src'  # on every page so far
# Okabe and Ito's colours, told apart by colour-blind eyes; roles keep theirs on every page.
ROLE_COLOURS = {
    "target_caption": "#0072b2",
    "desired": "#009e73",
    "preserved": "#56b4e9",
    "forbidden": "#d55e00",
    "modification": "#cc79a7",
    "reference": "#e69f00",
    "caption": "#8a8a8a",
    "judge": "#f0e442",
}
ROLE_NAMES = {
    "target_caption": "target caption",
    "desired": "desired",
    "preserved": "preserved",
    "forbidden": "forbidden",
    "modification": "sentence",
    "reference": "reference",
    "caption": "caption",
}

_SIDES = {"caption": "captions", "region": "parts"}
ELEMENT_LABELS = {"desired": "New in it", "preserved": "Kept", "forbidden": "Not in it"}
ELEMENT_SIGNS = {"desired": "+", "preserved": "=", "forbidden": "−"}


@dataclass(frozen=True)
class Segment:
    """One role's part of a hit's bar: its signed share, and where it lies in percent."""

    role: str
    name: str
    colour: str
    share: float
    left: float
    width: float


@dataclass(frozen=True)
class Bar:
    """The stacked bar of one hit; ``zero`` is where the negative side ends, in percent."""

    segments: tuple[Segment, ...]
    zero: float
    text: str


@cache
def environment() -> Any:
    """Autoescaping, strict templates."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(
        thumbnail=thumbnail,
        element_labels=ELEMENT_LABELS,
        element_signs=ELEMENT_SIGNS,
        colour_of=colour_of,
        name_of=name_of,
        outlined=outlined,
        called=called,
        strongest=strongest,
        spot=spot,
        bars=bars,
        roles_of=roles_of,
        script=script,
        script_hash=script_hash,
    )
    return made


def colour_of(role: str) -> str:
    """The colour of a role, whatever side of the gallery it scores."""
    return ROLE_COLOURS.get(role.partition(":")[0].rpartition("/")[2], "#8a8a8a")


def name_of(role: str) -> str:
    """What a role or grain is called on a page: "caption/desired:cat" is "desired: cat (captions)"."""
    side, _, own = role.partition("/") if "/" in role.partition(":")[0] else ("", "", role)
    base, _, text = own.partition(":")
    name = ROLE_NAMES.get(base, base) + (f": {text}" if text else "")
    return name + (f" ({_SIDES.get(side, side)})" if side else "")


@cache
def script(name: str) -> Any:
    """The text of one of our scripts, as it stands in the page."""
    from markupsafe import Markup

    return Markup((FOLDER / name).read_text(encoding="utf-8"))


@cache
def script_hash(name: str) -> str:
    """What a page's Content-Security-Policy lets run: this script, and no other."""
    digest = hashlib.sha256(script(name).encode()).digest()
    return "sha256-" + base64.b64encode(digest).decode()


def write_page(template: str, out: Path, *, scripts: tuple[str, ...] = ("page.js",), **values: Any) -> Path:
    """Render a template into ``out``; text that is not valid Unicode is shown with question marks.

    ``scripts`` are files beside the template; the page runs these and nothing else.
    """
    check_page(out)
    html = environment().get_template(template).render(scripts=scripts, **values)
    out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(out) as draft:
        draft.write_bytes(html.encode("utf-8", errors="replace"))
    return out


def check_page(out: Path) -> None:
    """Raises ConfigError where ``out`` cannot be written, or is a file that is no page of likebut."""
    check_file(out, "the report")
    if not out.is_file() or not out.stat().st_size:
        return
    with out.open("rb") as file:
        start = file.read(1 << 16)
    if not (start.lstrip().startswith(b"<!doctype html>") and _MARK in start):
        raise ConfigError(f"{out} is there already and is no report", "name another file")


@cache
def thumbnail(path: str) -> str:
    """A picture as a data URI of at most 320 pixels, or "" where it cannot be read."""
    data = small_picture(path)
    return "data:image/webp;base64," + base64.b64encode(data).decode() if data else ""


def outlined(hit: Hit) -> str:
    """The thumbnail of a hit, with the parts of the picture outlined that regions met, in their colours."""
    frames = tuple((colour_of(name), box) for name, box in strongest(hit).items())
    if not frames:
        return thumbnail(hit.path)
    data = small_picture(hit.path, frames)
    return "data:image/webp;base64," + base64.b64encode(data).decode() if data else ""


def small_picture(
    path: str, frames: tuple[tuple[str, tuple[float, ...]], ...] = (), side: int = THUMBNAIL
) -> bytes:
    """A picture as WebP of at most ``side`` pixels, or nothing where it cannot be read.

    Every frame (colour, part of the picture) is drawn on it, the first on top.
    """
    from PIL import ImageDraw

    from ...indexes.decode import load_image

    try:
        image = load_image(path, side)
    except GalleryError:
        return b""
    image.thumbnail((side, side))
    pen = ImageDraw.Draw(image)
    for number, (colour, box) in reversed(list(enumerate(frames))):
        width, height = image.width - 1, image.height - 1
        inset = 3 * number  # so that grains that met the same part are all seen
        ends = zip(box, (width, height, width, height), strict=True)
        left, top, right, bottom = (round(share * side) for share, side in ends)
        if right - left > 2 * inset and bottom - top > 2 * inset:
            inner = (left + inset, top + inset, right - inset, bottom - inset)
            pen.rectangle(inner, outline=colour, width=3)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=82)
    return buffer.getvalue()


def roles_of(trace: Trace) -> list[str]:
    """The roles of a trace's grains, in their order, each once, and the judge."""
    roles = dict.fromkeys(grain.role for grain in trace.grains)
    return [*roles, *(["judge"] if trace.judgements else [])]


def shares_by_role(trace: Trace, hit: Hit) -> dict[str, float]:
    """A hit's shares, added up per role."""
    roles = {grain.name: grain.role for grain in trace.grains}
    sums: dict[str, float] = {}
    for name, share in hit.shares.items():
        role = roles.get(name, name)
        sums[role] = sums.get(role, 0.0) + share
    return sums


def bars(trace: Trace) -> list[Bar]:
    """One bar per hit, all on one scale, so that they can be compared down the page."""
    shares = [shares_by_role(trace, hit) for hit in trace.ranking.hits]
    low = min((_side(values, -1) for values in shares), default=0.0)
    high = max((_side(values, 1) for values in shares), default=0.0)
    span = (high - low) or 1.0
    return [_bar(values, low, span) for values in shares]


def _side(shares: Mapping[str, float], sign: int) -> float:
    return sum(share for share in shares.values() if share * sign > 0)


def _bar(shares: Mapping[str, float], low: float, span: float) -> Bar:
    segments: list[Segment] = []
    right, left = 0.0, 0.0
    for role, share in shares.items():
        start = right if share >= 0 else left + share
        if share >= 0:
            right += share
        else:
            left += share
        segments.append(
            Segment(
                role,
                name_of(role),
                colour_of(role),
                share,
                100 * (start - low) / span,
                100 * abs(share) / span,
            )
        )
    text = ", ".join(f"{segment.name} {segment.share:+.3f}" for segment in segments)
    return Bar(tuple(segments), 100 * -low / span, text)
