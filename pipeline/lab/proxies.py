"""What can be said of an answer without labels: cosines between its texts and what it found.

They are CLIPScore (Hessel et al., EMNLP 2021) without its factor 2.5 and its cut at 0. They say how
well the words of an answer fit what was found, not whether the words are what was wanted: a target
caption that leaves the modification out may fit very well. Two of them are there to see this.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..benchmarks.records import Case
    from ..evaluation.opened import Opened
    from ..records.trace import Trace

TOP = 10
FIRST, TEN = "target~hit@1", f"target~hits@{TOP}"
ASKED_FIRST = "modification~hit@1"
KEPT, ASKED = "target~reference", "target~modification"
NAMES = {
    FIRST: "cosine of the target caption with the first hit",
    TEN: f"mean cosine of the target caption with the first {TOP} hits",
    ASKED_FIRST: "cosine of the modification with the first hit",
    KEPT: "cosine of the target caption with the reference",
    ASKED: "cosine of the target caption with the modification",
}


def proxies(job: Opened, cases: Sequence[Case], traces: Sequence[Trace]) -> list[dict[str, float]]:
    """Name → cosine of every case, in order; {} for a query that failed.

    ``job`` is open. A query without a reference or without a modification lacks what needs it.
    """
    texts = [
        text
        for trace in traces
        if not trace.error
        for text in (trace.intent.target_caption, trace.query.modification)
        if text
    ]
    unique = list(dict.fromkeys(texts))
    encoder = job.composer.encoder
    counted = encoder.texts_with_counts(unique) if unique else []
    vectors = {text: vector for text, (vector, _) in zip(unique, counted, strict=True)}
    references = _references(job, [c for c, t in zip(cases, traces, strict=True) if not t.error])
    return [
        {} if trace.error else _of(job, trace, vectors, references.get(case.reference))
        for case, trace in zip(cases, traces, strict=True)
    ]


def _of(job: Opened, trace: Trace, vectors: dict[str, Any], reference: Any) -> dict[str, float]:
    target = vectors.get(trace.intent.target_caption)
    asked = vectors.get(trace.query.modification)
    hits = [_row(job, hit.row) for hit in trace.ranking.hits[:TOP]]
    found: dict[str, float] = {}
    if target is not None and hits:
        cosines = [float(target @ hit) for hit in hits]
        found |= {FIRST: cosines[0], TEN: sum(cosines) / len(cosines)}
    if asked is not None and hits:
        found[ASKED_FIRST] = float(asked @ hits[0])
    if target is not None and reference is not None:
        found[KEPT] = float(target @ reference)
    if target is not None and asked is not None:
        found[ASKED] = float(target @ asked)
    return found


def _row(job: Opened, row: int) -> NDArray[Any]:
    from ..scoring.contract import unit

    return unit(job.composer.gallery.take([row])[0])


def _references(job: Opened, cases: Sequence[Case]) -> dict[str, Any]:
    """Unit vectors of the references by id: of the index where it has them, else encoded."""
    wanted = dict.fromkeys(case.reference for case in cases if case.reference)
    found = {ident: _row(job, job.row[ident]) for ident in wanted if ident in job.row}
    others = [ident for ident in wanted if ident not in found] if job.captions is None else []
    if others:
        paths = [job.path[ident] for ident in others]
        found |= zip(others, job.composer.encoder.encode_files(paths), strict=True)
    return found
