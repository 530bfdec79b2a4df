"""What a benchmark asks of a dialogue: its last sentence, with those before it or without."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import ConfigError, did_you_mean

FOLDED, LAST, JOINED = "folded", "last", "joined"
TURNS = (FOLDED, LAST, JOINED)


def asked(sentences: Sequence[str], turns: str, joint: str = ", then ") -> tuple[str, tuple[str, ...]]:
    """(modification, history) of a dialogue of one sentence at least.

    folded: the last sentence, and those before it as its history; last: it alone; joined: all of them
    as one, with ``joint`` between. Raises ConfigError for another name.
    """
    if turns not in TURNS:
        raise ConfigError(
            f"turns={turns!r} is none of {', '.join(TURNS)}", did_you_mean(turns, list(TURNS))
        )
    if turns == JOINED:
        return joint.join(sentences), ()
    *before, last = sentences
    return last, tuple(before) if turns == FOLDED else ()
