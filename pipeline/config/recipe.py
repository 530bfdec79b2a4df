"""A recipe: which stages, prompts, grains and weights; a method as data."""

from __future__ import annotations

from typing import Any

from pydantic import field_validator

from .. import scoring
from ..errors import ConfigError, did_you_mean
from ..records.roles import ELEMENTS, ROLES, role_of
from .finite import Finite
from .parts import DescribeStage, Fusion, ReasonStage, RerankStage
from .strict import Strict


def _several(value: Any) -> Any:
    """One question, or several."""
    return [value] if isinstance(value, dict) else value


class Variant(Strict):
    """The numbers of a method for one kind of data or models; chosen as ``recipe@variant``.

    A profile names the variant that fits its models, which its queries take unasked. ``reason``, where
    it is there, are other questions than the recipe's.
    """

    reason: list[ReasonStage] | None = None

    grains: dict[str, Finite] = {}
    caption_grains: dict[str, Finite] = {}
    mixes: dict[str, dict[str, Finite]] = {}
    numbers: dict[str, Finite] = {}

    _questions = field_validator("reason", mode="before")(_several)


class Recipe(Strict):
    """A method as data; a stage that is absent is skipped.

    ``mixes`` name grains that are made of other grains: weighted, added, and brought to length 1.
    ``grains`` score the gallery's pictures, ``caption_grains`` its captions. With ``trust``, grains of what
    the reasoner said count as far as it can be relied on, see `likebut.pipeline.stages.trust`.
    """

    name: str = ""
    description: str
    paper: str = ""
    weights_from: str = ""
    exclude_reference: bool = True
    trust: bool = False
    describe: DescribeStage | None = None
    reason: list[ReasonStage] = []
    mixes: dict[str, dict[str, Finite]] = {}
    grains: dict[str, Finite]
    caption_grains: dict[str, Finite] = {}
    fusion: Fusion = Fusion()
    rerank: list[RerankStage] = []
    variants: dict[str, Variant] = {}

    _questions = field_validator("reason", "rerank", mode="before")(_several)

    def with_weights(self, weights: dict[str, float]) -> Recipe:
        """The recipe with some weights changed. Raises ConfigError for an unknown grain."""
        shown: dict[str, float] = {}
        captions: dict[str, float] = {}
        for name, weight in weights.items():
            role = name.removeprefix("caption/")
            self.check_grain(role, "--weight")
            (shown if role == name else captions)[role] = weight
        changed = {"grains": {**self.grains, **shown}}
        changed["caption_grains"] = {**self.caption_grains, **captions}
        recipe = self.model_copy(update=changed)
        recipe.check_caption_grains("--weight")
        return recipe

    def with_samples(self, samples: int | None, choose: str | None) -> Recipe:
        """The recipe with every question asked so often. Raises ConfigError where it asks none."""
        changes = {"samples": samples, "choose": choose}
        given = {name: value for name, value in changes.items() if value is not None}
        if given and not self.reason:
            raise ConfigError(
                f"recipe {self.name} asks the reasoner nothing", "leave out --samples and --choose"
            )
        stages = [stage.model_copy(update=given) for stage in self.reason]
        recipe = self.model_copy(update={"reason": stages})
        recipe.check_samples("--samples")
        return recipe

    def with_rerank(self, judge: str | None, top: int | None) -> Recipe:
        """The recipe with another judge ("none": without one) or shortlist. Raises ConfigError."""
        stages = [] if judge == "none" else self.rerank
        if judge not in (None, "none", *(stage.judge for stage in stages)):
            stages = [RerankStage.model_validate({"judge": judge})]
        if top is not None and not stages:
            raise ConfigError(f"recipe {self.name} has no judge for --top", "name one with --rerank")
        if top is not None:
            stages = [stage.model_copy(update={"top": top}) for stage in stages]
        return self.model_copy(update={"rerank": stages})

    def check_samples(self, where: str) -> None:
        """Raises ConfigError where several samples of a question would be one and the same."""
        if any(stage.samples > 1 and stage.temperature == 0 for stage in self.reason):
            raise ConfigError(
                f"{where}: several samples at temperature 0 are one answer",
                "set temperature = 0.7 under [reason], or leave it out",
            )

    def with_variant(self, name: str) -> Recipe:
        """The recipe with the numbers of a variant. Raises ConfigError for an unknown one."""
        if name not in self.variants:
            raise ConfigError(
                f"recipe {self.name} has no variant {name!r}", did_you_mean(name, list(self.variants))
            )
        chosen = self.variants[name]
        numbers = {**self.fusion.numbers, **chosen.numbers}
        return self.model_copy(
            update={
                "name": f"{self.name}@{name}",
                "reason": self.reason if chosen.reason is None else chosen.reason,
                "grains": {**self.grains, **chosen.grains},
                "caption_grains": {**self.caption_grains, **chosen.caption_grains},
                "mixes": {**self.mixes, **chosen.mixes},
                "fusion": self.fusion.model_copy(update={"numbers": numbers}),
            }
        )

    @property
    def caption_weights(self) -> dict[str, float]:
        """The caption grains that have a weight; a gallery needs captions for them."""
        return {name: weight for name, weight in self.caption_grains.items() if weight}

    @property
    def needs_captions(self) -> bool:
        """Whether the gallery needs captions beside its pictures."""
        tagged = self.describe and not self.describe.asks and not self.describe.words_file
        return bool(self.caption_weights or tagged)

    @property
    def roles(self) -> list[str]:
        """All roles that have a weight, in mixes and on both sides, too."""
        weights = (*self.grains.items(), *self.caption_grains.items())
        found = (role for name, weight in weights if weight for role in self.mixes.get(name, (name,)))
        return list(dict.fromkeys(found))

    @property
    def elements(self) -> list[str]:
        """The lists that replies may hold: the usual ones, and those of the recipe's own prompts."""
        from .. import prompting

        own = (prompting.lists(prompting.load(stage.prompt)) for stage in self.reason)
        return list(dict.fromkeys((*ELEMENTS, *(name for names in own for name in names))))

    def reads(self, part: str) -> bool:
        """Whether a grain is made of that part of a trace; see `Role.reads`."""
        return any(role_of(role).reads == part for role in self.roles)

    def check_grain(self, name: str, where: str) -> None:
        """Raises ConfigError where ``name`` is neither a role nor a mix of this recipe."""
        if name not in self.mixes:
            self.check_role(name, where, tuple(self.mixes))

    def check_role(self, name: str, where: str, others: tuple[str, ...] = ()) -> None:
        """Raises ConfigError where ``name`` is no role, nor a list of the recipe's own prompts."""
        if name not in (*ROLES, *ELEMENTS) and name not in self.elements:
            known = [*ROLES, *self.elements, *others]
            raise ConfigError(f"{where}: no grain {name!r}", did_you_mean(name, known))

    def check_caption_grains(self, where: str) -> None:
        """Raises ConfigError where a family that looks at pictures alone is to score captions."""
        family = scoring.FAMILIES.get(self.fusion.family)
        if self.caption_grains and family and not (family.folds or family.captions):
            raise ConfigError(
                f"{where}: the family {self.fusion.family} does not score captions",
                "[caption_grains] need the family linear",
            )

    def check(self, where: str) -> None:
        """Raises ConfigError for grains, mixes and families that do not exist."""
        for role in self.grains:
            self.check_grain(role, f"{where}: [grains]")
        for role in self.caption_grains:
            self.check_grain(role, f"{where}: [caption_grains]")
        self.check_caption_grains(where)
        self.check_samples(where)
        for mix, parts in self.mixes.items():
            for role in parts:
                self.check_role(role, f"{where}: [mixes.{mix}]")
        scoring.check(self.fusion.family, self.fusion.numbers, where)
