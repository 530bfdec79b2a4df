"""What became of the replies to one prompt, and what they took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..config.recipe import Recipe
from ..errors import ReplyError
from ..prompting import Prompt
from ..prompting.reply import read_reply
from ..records.chat import Exchange, Price
from ..records.trace import Trace

ReplyKind = str
STRICT, REPAIRED, UNUSABLE, ERROR = "strict", "repaired", "unusable", "error"


@dataclass(frozen=True)
class Replies:
    """Counts over queries, over the ``replies`` to the compared prompt, and over all calls.

    ``strict``: fit their schema as they came; ``repaired``: fit after repair; ``unusable``: did
    not. ``retries``: asked again for an unusable reply. ``made`` calls reached a model, ``cached``
    ones did not; tokens are of both, for that is what the method takes. ``model_seconds`` are the
    answers' own, as they were measured when they were made; ``seconds`` those of this time. ``cost``
    is in dollars, for all tokens; None where a model that was asked has no price.
    """

    queries: int
    errors: int
    fallbacks: int
    replies: int
    strict: int
    repaired: int
    unusable: int
    retries: int
    made: int
    cached: int
    prompt_tokens: int
    reply_tokens: int
    model_seconds: float
    seconds: float
    cost: float | None = None

    def rate(self, name: str) -> float | None:
        """A count as a part of what it is counted over; None over nothing."""
        whole = self.queries if name in ("errors", "fallbacks") else self.replies
        return getattr(self, name) / whole if whole else None


def outcome(prompt: Prompt, exchange: Exchange) -> ReplyKind:
    """What the reason stage made of a reply."""
    if exchange.reply.error:
        return ERROR
    try:
        read_reply(prompt, exchange.reply)
    except ReplyError:
        return UNUSABLE
    return REPAIRED if exchange.repaired else STRICT


def count(
    prompt: Prompt, recipe: Recipe, traces: Sequence[Trace], prices: Mapping[str, Price | None]
) -> Replies:
    """All counts of one variant; ``prices`` are those of the models by stage."""
    retries = next(stage.retries for stage in recipe.reason if stage.prompt == prompt.name)
    per_query = [
        [outcome(prompt, e) for e in t.exchanges if e.stage == "reason" and e.prompt == prompt.name]
        for t in traces
    ]
    outcomes = [one for part in per_query for one in part]
    exchanges = [exchange for trace in traces for exchange in trace.exchanges]
    # Equal questions of one batch share an answer.
    made = {id(e.reply) for e in exchanges if not e.reply.cached}
    return Replies(
        queries=len(traces),
        errors=sum(bool(trace.error) for trace in traces),
        fallbacks=sum(bool(trace.intent.fallback) for trace in traces),
        replies=len(outcomes),
        strict=outcomes.count(STRICT),
        repaired=outcomes.count(REPAIRED),
        unusable=outcomes.count(UNUSABLE),
        retries=sum(asked_again(part, retries) for part in per_query),
        made=len(made),
        cached=sum(exchange.reply.cached for exchange in exchanges),
        prompt_tokens=sum(exchange.reply.prompt_tokens for exchange in exchanges),
        reply_tokens=sum(exchange.reply.reply_tokens for exchange in exchanges),
        model_seconds=sum(exchange.reply.seconds for exchange in exchanges),
        seconds=sum(sum(trace.seconds.values()) for trace in traces),
        cost=_cost(exchanges, prices),
    )


def _cost(exchanges: Sequence[Exchange], prices: Mapping[str, Price | None]) -> float | None:
    dollars = 0.0
    for exchange in exchanges:
        price = prices.get(exchange.stage)
        if price is None:
            return None
        dollars += price.of(exchange.reply.prompt_tokens, exchange.reply.reply_tokens)
    return dollars


def asked_again(outcomes: Iterable[ReplyKind], retries: int) -> int:
    """How many of a query's replies are to a question that was asked before.

    The attempts of a question follow one another: they end with a reply that is of use, with an
    error, or when ``retries`` are used up.
    """
    again, attempt = 0, 0
    for one in outcomes:
        again += attempt > 0
        attempt = attempt + 1 if one == UNUSABLE and attempt < retries else 0
    return again
