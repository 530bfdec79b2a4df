"""Models of vLLM, in this process: continuous batching, shared prefixes, schemas held while decoding.

Every request is handed over by itself, so that one which cannot be taken (a prompt that is too
long, a file that is no picture) is refused alone, and all others are decoded together.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from ...indexes.errors import GalleryError, first_line
from ..errors import ConfigError, ModelError
from ..machine import models
from ..machine.devices import choose_dtype
from ..records.chat import REFUSED, Message, Reply
from ..records.keys import file_hash
from .choices import SHOWN, chances_of, likeliest
from .constraining import closed, constrains
from .contract import EngineSpec, OnReply, Request
from .last_words import Said, heard
from .options import check_names, template_of
from .pictures import pictures
from .turns import for_template

# Handed on to vLLM as they are; see its documentation of `vllm.LLM`.
LOADING = (
    "tensor_parallel_size",
    "gpu_memory_utilization",
    "max_model_len",
    "max_num_batched_tokens",
    "block_size",
    "enforce_eager",
    "quantization",
    "limit_mm_per_prompt",
    "mm_processor_kwargs",
)
OPTIONS = (*LOADING, "structured", "template")
# Blank lines and indents in an answer are paid for, and a small model may write them without end.
_COMPACT = {"backend": "xgrammar", "disable_any_whitespace": True}


class VLLMEngine:
    """One model in vLLM; ``batch_size`` is how many requests it decodes at once.

    Options beside those of ``vllm.LLM`` (see LOADING): ``structured`` ("none": a schema is not held
    while decoding), and ``template``, what the model's chat template is told
    (``{enable_thinking = false}``).
    """

    def __init__(self, spec: EngineSpec) -> None:
        check_names(spec.options, OPTIONS)
        self._template = dict(template_of(spec.options))
        self._structured = constrains(spec.options)
        # Its log of some hundred lines belongs to those who ask for it.
        self._quiet = os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR") == "ERROR"
        try:
            import vllm
        except ImportError as problem:
            raise ModelError(
                "the vllm engine needs the package vllm", "pip install 'likebut[vllm]'"
            ) from problem
        self._vllm = vllm
        self.model_name = spec.model
        self._llm = self._load(spec)
        self.sees = bool(self._llm.model_config.is_multimodal_model)

    def _load(self, spec: EngineSpec) -> Any:
        """Raises ModelError where the model, its device or the memory is not there."""
        device = _device(spec.device)
        dtype = str(choose_dtype(spec.dtype, device)).removeprefix("torch.")
        options = {name: value for name, value in spec.options.items() if name in LOADING}
        try:
            # Who asks for the log gets it as it comes: what is heard is that process's to the end.
            with heard() if self._quiet else nullcontext(Said()) as said:
                return self._vllm.LLM(
                    str(models.local_folder(spec.model) or spec.model),
                    revision=spec.revision,
                    tokenizer_revision=spec.revision,
                    dtype=dtype,
                    max_num_seqs=spec.batch_size,
                    enable_prefix_caching=True,
                    trust_remote_code=False,
                    disable_log_stats=True,
                    use_tqdm_on_load=False,
                    structured_outputs_config=_COMPACT,
                    **(_memory(device) | options),
                )
        except (OSError, ValueError, RuntimeError) as problem:
            raise ModelError(
                f"vLLM cannot load {spec.model}: {said.cause or first_line(problem, 300)}",
                "VLLM_LOGGING_LEVEL=INFO shows its log",
            ) from problem

    def generate(self, requests: Sequence[Request], on_reply: OnReply | None = None) -> list[Reply]:
        """One reply per request, in order; each is handed to ``on_reply`` as it is finished.

        Raises ConfigError for images that the model cannot look at, and ModelError where vLLM dies.
        """
        if not self.sees and any(m.images for request in requests for m in request.messages):
            raise ConfigError(f"{self.model_name} cannot look at images", "choose a vision-language model")
        replies: dict[int, Reply] = {}

        def keep(place: int, reply: Reply) -> None:
            replies[place] = reply
            if on_reply:
                on_reply(place, reply)

        from vllm.exceptions import VLLMClientError

        started = time.perf_counter()
        waiting: dict[str, int] = {}
        choices = [request.choices for request in requests]
        for place, request in enumerate(requests):
            try:
                waiting[self._enqueue(request)] = place
            except (VLLMClientError, ValueError, TypeError, GalleryError) as problem:
                keep(place, Reply("", finish=REFUSED, error=first_line(problem, 300)))
        try:
            self._decode(waiting, choices, keep, started)
        finally:  # after Ctrl-C the next call must not meet what this one left
            if waiting:
                self._llm.llm_engine.abort_request(list(waiting))
        return [replies[place] for place in range(len(requests))]

    def close(self) -> None:
        """End vLLM's processes and free its memory; the engine is of no use afterwards."""
        self._llm.llm_engine.engine_core.shutdown()

    def _enqueue(self, request: Request) -> str:
        """The id under which vLLM answers. Raises ValueError where it does not take the request."""
        sampling = request.sampling
        params = self._vllm.SamplingParams(
            temperature=sampling.temperature,
            seed=sampling.seed,
            max_tokens=1 if request.choices else sampling.max_tokens,
            structured_outputs=self._schema(request),
            logprobs=SHOWN if request.choices else None,
        )
        messages = for_template(request.messages, self._llm.get_tokenizer(), self._template)
        (ident,) = self._llm.enqueue_chat(
            [[_turn(message) for message in messages]],
            params,
            use_tqdm=False,
            chat_template_kwargs=self._template or None,
        )
        return str(ident).partition("-")[0]  # outputs are named without the suffix of the queue

    def _schema(self, request: Request) -> Any:
        if request.schema is None or not self._structured:
            return None
        from vllm.sampling_params import StructuredOutputsParams

        return StructuredOutputsParams(json=closed(request.schema))

    def _decode(
        self, waiting: dict[str, int], choices: Sequence[tuple[str, ...]], keep: OnReply, started: float
    ) -> None:
        """Step until all of ``waiting`` is answered; what is answered leaves it.

        The seconds of all replies add up to those since ``started``.
        """
        from vllm.exceptions import VLLMError

        while waiting:
            try:
                outputs = self._llm.llm_engine.step()
            except (VLLMError, RuntimeError) as problem:
                waiting.clear()  # the engine is gone, and nothing is left to be taken back
                raise ModelError(
                    f"vLLM died while {self.model_name} was answering: {first_line(problem, 300)}",
                    "VLLM_LOGGING_LEVEL=INFO shows its log; the answers so far are kept",
                ) from problem
            done = [one for one in outputs if one.finished and one.request_id in waiting]
            # All are decoded side by side: the time since the last answers belongs to these.
            passed = time.perf_counter() - started
            started += passed if done else 0.0
            for output in done:
                place = waiting.pop(output.request_id)
                keep(place, _reply(output, choices[place], passed / len(done)))


def _device(asked: str) -> str:
    """The device this build of vLLM runs on. Raises ModelError where another is asked for."""
    from vllm.platforms import current_platform

    here = str(current_platform.device_type)
    if asked != "auto" and asked.partition(":")[0] != here:
        raise ModelError(
            f"device {asked!r} is not here: vLLM runs on {here or 'no device'}",
            "install the vLLM of your device, or choose another profile",
        )
    return here


def _memory(device: str) -> dict[str, float]:
    """On a processor, the share of all memory that is taken: of what is free, and not of what is there."""
    if device != "cpu" or os.environ.get("VLLM_CPU_KVCACHE_SPACE"):
        return {}
    import psutil

    memory = psutil.virtual_memory()
    return {"gpu_memory_utilization": share_of_memory(memory.available, memory.total)}


def share_of_memory(free: float, total: float) -> float:
    """What vLLM may plan with: four fifths of what is free, at most its own 0.92 of all."""
    return max(0.01, min(0.92, int(80 * free / total) / 100))


def _turn(message: Message) -> dict[str, Any]:
    """A message as vLLM takes it: the images first, each under the hash of its content."""
    if not message.images:
        return {"role": message.role, "content": message.text}
    parts: list[dict[str, Any]] = [
        {"type": "image_pil", "image_pil": picture, "uuid": file_hash(path)}
        for path, picture in zip(message.images, pictures(message), strict=True)
    ]
    return {"role": message.role, "content": [*parts, {"type": "text", "text": message.text}]}


def _reply(output: Any, choices: tuple[str, ...], seconds: float) -> Reply:
    answer = output.outputs[0]
    chances = {}
    if choices:
        shown = [(one.decoded_token or "", one.logprob) for one in answer.logprobs[0].values()]
        chances = chances_of(choices, shown)
    return Reply(
        likeliest(chances) if chances else answer.text.strip(),
        prompt_tokens=len(output.prompt_token_ids or ()),
        reply_tokens=len(answer.token_ids),
        seconds=seconds,
        finish="stop" if chances else str(answer.finish_reason or "stop"),
        chances=chances,
    )
