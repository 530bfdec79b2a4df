"""Where open_clip's weights come from: a tag, a file, a folder or a hub model; and their activation.

Weights run under another activation than they were trained with give other vectors, without a word.
"""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...indexes.errors import first_line
from ..errors import ConfigError, ModelError, check_choice, did_you_mean
from ..machine import foreign, models
from .contract import EncoderSpec
from .options import check_names
from .state import state_hash

QUICK = "quickgelu"
SUFFIX = f"-{QUICK}"
ACTIVATIONS = ("gelu", QUICK)


@dataclass(frozen=True)
class Source:
    """A model as open_clip's ``create_model`` takes it: ``name``, a tag or path, and what is forced.

    ``folder`` or ``file`` is where its weights lie, if on disk by name of the profile.
    """

    name: str
    pretrained: str | None = None
    folder: Path | None = None
    file: Path | None = None
    quick: bool = False
    preprocessing: dict[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """What the encoder's name says beside the model: the tag, or the name of the file."""
        said = self.file.name if self.file else self.pretrained
        return f" {said}" if said else ""

    def fingerprint(self, model: Any) -> str:
        """What identifies the weights: a file's are known by their activation, too, wherever it lies."""
        if self.folder:
            return models.encoder_fingerprint(self.folder)
        state = state_hash(model)
        if not self.file:
            return state
        return hashlib.sha256(f"{state} {QUICK if self.quick else 'gelu'}".encode()).hexdigest()


def source_of(spec: EncoderSpec) -> Source:
    """What a spec asks open_clip for. Raises ConfigError, and ModelError for what is absent."""
    check_names("open_clip", spec.options, ("activation",))
    said = spec.options.get("activation")
    if said is not None:
        check_choice("encoder option activation", said, ACTIVATIONS)
    folder = models.local_folder(spec.model)
    if folder or spec.model.startswith("hf-hub:"):
        return _of_config(spec, folder)
    _check_model(spec.model)
    file = models.weights_path(spec.pretrained)
    if file is None:
        _check_tag(spec.model, spec.pretrained, said)
        return Source(spec.model, spec.pretrained, quick=said == QUICK)
    quick = _activation_of_file(spec.model, file, said) == QUICK
    return Source(spec.model, str(file), None, file, quick, _preprocessing(spec.model))


def _of_config(spec: EncoderSpec, folder: Path | None) -> Source:
    """A folder or hub model, whose own configuration says everything."""
    for name, value in (("pretrained", spec.pretrained), ("activation", spec.options.get("activation"))):
        if value:
            raise ConfigError(
                f"encoder {spec.model} takes no {name}: its own open_clip_config.json goes before it",
                f"leave out {name}, or name one of open_clip's models as model",
            )
    return Source(f"local-dir:{folder}" if folder else spec.model, folder=folder)


def _check_model(model: str) -> None:
    """Raises ConfigError for a name that open_clip does not know."""
    import open_clip

    if model not in open_clip.list_models():
        raise ConfigError(f"no encoder model {model!r}", did_you_mean(model, open_clip.list_models()))


def _check_tag(model: str, tag: str | None, said: str | None) -> None:
    """A plain name needs a tag, or its weights would be random; and a tag its own activation.

    Raises ConfigError, naming the config or option that fits.
    """
    import open_clip

    tags = open_clip.list_pretrained_tags_by_model(model)
    if not tag:
        hint = "or the path of a file of weights; known: " + ", ".join(tags)
        raise ConfigError(f"encoder {model} needs a pretrained tag", hint)
    plain = model.removesuffix(SUFFIX)
    if not open_clip.is_pretrained_cfg(model, tag):
        if plain != model and open_clip.is_pretrained_cfg(plain, tag):
            raise ConfigError(
                f"the weights {tag} of {plain} were trained with GELU, and {model} has QuickGELU",
                f'model = "{plain}" in the profile fits them',
            )
        raise ConfigError(f"encoder {model} has no weights {tag!r}", did_you_mean(tag, tags))
    trained = open_clip.get_pretrained_cfg(model, tag).get("quick_gelu", False)
    has = _has_quick(model)
    if trained and not (has or said == QUICK):
        raise ConfigError(
            f"the weights {tag} of {model} were trained with QuickGELU, which it does not have",
            f'model = "{model}{SUFFIX}" in the profile does',
        )
    if said and (said == QUICK) != (trained or has):
        raise ConfigError(
            f"the weights {tag} of {model} were not trained with activation {said!r}",
            "leave out activation: open_clip knows that of a tag",
        )


def _activation_of_file(model: str, file: Path, said: str | None) -> str:
    """The activation that weights of a file run under. Raises ConfigError where nobody says it."""
    if not file.is_file():
        raise ModelError(f"no file of weights {file}", "check pretrained in the profile")
    if _has_quick(model):
        if said == "gelu":
            raise ConfigError(
                f"encoder {model} has QuickGELU, and the option activation says gelu",
                f'model = "{model.removesuffix(SUFFIX)}" has GELU',
            )
        return QUICK
    if said is None and _has_activation(model):
        raise ConfigError(
            f"weights from a file do not say their activation, and a wrong one gives other vectors: {file}",
            f"model = \"{model}{SUFFIX}\" where they were tuned from OpenAI's, MetaCLIP's or DFN's, "
            'else activation = "gelu" under [encoder.options]',
        )
    return said or "gelu"


def _has_quick(model: str) -> bool:
    import open_clip

    return bool((open_clip.get_model_config(model) or {}).get("quick_gelu", False))


def _has_activation(model: str) -> bool:
    """Whether either tower is open_clip's own: those of timm and transformers bring their activation."""
    import open_clip

    config = open_clip.get_model_config(model) or {}
    foreign_towers = "timm_model_name" in config["vision_cfg"], "hf_model_name" in config["text_cfg"]
    return not all(foreign_towers)


def _preprocessing(model: str) -> dict[str, Any]:
    """How all tags of a model want pictures (SigLIP's differ from CLIP's); nothing where they disagree."""
    import open_clip

    keys = ("mean", "std", "interpolation", "resize_mode")
    tags = open_clip.list_pretrained_tags_by_model(model)
    known = [open_clip.get_pretrained_cfg(model, tag) for tag in tags]
    wanted = [{key: config[key] for key in keys if key in config} for config in known]
    return wanted[0] if wanted and all(one == wanted[0] for one in wanted) else {}


def load(source: Source) -> tuple[Any, Any]:
    """The model and its tokenizer. Raises ModelError."""
    import open_clip
    from safetensors import SafetensorError

    damage = (OSError, EOFError, RuntimeError, ValueError, KeyError, TypeError, AttributeError)
    foreign.never_ask()
    try:
        model = open_clip.create_model(
            source.name,
            pretrained=source.pretrained,
            require_pretrained=True,
            force_quick_gelu=source.quick,
            force_preprocess_cfg=source.preprocessing,
        )
        tokenizer = open_clip.get_tokenizer(source.name)
    except (*damage, SafetensorError, pickle.UnpicklingError) as problem:
        if foreign.wants_to_run(problem):
            raise foreign.refused(source.name) from problem
        raise _unloadable(source, problem) from problem
    return model, tokenizer


def _unloadable(source: Source, problem: BaseException) -> ModelError:
    what = f"{source.name} {source.pretrained}" if source.pretrained else source.name
    if not source.file:
        hint = "check the folder; a hub model is fetched by running once with a network"
        return ModelError(f"cannot load the encoder {what}: {first_line(problem)}", hint)
    lines = str(problem).strip().splitlines()
    telling = [line.strip() for line in lines if "key(s) in state_dict" in line or "mismatch" in line]
    why = telling[0][:160] if telling else first_line(problem)
    return ModelError(
        f"cannot load the encoder {what}: {why}",
        f"the file must hold the weights of {source.name} in open_clip's names: .safetensors, or a state "
        "dict (bare, or under state_dict) saved by torch.save",
    )


def hub_name(model: str, pretrained: str | None) -> str:
    """The hub repository of a model, or of the tag ``pretrained`` of it."""
    name = model.removeprefix("hf-hub:")
    if not pretrained:
        return name
    import open_clip

    config = open_clip.get_pretrained_cfg(model, pretrained) or {}
    return str(config.get("hf_hub", "")).rstrip("/") or name
