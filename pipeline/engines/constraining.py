"""Replies that cannot leave their JSON schema, by xgrammar: a mask over the next token.

Dong et al., "XGrammar: Flexible and Efficient Structured Generation Engine for Large Language
Models", 2024. Every row of a batch has a grammar of its own, or none. JSON is written on one line,
as `json.dumps` writes it, with the properties in the schema's order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from ..errors import ConfigError, check_choice
from .contract import Request

STRUCTURED = ("auto", "json_schema", "none")


def constrains(options: Mapping[str, Any]) -> bool:
    """Whether an engine of these options holds its replies to their schemas.

    ``structured``: "json_schema" always, "none" never, "auto" (where nothing is said) where
    xgrammar is installed. Raises ConfigError for another word, and for "json_schema" without it.
    """
    asked = options.get("structured", "auto")
    check_choice("engine option structured", asked, STRUCTURED)
    installed = find_spec("xgrammar") is not None
    if asked == "json_schema" and not installed:
        raise ConfigError(
            'structured = "json_schema" needs the package xgrammar',
            "pip install 'likebut[constrained]', or set structured = \"none\" in the profile's options",
        )
    return asked != "none" and installed


def closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema without room for what it does not name.

    A reader may pass over what a model adds of its own; a model that is held to a schema should
    not be invited to add anything, for it is paid for and has no bound.
    """
    parts: dict[str, Any] = {
        name: _closed_part(value) for name, value in schema.items() if name != "properties"
    }
    if "properties" in schema:
        parts["properties"] = {name: closed(part) for name, part in schema["properties"].items()}
        parts["additionalProperties"] = False
    return parts


def _closed_part(value: Any) -> Any:
    if isinstance(value, Mapping):
        return closed(value)
    return [_closed_part(one) for one in value] if isinstance(value, list) else value


class Grammars:
    """Compiled grammars of one model's tokens, each schema once.

    ``size`` is the width of its output layer, ``stops`` are the tokens that may end a reply.
    """

    def __init__(self, tokenizer: Any, size: int, stops: Sequence[int], model: str) -> None:
        import xgrammar

        self._model, self._size = model, size
        try:
            tokens = xgrammar.TokenizerInfo.from_huggingface(
                tokenizer, vocab_size=size, stop_token_ids=list(stops)
            )
        except (ValueError, RuntimeError) as problem:
            raise ConfigError(
                f"xgrammar cannot read the tokenizer of {model}: {problem}",
                'set structured = "none" in the profile\'s options',
            ) from problem
        self._compiler = xgrammar.GrammarCompiler(_writable(tokens, tokenizer))
        self._compiled: dict[str, Any] = {}

    def masks(self, requests: Sequence[Request]) -> list[Any]:
        """Logits processors for one batch: none where no request has a schema.

        Raises ConfigError for a schema that has no grammar.
        """
        found = [None if r.schema is None else self._grammar(r.schema) for r in requests]
        return [_Mask(found, self._size)] if any(found) else []

    def _grammar(self, schema: Mapping[str, Any]) -> Any:
        text = json.dumps(closed(schema))
        if text not in self._compiled:
            try:
                grammar = self._compiler.compile_json_schema(text, any_whitespace=False)
            except (ValueError, RuntimeError) as problem:
                said = " ".join(str(problem).split())[-160:]
                raise ConfigError(
                    f"xgrammar cannot hold {self._model} to the schema {text[:80]}…: {said}",
                    'set structured = "none" in the profile\'s options',
                ) from problem
            self._compiled[text] = grammar
        return self._compiled[text]


def _writable(tokens: Any, tokenizer: Any) -> Any:
    """The library's view of a vocabulary without what has no place in JSON on one line.

    It would allow raw control characters within a string of bounded length, which is no JSON, and
    marks such as <|im_start|>, which are dropped when a reply is read.
    """
    import xgrammar

    added = tokenizer.added_tokens_decoder.items()
    marks = {number for number, token in added if token.special} - set(tokens.stop_token_ids)
    vocabulary = [
        b"" if number in marks or any(byte < 0x20 for byte in token) else token
        for number, token in enumerate(tokens.decoded_vocab)
    ]
    return xgrammar.TokenizerInfo(
        vocabulary,
        xgrammar.VocabType.RAW,
        vocab_size=tokens.vocab_size,
        stop_token_ids=tokens.stop_token_ids,
        add_prefix_space=tokens.add_prefix_space,
    )


class _Mask:
    """A callable (ids (rows, tokens), scores (rows, vocabulary)) → scores, -inf where not allowed."""

    def __init__(self, grammars: Sequence[Any], size: int) -> None:
        import xgrammar

        self._matchers = {
            row: xgrammar.GrammarMatcher(grammar) for row, grammar in enumerate(grammars) if grammar
        }
        self._allowed = xgrammar.allocate_token_bitmask(len(grammars), size)
        self._begun = False

    def __call__(self, ids: Any, scores: Any) -> Any:
        import xgrammar

        if self._begun:
            for row, token in enumerate(ids[:, -1].tolist()):
                matcher = self._matchers.get(row)
                if matcher and not matcher.accept_token(token):
                    del self._matchers[row]  # a vocabulary that cannot spell what the schema asks
                elif matcher and matcher.is_terminated():
                    del self._matchers[row]
        self._begun = True
        if not self._matchers:
            return scores
        rows = list(self._matchers)
        for row in rows:
            self._matchers[row].fill_next_token_bitmask(self._allowed, row)
        # The library masks on these two; others (mps) go through the CPU.
        place = scores.device if scores.device.type in ("cpu", "cuda") else "cpu"
        masked = scores.float().to(place, copy=True)
        xgrammar.apply_token_bitmask_inplace(masked, self._allowed.to(place), indices=rows)
        return masked.to(scores.device)
