"""Asking back (after ChatIR, Levy et al., NeurIPS 2023): one question that tells the first hits apart best.

Without a model it is about the thing in their captions whose presence splits them best; a reasoner may word
a better one, and where its reply cannot be used, that one stands. An answer is a sentence: the next turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .. import prompting
from ..asking.engine import CachedEngine
from ..engines.contract import Request
from ..errors import ReplyError
from ..prompting.reply import read_reply
from ..records.chat import Exchange, Sampling
from ..records.separating import likelihoods, separating, with_article
from ..records.trace import Trace
from .ask import told
from .judges.contract import Candidate, numbered
from .showing import Showing

LOOK, TOKENS, MOST = 10, 200, 4
PROMPT = "dialogue/question"


@dataclass(frozen=True)
class AskedBack:
    """A question to the person, and sentences that answer it: each may be the next turn.

    ``exchanges`` are the calls that were made for it, also one whose reply could not be used.
    """

    question: str
    options: tuple[str, ...]
    exchanges: tuple[Exchange, ...] = ()


def ask_back(
    trace: Trace,
    showing: Showing,
    engine: CachedEngine | None = None,
    look: int = LOOK,
    *,
    describes: bool = True,
) -> AskedBack | None:
    """A question about the first ``look`` hits; None where nothing in their captions tells them apart.

    With an ``engine`` it words the question. ``describes``: the captioner is asked about hits without a
    caption. Raises what asking it and the captioner raises.
    """
    hits = trace.ranking.hits[:look]
    known = showing.captions(hits, asks=describes) if hits else {}
    shown = [(known[hit.row], hit.score) for hit in hits if hit.row in known]
    if len({one.caption for one, _ in shown}) < 2:
        return None
    plain = _plain([one.caption for one, _ in shown], [score for _, score in shown], trace)
    if engine is None:
        return plain
    worded, exchange = _worded(trace, [one for one, _ in shown], engine)
    found = worded or plain
    return replace(found, exchanges=(exchange,)) if found else None


def _plain(captions: Sequence[str], scores: Sequence[float], trace: Trace) -> AskedBack | None:
    settled = (
        trace.query.modification,
        "" if trace.intent.fallback else trace.intent.target_caption,
        *(said.modification for said in trace.query.history),
        *trace.intent.of("desired"),
        *trace.intent.of("forbidden"),
    )
    thing, _ = separating(captions, likelihoods(scores), settled)
    if not thing:
        return None
    thing = with_article(thing, captions)
    return AskedBack(f"Should it show {thing}?", (f"with {thing}", f"without {thing}"))


def _worded(
    trace: Trace, shown: Sequence[Candidate], engine: CachedEngine
) -> tuple[AskedBack | None, Exchange]:
    """The reasoner's own question, None where its reply cannot be used, and the call."""
    prompt = prompting.load(PROMPT)
    query = trace.query
    values = {
        "target_caption": trace.intent.target_caption or query.modification,
        "history": told(query.history),
        "modification": query.modification or "none",
        "candidate": numbered(shown),
    }
    request = Request(prompting.render(prompt, values), Sampling(max_tokens=TOKENS), prompt.schema)
    (reply,) = engine.generate([request])
    exchange = Exchange("ask", engine.model, prompt.name, request.messages, reply, revision=engine.revision)
    try:
        value = read_reply(prompt, reply).value
        question = " ".join(str(value["question"]).split())
        options = tuple(dict.fromkeys(" ".join(str(one).split()) for one in value["options"]))
    except (ReplyError, KeyError, TypeError):
        return None, exchange
    options = tuple(filter(None, options))[:MOST]
    return (AskedBack(question, options) if question and len(options) > 1 else None), exchange
