"""Models of the transformers library, from the hub or a local folder, a batch at a time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from indexes.errors import GalleryError
from pipeline import models
from pipeline.devices import choose_device, choose_dtype
from pipeline.engines.contract import EngineSpec, OnReply, Request
from pipeline.engines.pictures import pictures
from pipeline.engines.turns import turn, without_system
from pipeline.errors import ConfigError, InputError, ModelError, did_you_mean
from pipeline.records import REFUSED, Reply

OPTIONS = ("device_map",)


class TransformersEngine:
    """One model; greedy unless a request's temperature says otherwise.

    Option ``device_map`` ("auto") spreads a large model over all devices instead of one.
    """

    def __init__(self, spec: EngineSpec) -> None:
        from pipeline.engines.loading import load

        for name in spec.options:
            if name not in OPTIONS:
                raise ConfigError(f"no engine option {name!r}", did_you_mean(name, list(OPTIONS)))
        self.model_name = spec.model
        self.batch_size = spec.batch_size
        self.device = choose_device(spec.device)
        dtype = choose_dtype(spec.dtype, self.device)
        source = str(models.local_folder(spec.model) or spec.model)
        device_map = spec.options.get("device_map")
        self._loaded = load(source, spec.revision, dtype, self.device, device_map)
        self.sees = self._loaded.sort != "text"

    def generate(self, requests: Sequence[Request], on_reply: OnReply | None = None) -> list[Reply]:
        """One reply per request, in order, the same whatever else is in the batch.

        A prompt that is longer than the context and a file that is no picture are errors of their
        replies. Raises ConfigError where a model is shown images it cannot take (or none where it
        needs one), and ModelError where the device has too little memory.
        """
        for request in requests:
            self._check_images(request)
        replies: dict[int, Reply] = {}
        for places in self._batches(requests):
            found = self._answers([requests[place] for place in places])
            for place, reply in zip(places, found, strict=True):
                replies[place] = reply
                if on_reply:
                    on_reply(place, reply)
        return [replies[place] for place in range(len(requests))]

    def _answers(self, requests: Sequence[Request]) -> list[Reply]:
        """The replies of one batch; where one request is at fault, each is asked alone."""
        try:
            return self._batch(requests)
        except (InputError, GalleryError) as problem:
            if len(requests) == 1:
                return [Reply("", finish=REFUSED, error=problem.message)]
            return [self._answers([request])[0] for request in requests]

    def _batches(self, requests: Sequence[Request]) -> list[list[int]]:
        """Places of requests that may share a batch: equal reply length, equal image count."""
        groups: dict[tuple[int, int], list[int]] = {}
        for place, request in enumerate(requests):
            kind = (request.sampling.max_tokens, _image_count(request))
            groups.setdefault(kind, []).append(place)
        size = max(1, self.batch_size)
        return [
            group[start : start + size]
            for group in groups.values()
            for start in range(0, len(group), size)
        ]

    def _check_images(self, request: Request) -> None:
        count = _image_count(request)
        if count and not self.sees:
            hint = "choose a vision-language model"
            raise ConfigError(f"{self.model_name} cannot look at images", hint)
        if count != 1 and self._loaded.sort == "captioner":
            hint = "choose a chat model for prompts without an image"
            raise ConfigError(f"{self.model_name} only captions, one image at a time", hint)

    def _batch(self, requests: Sequence[Request]) -> list[Reply]:
        started = time.perf_counter()
        inputs = self._inputs(requests)
        asked = self._prompt_lengths(inputs, len(requests))
        limit = requests[0].sampling.max_tokens
        context = self._loaded.context
        if self._loaded.sort != "captioner" and context and max(asked) + limit > context:
            if len(requests) > 1:  # padding counts too: each alone has all the room there is
                return [self._answers([request])[0] for request in requests]
            limit = self._room(asked[0], context)
        replies = self._decode(self._run(inputs, requests, limit), inputs)
        each = (time.perf_counter() - started) / len(requests)
        return [
            replace(reply, prompt_tokens=prompt, seconds=each)
            for reply, prompt in zip(replies, asked, strict=True)
        ]

    def _room(self, prompt: int, context: int) -> int:
        if prompt >= context:
            raise InputError(
                f"the prompt has {prompt} tokens; {self.model_name} reads {context}, "
                "its answer included",
                "shorten the modification",
            )
        return context - prompt

    def _run(self, inputs: Any, requests: Sequence[Request], limit: int) -> Any:
        """(rows, tokens) ids, prompts included. Raises ModelError out of memory."""
        import torch

        from pipeline.engines.drawing import make_noise

        noise = make_noise(requests)
        try:
            with torch.inference_mode():
                return self._loaded.model.generate(
                    **inputs.to(self._loaded.model.device),
                    max_new_tokens=limit,
                    do_sample=False,
                    pad_token_id=self._loaded.tokenizer.pad_token_id,
                    **({"logits_processor": noise} if noise else {}),
                )
        except torch.OutOfMemoryError as problem:
            raise ModelError(
                f"{self.model_name} does not fit the memory of {self.device} with "
                f"{len(requests)} prompts at once",
                "set a smaller batch_size in the profile, or choose a smaller model",
            ) from problem

    def _decode(self, output: Any, inputs: Any) -> list[Reply]:
        """The new tokens of every row as text, up to the first end mark."""
        start = inputs["input_ids"].shape[1] if "input_ids" in inputs else 0
        ends = self._loaded.model.generation_config.eos_token_id
        stops = set(ends if isinstance(ends, list) else [ends])
        first = 0 if start else 1  # a captioner's row begins with a mark, maybe its end mark
        replies = []
        for row in output[:, start:].tolist():
            found = (i for i in range(first, len(row)) if row[i] in stops)
            stop = next(found, len(row) - 1)
            ids = row[: stop + 1]
            text = self._loaded.tokenizer.decode(ids, skip_special_tokens=True)
            ended = bool(ids) and ids[-1] in stops
            finish = "stop" if ended else "length"
            replies.append(Reply(text.strip(), reply_tokens=len(ids), finish=finish))
        return replies

    def _prompt_lengths(self, inputs: Any, count: int) -> list[int]:
        if "input_ids" not in inputs:
            return [0] * count
        return [int(length) for length in inputs["attention_mask"].sum(1)]

    def _inputs(self, requests: Sequence[Request]) -> Any:
        loaded = self._loaded
        if loaded.sort == "captioner":
            images = [image for r in requests for m in r.messages for image in pictures(m)]
            return loaded.processor(images=images, return_tensors="pt").to(dtype=loaded.model.dtype)
        shown = loaded.sort == "chat"
        chats = [[turn(m, shown) for m in request.messages] for request in requests]
        return self._render(chats)

    def _render(self, chats: list[list[dict[str, Any]]]) -> Any:
        """Token ids of chats; a template without a system role gets it before the first turn."""
        from jinja2 import TemplateError

        try:
            return self._tokenize(chats)
        except TemplateError:
            return self._tokenize([without_system(chat) for chat in chats])

    def _tokenize(self, chats: list[list[dict[str, Any]]]) -> Any:
        """Left-padded inputs; marks such as <|im_end|> in a user's words are words, not marks."""
        loaded = self._loaded
        options: dict[str, Any] = {
            "tokenize": True, "return_dict": True, "return_tensors": "pt",
            "add_generation_prompt": True, "sanitize_control_tokens": True,
        }  # fmt: skip
        if loaded.sort == "text":
            inputs = loaded.tokenizer.apply_chat_template(chats, padding=True, **options)
            inputs.pop("token_type_ids", None)
            return inputs
        inputs = loaded.processor.apply_chat_template(
            chats, processor_kwargs={"padding": True, "padding_side": "left"}, **options
        )
        return inputs.to(dtype=loaded.model.dtype)


def _image_count(request: Request) -> int:
    return sum(len(message.images) for message in request.messages)
