"""Traces as plain JSON records: shown, saved, and read back (vectors are left out)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...indexes.videos import frame_of, moment_of
from ..machine.spelling import is_no_file, whole, whole_if_there
from .chat import Exchange, Message, Reply
from .roles import ELEMENTS, FIELDS
from .trace import (
    Description,
    Grain,
    Hit,
    Intent,
    Judgement,
    LightSide,
    Query,
    Ranking,
    Refinement,
    Said,
    Trace,
)

# Of the record below. It grows when a field is renamed, moved or means something else; a new field
# is no new version. Records without one are read as version 1.
SCHEMA_VERSION = 1


def trace_to_json(trace: Trace) -> dict[str, Any]:
    """A JSON-ready record of everything but the vectors.

    Paths are whole and spelled one way however they were given; ids are relative to the gallery.
    """
    query = trace.query
    return {
        "query": _query_to_json(query),
        "schema_version": SCHEMA_VERSION,
        "recipe": trace.recipe,
        "profile": trace.profile,
        "captions": list(trace.description.captions),
        "intent": intent_to_json(trace.intent),
        "grains": [
            {"name": g.name, "role": g.role, "weight": g.weight, "text": g.text} for g in trace.grains
        ],
        "ranking": {
            "hits": [
                {
                    "rank": h.rank,
                    "row": h.row,
                    "id": h.id,
                    "path": whole(h.path),
                    **_video(h.path),
                    "score": h.score,
                    "shares": dict(h.shares),
                    "alike": [whole(path) for path in h.alike],
                    **({} if h.judged is None else {"judged": h.judged}),
                    **({"before": h.before} if h.before else {}),
                    **({"boxes": {name: list(b) for name, b in h.boxes.items()}} if h.boxes else {}),
                }
                for h in trace.ranking.hits
            ]
        },
        **({"judgements": [vars(one) for one in trace.judgements]} if trace.judgements else {}),
        **({"refinement": vars(trace.refinement)} if trace.refinement else {}),
        **({"light": vars(trace.light)} if trace.light else {}),
        "exchanges": [_exchange_to_json(exchange) for exchange in trace.exchanges],
        "seconds": dict(trace.seconds),
        "warnings": list(trace.warnings),
        "error": trace.error,
    }


def _query_to_json(query: Query) -> dict[str, Any]:
    return {
        "id": query.id,
        "reference": _reference(query),
        "modification": query.modification,
        **({"file": whole_if_there(query.reference)} if query.named and query.reference else {}),
        **({"row": query.row} if query.row is not None else {}),
        **({"history": [_said_to_json(said) for said in query.history]} if query.history else {}),
        **({"liked": list(query.liked)} if query.liked else {}),
        **({"disliked": list(query.disliked)} if query.disliked else {}),
    }


def _said_to_json(said: Said) -> dict[str, Any]:
    elements = {name: list(texts) for name, texts in said.elements.items()}
    return {"modification": said.modification, "target_caption": said.target_caption, "elements": elements}


def _query_from_json(record: Mapping[str, Any]) -> Query:
    named = record["reference"] or ""
    file = record.get("file", "" if is_no_file(named) else named)
    return Query(
        record["id"],
        Path(file) if file else None,
        record["modification"],
        named if "file" in record or is_no_file(named) else "",
        record.get("row"),
        history=tuple(_said_from_json(said) for said in record.get("history", ())),
        liked=tuple(record.get("liked", ())),
        disliked=tuple(record.get("disliked", ())),
    )


def _said_from_json(record: Mapping[str, Any]) -> Said:
    elements = {name: tuple(texts) for name, texts in record.get("elements", {}).items()}
    return Said(record["modification"], record.get("target_caption", ""), elements)


def _reference(query: Query) -> str | None:
    if query.named:
        return query.named
    return whole_if_there(query.reference) if query.reference else None


def _exchange_to_json(exchange: Exchange) -> dict[str, Any]:
    reply = exchange.reply
    return {
        "stage": exchange.stage,
        "model": exchange.model,
        "revision": exchange.revision,
        "prompt": exchange.prompt,
        "messages": [
            {"role": m.role, "text": m.text, "images": [whole_if_there(path) for path in m.images]}
            for m in exchange.messages
        ],
        "reply": {
            "text": reply.text,
            "prompt_tokens": reply.prompt_tokens,
            "reply_tokens": reply.reply_tokens,
            "seconds": reply.seconds,
            "cached": reply.cached,
            "finish": reply.finish,
            "error": reply.error,
            "served": reply.served,
            **({"chances": dict(reply.chances)} if reply.chances else {}),
        },
        "repaired": exchange.repaired,
    }


def trace_from_json(record: Mapping[str, Any]) -> Trace:
    """The Trace of a record; its grains have no vectors."""
    return Trace(
        query=_query_from_json(record["query"]),
        recipe=record["recipe"],
        profile=record["profile"],
        description=Description(tuple(record["captions"])),
        intent=intent_from_json(record["intent"]),
        grains=tuple(Grain(g["name"], g["role"], g["weight"], None, g["text"]) for g in record["grains"]),
        ranking=Ranking(tuple(_hit_from_json(hit) for hit in record["ranking"]["hits"])),
        exchanges=tuple(_exchange_from_json(exchange) for exchange in record["exchanges"]),
        seconds=record["seconds"],
        warnings=tuple(record["warnings"]),
        error=record["error"],
        judgements=tuple(Judgement(**one) for one in record.get("judgements", ())),
        refinement=Refinement(**record["refinement"]) if record.get("refinement") else None,
        light=LightSide(**record["light"]) if record.get("light") else None,
    )


def _video(path: str) -> dict[str, Any]:
    """Of a frame: its video's file, and the seconds from its start; nothing of other pictures."""
    frame = frame_of(path)
    return {"video": {"file": whole(frame.file), "seconds": moment_of(frame)}} if frame else {}


def _hit_from_json(record: Mapping[str, Any]) -> Hit:
    record = {name: value for name, value in record.items() if name != "video"}
    boxes = {name: tuple(box) for name, box in record.get("boxes", {}).items()}
    return Hit(**{**record, "alike": tuple(record.get("alike", ())), "boxes": boxes})


def intent_to_json(intent: Intent) -> dict[str, Any]:
    """A JSON-ready record: its lists of elements stand beside the other fields, the usual ones always."""
    return {
        "reasoning": intent.reasoning,
        "target_caption": intent.target_caption,
        **{name: list(intent.of(name)) for name in (*ELEMENTS, *intent.elements)},
        "rewrites": list(intent.rewrites),
        "fallback": intent.fallback,
        "samples": list(intent.samples),
    }


def intent_from_json(record: Mapping[str, Any]) -> Intent:
    """The Intent of a trace's record or of a run's. Raises KeyError where a field is missing."""
    return Intent(
        record["target_caption"],
        record["reasoning"],
        {
            name: tuple(texts)
            for name, texts in record.items()
            if name not in FIELDS and isinstance(texts, list) and texts
        },
        tuple(record["rewrites"]),
        record["fallback"],
        tuple(record.get("samples", ())),
    )


def _exchange_from_json(record: Mapping[str, Any]) -> Exchange:
    messages = tuple(
        Message(m["role"], m["text"], tuple(Path(path) for path in m["images"])) for m in record["messages"]
    )
    return Exchange(
        record["stage"],
        record["model"],
        record["prompt"],
        messages,
        Reply(**record["reply"]),
        record.get("repaired", False),
        record.get("revision", ""),
    )
