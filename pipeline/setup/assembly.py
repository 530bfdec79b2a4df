"""From names to a composer: reads recipe and profile, opens the cache, loads no model."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..asking.budget import Budget
from ..asking.cache import Cache
from ..asking.encoder import CachedEncoder
from ..asking.engine import CachedEngine
from ..asking.read_only import ReadOnlyCache
from ..config.files import load_profile, load_recipe
from ..config.profile import EngineChoice, Profile
from ..config.recipe import Recipe
from ..encoders.contract import Encoder, EncoderSpec
from ..engines import kind_of
from ..engines.contract import EngineSpec
from ..errors import ConfigError, did_you_mean
from ..records.chat import Price, Sampling
from ..stages.composer import Composer
from ..stages.judges import JUDGES
from ..stages.languages import Reads
from ..stages.vocabulary import vocabulary
from .afar import check_device, workers_of
from .making import HERE, Making
from .names import Setup

if TYPE_CHECKING:
    from ...indexes.cluster import Elsewhere
    from ..asking.budget import Account


def assemble(
    setup: Setup, budget: Budget | None = None, *, dry: bool = False, making: Making = HERE
) -> Composer:
    """A composer without an index yet (see `Composer.on`); models load when first needed, by ``making``.

    Its engines spend the ``budget``, or that of the setup. A ``dry`` one is there for
    `estimate.estimate`: it looks at the cache and leaves it as it is. Raises ConfigError for names and
    values that do not hold (a limit of dollars without a price is one), and ModelError for a device
    that is asked for and missing.
    """
    models = load_profile(setup.profile)
    chosen = _recipe(setup, models)
    device = setup.device
    _prepare(setup, models.threads)
    cache = ReadOnlyCache(setup.answers) if dry else Cache(setup.answers)
    budget = budget or setup.budget()
    captioner = budget.account(models.captioner.model, charge_of(models.captioner))
    reasoner = budget.account(models.reasoner.model, charge_of(models.reasoner))
    asks = chosen.describe and chosen.describe.asks
    looks = chosen.rerank or chosen.refine
    for account, asked in ((captioner, asks), (reasoner, chosen.reason or looks)):
        if asked:
            account.check()
    specs = _engine(models.captioner, device), _engine(models.reasoner, device)
    workers = None if dry else workers_of(setup, models, chosen)

    def behind(spec: EngineSpec, account: Account) -> CachedEngine:
        runs_here = kind_of(spec.engine).runs == "here"
        return CachedEngine(spec, cache, None, account, making.engine, workers if runs_here else None)

    describing = behind(specs[0], captioner)
    # A model that does both is loaded once.
    alike = specs[0] == specs[1] and captioner.price == reasoner.price
    reasoning = describing if alike else behind(specs[1], reasoner)
    return Composer(
        recipe=chosen,
        profile=models.name,
        captioner=describing,
        reasoner=reasoning,
        encoder=_asking(setup, models, cache, making),
        captioner_sampling=_sampling(models.captioner),
        reasoner_sampling=_sampling(models.reasoner),
        reasoner_sees=models.reasoner.sees,
        judge=_judge(models, chosen, device, budget, behind) or reasoning,
        judge_sees=(models.judge or models.reasoner).sees,
        words=vocabulary(models.vocabulary),
        reads=Reads(models.encoder.language, models.encoder.multilingual),
        unwanted=setup.without,
    )


def _recipe(setup: Setup, models: Profile) -> Recipe:
    """The recipe as the setup changes it. Raises ConfigError."""
    chosen = load_recipe(setup.recipe, models.variant).with_weights(dict(setup.weights))
    chosen = chosen.with_samples(setup.samples, setup.choose).with_rerank(setup.rerank, setup.top)
    chosen = chosen.in_language(models.encoder.language)
    check_judge(chosen)
    return chosen


def open_encoder(setup: Setup, making: Making = HERE) -> CachedEncoder:
    """The tower of a profile alone, without its light side. Raises as `assemble` does."""
    models = load_profile(setup.profile)
    _prepare(setup, models.threads)
    return CachedEncoder(_encoder(models, setup.device), Cache(setup.answers), make=making.encoder)


def _asking(setup: Setup, models: Profile, cache: Cache, making: Making) -> CachedEncoder:
    """The encoder of queries, with its light side where the profile names one. Raises ModelError."""
    spec, file = _encoder(models, setup.device), models.encoder.light
    if not file:
        return CachedEncoder(spec, cache, make=making.encoder)
    from ..asking.light import LightEncoder
    from ..encoders.light import read_light

    mend = f"learn it: likebut index light --small PROFILE --to {setup.profile} --out {file}"
    light = read_light(Path(file).expanduser(), mend)
    mend = mend.replace("PROFILE", light.small.profile)
    return LightEncoder(spec, cache, light, mend, making.encoder)


def elsewhere(setup: Setup) -> Elsewhere | None:
    """The Ray cluster whose workers encode with the profile's encoder, where the setup names one.

    Nothing is connected yet. Raises ConfigError as `afar.check_device`.
    """
    if setup.on is None:
        return None
    from ...indexes.cluster import Elsewhere

    check_device(setup)
    models = load_profile(setup.profile)
    return Elsewhere(setup.on, partial(_load_encoder, _encoder(models, setup.device), setup.offline))


def _load_encoder(spec: EncoderSpec, offline: bool) -> Encoder:
    """The encoder, in a worker. Raises as `make_encoder` does."""
    from ..encoders import make_encoder
    from ..machine.devices import forbid_network

    if offline:
        forbid_network()
    return make_encoder(spec)


def _prepare(setup: Setup, threads: int) -> None:
    """Check before any work: a missing device is an error even where all answers are cached."""
    from ..machine.devices import choose_device, forbid_network, limit_threads

    limit_threads(threads)
    if setup.offline:
        forbid_network()
    if setup.device not in (None, "cpu"):
        choose_device(setup.device or "auto")


def _judge(
    models: Profile,
    recipe: Recipe,
    device: str | None,
    budget: Budget,
    behind: Callable[[EngineSpec, Account], CachedEngine],
) -> CachedEngine | None:
    """The judge of the profile; None where the recipe has none, or the reasoner judges."""
    if not (recipe.rerank or recipe.refine) or models.judge is None:
        return None
    account = budget.account(models.judge.model, charge_of(models.judge))
    account.check()
    return behind(_engine(models.judge, device), account)


def check_judge(recipe: Recipe) -> None:
    """Raises ConfigError for a judge that there is not."""
    for stage in recipe.rerank:
        if stage.judge not in JUDGES:
            raise ConfigError(f"no judge {stage.judge!r}", did_you_mean(stage.judge, [*JUDGES, "none"]))


def charge_of(choice: EngineChoice) -> Price | None:
    """What its tokens cost: as the profile says, nothing in this process, else not known."""
    if choice.price:
        return Price(choice.price.input, choice.price.output)
    return Price(0.0, 0.0) if kind_of(choice.engine).runs == "here" else None


def _engine(choice: EngineChoice, device: str | None) -> EngineSpec:
    return EngineSpec(
        choice.engine,
        choice.model,
        choice.revision,
        device or choice.device,
        choice.dtype,
        choice.batch_size,
        choice.options,
    )


def _encoder(models: Profile, device: str | None) -> EncoderSpec:
    choice = models.encoder
    return EncoderSpec(
        choice.encoder,
        choice.model,
        choice.pretrained,
        device or choice.device,
        choice.dtype,
        choice.batch_size,
        choice.options,
    )


def _sampling(choice: EngineChoice) -> Sampling:
    return Sampling(max_tokens=choice.max_tokens, temperature=choice.temperature)
