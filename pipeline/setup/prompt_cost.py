"""How many tokens a prompt has for the models of a profile, and what text they are given.

Tokenizers come from this machine alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from .. import prompting
from ..config.profile import EngineChoice, Profile
from ..engines.turns import chat_text, says_nothing_of_system
from ..errors import ModelError
from ..machine import foreign, models
from ..prompting import Prompt
from ..records.chat import Message

# Two queries that share no word, for prompts without examples.
_SAMPLES = (
    "two red apples on a wooden table beside a window",
    "make it night, without people, and put a dog there",
)


@dataclass(frozen=True)
class Tokens:
    """Of one query's prompt: ``whole``, and the ``fixed`` head that all queries share."""

    whole: int
    fixed: int


def model_for(prompt: Prompt, profile: Profile) -> EngineChoice:
    """The model of a profile that gets a prompt: the captioner for describe/…, else the reasoner."""
    describes = prompting.path_of(prompt.name).parent.name == "describe"
    return profile.captioner if describes else profile.reasoner


def tokenizer_of(choice: EngineChoice) -> Any:
    """The tokenizer of a model. Raises ModelError where none is on this machine, or none is used."""
    folder = models.local_folder(choice.model)
    return _tokenizer(str(folder or choice.model), choice.revision, choice.model)


@cache
def _tokenizer(source: str, revision: str | None, name: str) -> Any:
    import transformers

    from ..engines.loading import CAPTIONERS

    options = {"revision": revision, "local_files_only": True, "trust_remote_code": False}
    transformers.logging.set_verbosity_error()
    try:
        kind = transformers.AutoConfig.from_pretrained(source, **options).model_type
        if kind in CAPTIONERS:
            raise ModelError(f"{name} takes no text")
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, **options)
    except (OSError, ValueError, KeyError, ImportError) as problem:
        if foreign.wants_to_run(problem):
            raise foreign.refused(name) from problem
        raise ModelError(
            f"the tokenizer of {name} is not on this machine", f"hf download {name}"
        ) from problem
    if not tokenizer.chat_template:
        raise ModelError(f"{name} has no chat template")
    return tokenizer


def sample(prompt: Prompt) -> tuple[dict[str, str], dict[str, str]]:
    """Values of the variables for two queries: the first is an example's, where there is one."""
    shown: Mapping[str, Any] = prompt.examples[0] if prompt.examples else {}
    one, other = _SAMPLES
    return (
        {name: str(shown.get(name, one)) for name in prompt.variables},
        dict.fromkeys(prompt.variables, other),
    )


def count(prompt: Prompt, tokenizer: Any) -> Tokens:
    """The tokens of a prompt, marks of the chat included."""
    ids = [
        tokenizer.encode(chat_text(tokenizer, prompting.render(prompt, values)), add_special_tokens=False)
        for values in sample(prompt)
    ]
    return Tokens(len(ids[0]), _shared(*ids) if prompt.variables else len(ids[0]))


def moves_system(prompt: Prompt, tokenizer: Any) -> bool:
    """Whether a model is told the prompt's system message in the first user turn, for want of a role."""
    return says_nothing_of_system(tokenizer, prompting.render(prompt, sample(prompt)[0]))


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many items two lists begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def given_text(messages: Sequence[Message], choice: EngineChoice) -> str:
    """The text that a model is given for messages. Raises ModelError as `tokenizer_of`."""
    return chat_text(tokenizer_of(choice), messages)
