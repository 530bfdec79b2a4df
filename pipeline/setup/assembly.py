"""From names to a composer: reads recipe and profile, opens the cache, loads no model."""

from __future__ import annotations

from pathlib import Path

from pipeline.asking.budget import Budget
from pipeline.asking.cache import Cache
from pipeline.asking.encoder import CachedEncoder
from pipeline.asking.engine import CachedEngine
from pipeline.asking.read_only import ReadOnlyCache
from pipeline.config.files import load_profile, load_recipe
from pipeline.config.profile import EngineChoice, Profile
from pipeline.encoders.contract import EncoderSpec
from pipeline.engines.contract import EngineSpec
from pipeline.records.chat import Sampling
from pipeline.stages.composer import Composer
from pipeline.stages.vocabulary import vocabulary


def assemble(
    recipe: str,
    profile: str,
    cache_path: Path,
    *,
    weights: dict[str, float] | None = None,
    samples: int | None = None,
    choose: str | None = None,
    device: str | None = None,
    offline: bool = False,
    budget: Budget | None = None,
    dry: bool = False,
) -> Composer:
    """A composer without an index yet (see `Composer.on`); models load when first needed.

    Its engines spend the ``budget``. A ``dry`` one is there for `estimate.estimate`: it looks at the
    cache and leaves it as it is. Raises ConfigError for names and values that do not hold (a limit
    of dollars without a price is one), and ModelError for a device that is asked for and missing.
    """
    models = load_profile(profile)
    chosen = load_recipe(recipe, models.variant).with_weights(weights or {})
    chosen = chosen.with_samples(samples, choose)
    _prepare(device, offline, models.threads)
    cache = ReadOnlyCache(cache_path) if dry else Cache(cache_path)
    budget = budget or Budget(kept=cache_path)
    captioner = budget.account(models.captioner.model, models.captioner.charge)
    reasoner = budget.account(models.reasoner.model, models.reasoner.charge)
    for account, asked in ((captioner, chosen.describe), (reasoner, chosen.reason)):
        if asked:
            account.check()
    specs = _engine(models.captioner, device), _engine(models.reasoner, device)
    describing = CachedEngine(specs[0], cache, account=captioner)
    # A model that does both is loaded once.
    alike = specs[0] == specs[1] and models.captioner.charge == models.reasoner.charge
    reasoning = describing if alike else CachedEngine(specs[1], cache, account=reasoner)
    return Composer(
        recipe=chosen,
        profile=models.name,
        captioner=describing,
        reasoner=reasoning,
        encoder=CachedEncoder(_encoder(models, device), cache),
        captioner_sampling=_sampling(models.captioner),
        reasoner_sampling=_sampling(models.reasoner),
        reasoner_sees=models.reasoner.sees,
        words=vocabulary(models.vocabulary),
    )


def open_encoder(
    profile: str, cache_path: Path, *, device: str | None = None, offline: bool = False
) -> CachedEncoder:
    """The encoder of a profile alone. Raises as `assemble` does."""
    models = load_profile(profile)
    _prepare(device, offline, models.threads)
    return CachedEncoder(_encoder(models, device), Cache(cache_path))


def _prepare(device: str | None, offline: bool, threads: int) -> None:
    """Check before any work: a missing device is an error even where all answers are cached."""
    from pipeline.machine.devices import choose_device, forbid_network, limit_threads

    limit_threads(threads)
    if offline:
        forbid_network()
    if device not in (None, "cpu"):
        choose_device(device or "auto")


def _engine(choice: EngineChoice, device: str | None) -> EngineSpec:
    return EngineSpec(
        choice.engine, choice.model, choice.revision, device or choice.device, choice.dtype,
        choice.batch_size, choice.options,
    )  # fmt: skip


def _encoder(models: Profile, device: str | None) -> EncoderSpec:
    choice = models.encoder
    return EncoderSpec(
        choice.encoder, choice.model, choice.pretrained, device or choice.device, choice.dtype,
        choice.batch_size,
    )  # fmt: skip


def _sampling(choice: EngineChoice) -> Sampling:
    return Sampling(max_tokens=choice.max_tokens, temperature=choice.temperature)
