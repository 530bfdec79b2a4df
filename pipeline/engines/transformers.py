"""Models of the transformers library, from the hub or a local folder, a batch at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from threading import Lock
from typing import Any

from ...indexes.errors import GalleryError
from ..errors import ConfigError, InputError, ModelError
from ..machine import models
from ..machine.devices import choose_device, choose_dtype
from ..records.chat import REFUSED, Reply
from .choices import likeliest, spelled
from .constraining import Grammars, constrains
from .contract import EngineSpec, OnReply, Request
from .options import check_names, template_of
from .rendering import model_inputs

OPTIONS = ("device_map", "structured", "template")


class TransformersEngine:
    """One model; greedy unless a request's temperature says otherwise.

    Options: ``device_map`` ("auto") spreads a large model over all devices instead of one;
    ``structured`` says whether replies are held to their schemas (see `constraining`); ``template``
    is a table of arguments for the chat template, such as enable_thinking = false.
    """

    def __init__(self, spec: EngineSpec) -> None:
        from .loading import load

        check_names(spec.options, OPTIONS)
        template, constrained = template_of(spec.options), constrains(spec.options)
        self.model_name = spec.model
        self.batch_size = spec.batch_size
        self.template = template
        self.device = choose_device(spec.device)
        dtype = choose_dtype(spec.dtype, self.device)
        source = str(models.local_folder(spec.model) or spec.model)
        device_map = spec.options.get("device_map")
        self._loaded = load(source, spec.revision, dtype, self.device, device_map)
        self.sees = self._loaded.sort != "text"
        self._grammars: Grammars | None = None
        self._words = Lock()  # a tokenizer serves one thread at a time
        self._constrained = constrained and self._loaded.sort != "captioner"

    def generate(self, requests: Sequence[Request], on_reply: OnReply | None = None) -> list[Reply]:
        """One reply per request, in order, the same whatever else is in the batch.

        A prompt that is longer than the context and a file that is no picture are errors of their
        replies. Raises ConfigError where a model is shown images it cannot take (or none where it
        needs one), and for a schema that nothing can be held to; ModelError where the device has
        too little memory.
        """
        for request in requests:
            self._check_images(request)
            if request.choices and self._loaded.sort == "captioner":
                raise ConfigError(f"{self.model_name} only captions", "choose a chat model as judge")
        replies: dict[int, Reply] = {}
        batches = self._batches(requests)
        asked = [[requests[place] for place in places] for places in batches]
        with ThreadPoolExecutor(1, "likebut-inputs") as ahead:
            for places, batch, inputs in zip(batches, asked, self._inputs_ahead(asked, ahead), strict=True):
                found = self._answers(batch, inputs)
                for place, reply in zip(places, found, strict=True):
                    replies[place] = reply
                    if on_reply:
                        on_reply(place, reply)
        return [replies[place] for place in range(len(requests))]

    def _inputs_ahead(
        self, batches: Sequence[Sequence[Request]], ahead: ThreadPoolExecutor
    ) -> Iterator[Future[Any]]:
        """The inputs of each batch; pictures of the next are read while the model works on this one."""
        following = [ahead.submit(self._inputs, batch) for batch in batches[:1]]
        for number in range(len(batches)):
            (inputs,) = following
            following = [ahead.submit(self._inputs, batch) for batch in batches[number + 1 : number + 2]]
            yield inputs

    def _inputs(self, requests: Sequence[Request]) -> Any:
        with self._words:
            return model_inputs(requests, self._loaded, self.template)

    def _answers(self, requests: Sequence[Request], inputs: Future[Any] | None = None) -> list[Reply]:
        """The replies of one batch; where one request is at fault, each is asked alone."""
        try:
            return self._batch(requests, inputs)
        except (InputError, GalleryError) as problem:
            if len(requests) == 1:
                return [Reply("", finish=REFUSED, error=problem.message)]
            return [self._answers([request])[0] for request in requests]

    def _batches(self, requests: Sequence[Request]) -> list[list[int]]:
        """Places of requests that may share a batch: of equal reply length, image count and choices."""
        groups: dict[tuple[Any, ...], list[int]] = {}
        for place, request in enumerate(requests):
            kind = (request.sampling.max_tokens, _image_count(request), request.choices)
            groups.setdefault(kind, []).append(place)
        size = max(1, self.batch_size)
        return [
            group[start : start + size] for group in groups.values() for start in range(0, len(group), size)
        ]

    def _check_images(self, request: Request) -> None:
        count = _image_count(request)
        if count and not self.sees:
            hint = "choose a vision-language model"
            raise ConfigError(f"{self.model_name} cannot look at images", hint)
        if count != 1 and self._loaded.sort == "captioner":
            hint = "choose a chat model for prompts without an image"
            raise ConfigError(f"{self.model_name} only captions, one image at a time", hint)

    def _batch(self, requests: Sequence[Request], ready: Future[Any] | None) -> list[Reply]:
        started = time.perf_counter()
        inputs = ready.result() if ready else self._inputs(requests)
        asked = _prompt_lengths(inputs, len(requests))
        limit = 1 if requests[0].choices else requests[0].sampling.max_tokens
        context = self._loaded.context
        if self._loaded.sort != "captioner" and context and max(asked) + limit > context:
            if len(requests) > 1:  # padding counts too: each alone has all the room there is
                return [self._answers([request])[0] for request in requests]
            limit = self._room(asked[0], context)
        choices = requests[0].choices
        replies = self._weigh(inputs, choices) if choices else self._run(inputs, requests, limit)
        each = (time.perf_counter() - started) / len(requests)
        return [
            replace(reply, prompt_tokens=prompt, seconds=each)
            for reply, prompt in zip(replies, asked, strict=True)
        ]

    def _room(self, prompt: int, context: int) -> int:
        if prompt >= context:
            raise InputError(
                f"the prompt has {prompt} tokens; {self.model_name} reads {context}, its answer included",
                "shorten the modification",
            )
        return context - prompt

    def _weigh(self, inputs: Any, choices: tuple[str, ...]) -> list[Reply]:
        """How probable each choice is as the next token of every prompt: one forward pass."""
        from .weighing import next_token

        loaded = self._loaded
        with self._memory(len(inputs["input_ids"])):
            probabilities = next_token(loaded, inputs)
        with self._words:
            tokens = {
                choice: spelled(
                    choice, lambda text: loaded.tokenizer.encode(text, add_special_tokens=False)
                )
                for choice in choices
            }
        rows = [{c: float(row[ids].sum()) for c, ids in tokens.items()} for row in probabilities]
        return [Reply(likeliest(row), reply_tokens=1, chances=row) for row in rows]

    @contextmanager
    def _memory(self, prompts: int) -> Iterator[None]:
        """Raises ModelError where the device has too little for so many at once."""
        import torch

        try:
            with torch.inference_mode():
                yield
        except torch.OutOfMemoryError as problem:
            raise ModelError(
                f"{self.model_name} does not fit the memory of {self.device} with {prompts} prompts "
                "at once",
                "set a smaller batch_size in the profile, or choose a smaller model",
            ) from problem

    def _run(self, inputs: Any, requests: Sequence[Request], limit: int) -> list[Reply]:
        """The replies to one batch of inputs. Raises ModelError out of memory."""
        from transformers import LogitsProcessorList

        from .drawing import make_noise

        start = _Start()
        steps = [start, *self._masks(requests), *make_noise(requests)]
        with self._memory(len(requests)):
            output = self._loaded.model.generate(
                **inputs.to(self._loaded.model.device),
                max_new_tokens=limit,
                do_sample=False,
                logits_processor=LogitsProcessorList(steps),
            )
        with self._words:
            return [self._reply(row) for row in output[:, start.column :].tolist()]

    def _masks(self, requests: Sequence[Request]) -> list[Any]:
        """What holds replies to their schemas; the grammars are made when first needed."""
        if not self._constrained or all(request.schema is None for request in requests):
            return []
        if self._grammars is None:
            loaded = self._loaded
            with self._words:
                stops = sorted(loaded.stops)
                self._grammars = Grammars(loaded.tokenizer, loaded.vocabulary, stops, self.model_name)
        return self._grammars.masks(requests)

    def _reply(self, row: list[int]) -> Reply:
        """New tokens as text, up to the first end mark."""
        stops = self._loaded.stops
        stop = next((place for place, token in enumerate(row) if token in stops), len(row) - 1)
        ids = row[: stop + 1]
        text = self._loaded.tokenizer.decode(ids, skip_special_tokens=True)
        finish = "stop" if ids and ids[-1] in stops else "length"
        return Reply(text.strip(), reply_tokens=len(ids), finish=finish)


class _Start:
    """Sees where in a row the new tokens begin.

    Some models give the prompt back, some a part of it, some a mark of their own; all of them show
    the scores of the first new token together with what stands before it.
    """

    column = 0
    _seen = False

    def __call__(self, ids: Any, scores: Any) -> Any:
        if not self._seen:
            self.column, self._seen = ids.shape[1], True
        return scores


def _prompt_lengths(inputs: Any, count: int) -> list[int]:
    if "input_ids" not in inputs:
        return [0] * count
    return [int(length) for length in inputs["attention_mask"].sum(1)]


def _image_count(request: Request) -> int:
    return sum(len(message.images) for message in request.messages)
