"""Models of the transformers library, from the hub or a local folder.

Three sorts, told apart by their config and processor: captioners without chat (GIT, BLIP: they
look, and take no instructions), chat VLMs, and causal LMs that only read.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from pipeline import models
from pipeline.devices import choose_device, choose_dtype
from pipeline.engines.contract import EngineSpec, Request
from pipeline.errors import ConfigError, InputError, ModelError
from pipeline.records import Message, Reply

CAPTIONERS = ("git", "blip", "vision-encoder-decoder")


class TransformersEngine:
    """One model that answers batches; greedy unless the request's temperature says otherwise."""

    def __init__(self, spec: EngineSpec) -> None:
        self.model_name = spec.model
        self.batch_size = spec.batch_size
        self.device = choose_device(spec.device)
        dtype = choose_dtype(spec.dtype, self.device)
        source = str(models.local_folder(spec.model) or spec.model)
        self.sort, self._processor, self._model = _load(source, spec.revision, dtype)
        self._model = self._model.to(self.device).eval()
        self.sees = self.sort != "text"
        self._tokenizer = getattr(self._processor, "tokenizer", self._processor)
        self._tokenizer.padding_side = "left"
        if self._tokenizer.pad_token is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token

    def generate(self, requests: Sequence[Request]) -> list[Reply]:
        """One reply per request, in order.

        Raises ConfigError where a model that cannot see is shown images, and InputError where a
        prompt is longer than the model's context.
        """
        replies: list[Reply] = []
        for start in range(0, len(requests), self.batch_size):
            replies += self._batch(requests[start : start + self.batch_size])
        return replies

    def _batch(self, requests: Sequence[Request]) -> list[Reply]:
        import torch

        started = time.perf_counter()
        inputs = self._inputs(requests)
        length = inputs["input_ids"].shape[1] if "input_ids" in inputs else 0
        sampling = requests[0].sampling
        self._check_length(length + sampling.max_tokens, length)
        options: dict[str, Any] = {"max_new_tokens": sampling.max_tokens, "do_sample": False}
        if sampling.temperature > 0:
            torch.manual_seed(sampling.seed)
            options |= {"do_sample": True, "temperature": sampling.temperature}
        with torch.inference_mode():
            output = self._model.generate(**inputs.to(self.device), **options)
        new = output[:, length:] if self.sort != "captioner" or length else output
        texts = self._tokenizer.batch_decode(new, skip_special_tokens=True)
        seconds = (time.perf_counter() - started) / len(requests)
        pad = self._tokenizer.pad_token_id
        counts = (new != pad).sum(1).tolist()
        asked = inputs["attention_mask"].sum(1).tolist() if length else [0] * len(texts)
        return [
            Reply(text.strip(), int(prompt), int(count), seconds)
            for text, prompt, count in zip(texts, asked, counts, strict=True)
        ]

    def _check_length(self, needed: int, prompt: int) -> None:
        text_config = self._model.config.get_text_config()
        limit = getattr(text_config, "max_position_embeddings", None)
        if self.sort != "captioner" and limit and needed > limit:
            raise InputError(
                f"the prompt has {prompt} tokens; {self.model_name} takes {limit} with its answer",
                "shorten the modification",
            )

    def _inputs(self, requests: Sequence[Request]) -> Any:
        if self.sort == "captioner":
            images = [_images(request.messages)[0] for request in requests]
            return self._processor(images=images, return_tensors="pt").to(dtype=self._model.dtype)
        if self.sort == "text":
            if any(_images(request.messages) for request in requests):
                raise ConfigError(
                    f"{self.model_name} cannot look at images", "choose a vision-language model"
                )
            chats = [[{"role": m.role, "content": m.text} for m in r.messages] for r in requests]
            texts = self._tokenizer.apply_chat_template(chats, tokenize=False, add_generation_prompt=True)
            inputs = self._tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
            inputs.pop("token_type_ids", None)
            return inputs
        chats = [[_parts(message) for message in request.messages] for request in requests]
        inputs = self._processor.apply_chat_template(
            chats, tokenize=True, return_dict=True, return_tensors="pt", add_generation_prompt=True,
            processor_kwargs={"padding": True},
        )  # fmt: skip
        return inputs.to(dtype=self._model.dtype)


def _parts(message: Message) -> dict[str, Any]:
    """A message in the form of chat VLM processors: images first, then the text."""
    from indexes.decode import load_image

    content: list[dict[str, Any]] = [
        {"type": "image", "image": load_image(path)} for path in message.images
    ]
    return {"role": message.role, "content": [*content, {"type": "text", "text": message.text}]}


def _images(messages: Sequence[Message]) -> list[Any]:
    from indexes.decode import load_image

    return [load_image(path) for message in messages for path in message.images]


def _load(source: str, revision: str | None, dtype: Any) -> tuple[str, Any, Any]:
    """Sort, processor or tokenizer, and model. Raises ModelError."""
    import transformers
    from transformers import AutoConfig, AutoProcessor, AutoTokenizer
    from transformers.models.auto import modeling_auto as auto

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        config = AutoConfig.from_pretrained(source, revision=revision)
        kind = config.model_type
        if kind in auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES or kind in CAPTIONERS:
            processor: Any = AutoProcessor.from_pretrained(source, revision=revision)
            model: Any = transformers.AutoModelForImageTextToText.from_pretrained(
                source, revision=revision, dtype=dtype
            )
            chat = getattr(processor, "chat_template", None)
            return ("chat" if chat and kind not in CAPTIONERS else "captioner"), processor, model
        tokenizer = AutoTokenizer.from_pretrained(source, revision=revision)
        model = transformers.AutoModelForCausalLM.from_pretrained(source, revision=revision, dtype=dtype)
    except (OSError, ValueError, ImportError) as problem:
        first = str(problem).strip().splitlines()[0][:160]
        raise ModelError(
            f"cannot load the model {source}: {first}",
            f"fetch it once with a network (hf download {source}), or use --profile pocket",
        ) from problem
    return "text", tokenizer, model
