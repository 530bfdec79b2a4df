"""How many tokens a request has before any model has counted them: a fair guess, and a bound.

The guess: four characters of text are a token (what byte-pair vocabularies make of English), each
message has four more for its marks, and a picture has one per 28 × 28 pixels of what is sent, as
Qwen2-VL counts (others count like numbers).

The bound: a byte of UTF-8 is a token at most in any byte-level vocabulary; the reply schema is
counted, too, because some servers put it into the prompt. A picture has no bound that holds for all
models; 1,500 is more than 1,024 × 1,024 pixels give at 28 × 28, and a budget learns from replies.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

from .contract import Request

CHARACTERS = 4  # of a token
PATCH = 28  # pixels a side
A_PICTURE = 1000  # where its size cannot be read
_MARKS, _MOST_MARKS = 4, 16  # tokens around a message
_MOST_A_PICTURE = 1500


def guess(request: Request) -> int:
    """Prompt tokens of a request, about."""
    total = 0
    for message in request.messages:
        total += math.ceil(len(message.text) / CHARACTERS) + _MARKS
        total += sum(map(_picture, message.images))
    return total


def shows(request: Request) -> bool:
    """Whether a picture is shown."""
    return any(message.images for message in request.messages)


def bound(request: Request) -> int:
    """Prompt tokens of a request, at most."""
    total = len(json.dumps(request.schema)) if request.schema is not None else 0
    for message in request.messages:
        total += len(message.text.encode(errors="surrogatepass")) + _MOST_MARKS
        total += _MOST_A_PICTURE * len(message.images)
    return total


def _picture(path: Path) -> int:
    """Tokens of a picture at the size that models are shown; only its header is read."""
    from PIL import Image

    from .pictures import LONGEST_SIDE

    try:
        with Image.open(path) as image:
            width, height = image.size
    except (OSError, ValueError, Image.DecompressionBombError):
        return A_PICTURE
    shrink = min(1.0, LONGEST_SIDE / max(width, height, 1))
    return math.ceil(width * shrink / PATCH) * math.ceil(height * shrink / PATCH)
