"""Addresses that tell of the server itself: its galleries, its recipes, what a sentence would cost."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from ..config.files import load_profile, load_recipe, recipe_names
from ..errors import InputError
from ..setup.assembly import charge_of
from ..stages.conversation import Session
from .asked import NO_CONTROLS, Open
from .galleries import Galleries, Place
from .problems import Json, Refused
from .reaching import Serves
from .service import Service

routes = APIRouter()


@routes.get("/api/state")
async def state(service: Serves, request: Request) -> Json:
    """What is served, and whether something is being prepared."""
    galleries = service.galleries
    record = {
        "version": request.app.state.version,
        "galleries": [gallery_to_json(place, galleries) for place in galleries.places.values()],
        "recipes": await service.files.run(recipes),
        "read_only": galleries.read_only,
        "local": service.local,
        "costs": costs(galleries),
        "busy": galleries.busy,
    }
    return Json(record)


@routes.get("/api/estimate")
async def estimate(
    service: Serves,
    sentence: Annotated[str, Query(min_length=1, max_length=2000, pattern=NO_CONTROLS)],
    session: Annotated[str, Query(pattern=r"^([A-Za-z0-9_-]{16})?$")] = "",
    gallery: Annotated[str, Query(pattern=r"^([a-z0-9-]{1,64})?$")] = "",
) -> Json:
    """What a next sentence would ask of models, and cost; nothing is asked."""
    return Json(await service.files.run(_estimate, service, session, gallery, sentence))


@routes.post("/api/open")
async def open_it(service: Serves, asked: Open) -> Json:
    """Show the folder of a hit on this machine."""
    if not service.local or service.galleries.read_only:
        raise Refused(403, "folders are opened on the machine of the server alone", "open it by hand")
    await service.files.run(_open, service, asked)
    return Json({"opened": True})


def gallery_to_json(place: Place, galleries: Galleries) -> dict[str, Any]:
    """A gallery; its ``count`` is None as long as it is not open, ``problem`` why it cannot be."""
    composer = galleries.opened(place)
    problem = galleries.problems.get(place.id)
    return {
        "id": place.id,
        "name": place.name,
        "count": composer.gallery.count if composer else None,
        "profile": place.setup.profile,
        "recipe": place.setup.recipe,
        "words": sorted(filter(str.isalpha, composer.words)) if composer else [],
        "problem": problem.message if problem else None,
    }


@cache
def recipes() -> list[dict[str, str]]:
    """The recipes of the product: name and description."""
    found = [(name, load_recipe(name)) for name in recipe_names()]
    return [{"name": name, "description": recipe.description} for name, recipe in found]


def costs(galleries: Galleries) -> dict[str, Any] | None:
    """Prices in dollars a million tokens, what was spent and may be; None where models are free."""
    budget = galleries.budget
    if not budget.matters:
        return None
    profile = load_profile(next(iter(galleries.places.values())).setup.profile)
    parts = {"captioner": profile.captioner, "reasoner": profile.reasoner, "judge": profile.judge}
    charges = {name: charge_of(choice) for name, choice in parts.items() if choice}
    return {
        "price": {name: asdict(price) if price else None for name, price in charges.items()},
        "spent": budget.cost,
        "calls": budget.calls,
        "max_cost": budget.limits.cost,
        "max_calls": budget.limits.calls,
    }


def _estimate(service: Service, ident: str, gallery: str, sentence: str) -> dict[str, Any]:
    from ..batch.estimate import estimate as reckon

    sentence = " ".join(sentence.split())
    if not sentence:
        raise InputError("the sentence is empty", "say what should be different")
    if ident:
        _, dialogue, composer = service.at(ident)
        session = Session(composer, dialogue)
    else:
        session = Session(service.galleries.get(gallery or next(iter(service.galleries.places))))
    found = reckon(session.composer, [session.following(sentence)])
    costs = [row.cost for row in found.rows]
    dollars = None if None in costs else sum(cost or 0.0 for cost in costs)
    calls = sum(row.to_make for row in found.rows)
    price = "at no known price" if dollars is None else f"about ${dollars:.4f}"
    return {
        "calls": calls,
        "cached": sum(row.cached for row in found.rows),
        "tokens": sum(row.prompt_tokens + row.reply_tokens for row in found.rows),
        "dollars": dollars,
        "words": f"{calls} call{'' if calls == 1 else 's'}, {price}" if calls else "",
        "rows": [asdict(row) for row in found.rows],
        "failing": [problem.reason for problem in found.failing],
    }


def _open(service: Service, asked: Open) -> None:
    _, dialogue, _ = service.at(asked.session)
    dialogue = dialogue if asked.turn is None else dialogue.gone(asked.turn)
    hits = dialogue.turn.trace.ranking.hits if dialogue.turn else ()
    path = next((hit.path for hit in hits if hit.id == asked.hit), "")
    if not path:
        raise Refused(404, "no such hit with a file", "name a hit of the turn that is looked at")
    service.opener(path)
