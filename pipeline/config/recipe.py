"""A recipe: which stages, prompts, grains and weights; a method as data."""

from __future__ import annotations

from typing import Any

from pydantic import field_validator

from .. import scoring
from ..errors import ConfigError, did_you_mean
from ..records.roles import ELEMENTS, ROLES, role_of, told
from ..scoring import late
from ..scoring.contract import CAPTION_SIDE, REGION_SIDE
from .finite import Finite
from .parts import DescribeStage, DialogueStage, Fusion, ReasonStage, RefineStage, RegionScore, RerankStage
from .strict import Strict

# The tables of grains beside [grains], with what their names begin with everywhere else.
_SIDES = {"caption_grains": CAPTION_SIDE, "region_grains": REGION_SIDE}


def _several(value: Any) -> Any:
    """One question, or several."""
    return [value] if isinstance(value, dict) else value


class Variant(Strict):
    """The numbers of a method for one kind of data or models; chosen as ``recipe@variant``.

    A profile names the variant that fits its models, which its queries take unasked. ``reason`` and
    ``dialogue``, where they are there, ask otherwise than the recipe does.
    """

    reason: list[ReasonStage] | None = None
    dialogue: DialogueStage | None = None

    grains: dict[str, Finite] = {}
    caption_grains: dict[str, Finite] = {}
    region_grains: dict[str, Finite] = {}
    mixes: dict[str, dict[str, Finite]] = {}
    numbers: dict[str, Finite] = {}

    _questions = field_validator("reason", mode="before")(_several)


class Recipe(Strict):
    """A method as data; a stage that is absent is skipped.

    ``mixes`` name grains that are made of other grains: weighted, added, and brought to length 1.
    ``grains`` score the gallery's pictures, ``caption_grains`` its captions, ``region_grains`` parts of
    its pictures, as ``regions`` says. With ``trust``, grains of what the reasoner said count as far as it
    can be relied on, see `likebut.pipeline.stages.trust`.
    """

    name: str = ""
    description: str
    paper: str = ""
    weights_from: str = ""
    exclude_reference: bool = True
    trust: bool = False
    describe: DescribeStage | None = None
    reason: list[ReasonStage] = []
    dialogue: DialogueStage = DialogueStage()
    mixes: dict[str, dict[str, Finite]] = {}
    grains: dict[str, Finite]
    caption_grains: dict[str, Finite] = {}
    region_grains: dict[str, Finite] = {}
    fusion: Fusion = Fusion()
    regions: RegionScore = RegionScore()
    rerank: list[RerankStage] = []
    refine: RefineStage | None = None
    variants: dict[str, Variant] = {}

    _questions = field_validator("reason", "rerank", mode="before")(_several)

    def with_weights(self, weights: dict[str, float]) -> Recipe:
        """The recipe with some weights changed. Raises ConfigError for an unknown grain."""
        changed = {side: dict(getattr(self, side)) for side in ("grains", *_SIDES)}
        for name, weight in weights.items():
            side, prefix = next((s, p) for s, p in (*_SIDES.items(), ("grains", "")) if name.startswith(p))
            self.check_grain(role := name.removeprefix(prefix), "--weight")
            changed[side][role] = weight
        recipe = self.model_copy(update=changed)
        recipe.check_sides("--weight")
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
        """The recipe with another judge ("none": no second look) or shortlist. Raises ConfigError."""
        stages = [] if judge == "none" else self.rerank
        if judge not in (None, "none", *(stage.judge for stage in stages)):
            stages = [RerankStage.model_validate({"judge": judge})]
        if top is not None and not stages:
            raise ConfigError(f"recipe {self.name} has no judge for --top", "name one with --rerank")
        if top is not None:
            stages = [stage.model_copy(update={"top": top}) for stage in stages]
        refine = None if judge == "none" else self.refine
        return self.model_copy(update={"rerank": stages, "refine": refine})

    def in_language(self, language: str) -> Recipe:
        """The recipe whose questions are answered in a language, where they name none themselves."""
        stages = [
            stage if stage.language else stage.model_copy(update={"language": language})
            for stage in self.reason
        ]
        return self.model_copy(update={"reason": stages})

    def _asking(self, prompt: str) -> Recipe:
        """The recipe with one other question in place of its own."""
        seen = any(stage.sees for stage in self.reason)
        asked = {"prompt": prompt, "language": self.reason[0].language, "sees": seen}
        return self.model_copy(update={"reason": [ReasonStage.model_validate(asked)]})

    @property
    def refined(self) -> Recipe:
        """The recipe of the second go, whose one question may be told a suggestion."""
        return self._asking(self.refine.reason) if self.refine else self

    @property
    def later(self) -> Recipe:
        """The recipe of a later turn of a dialogue: its one question, where it has one of its own."""
        return self._asking(self.dialogue.prompt) if self.dialogue.prompt and self.reason else self

    def check_samples(self, where: str) -> None:
        """Raises ConfigError where several samples of a question would be one and the same."""
        if any(stage.samples > 1 and stage.temperature == 0 for stage in self.reason):
            raise ConfigError(
                f"{where}: several samples at temperature 0 are one answer",
                "set temperature = 0.7 under [reason], or leave it out",
            )

    def check_refine(self, where: str) -> None:
        """Raises ConfigError where no answer could be refined."""
        if self.refine and not self.reason:
            raise ConfigError(f"{where}: [refine] has no first answer to refine", "add a [reason]")
        if self.refine and self.refine.below is not None and not self.rerank:
            raise ConfigError(
                f"{where}: [refine] below: nobody's confidence is there", "add a [rerank], or leave it out"
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
                "dialogue": self.dialogue if chosen.dialogue is None else chosen.dialogue,
                "grains": {**self.grains, **chosen.grains},
                "caption_grains": {**self.caption_grains, **chosen.caption_grains},
                "region_grains": {**self.region_grains, **chosen.region_grains},
                "mixes": {**self.mixes, **chosen.mixes},
                "fusion": self.fusion.model_copy(update={"numbers": numbers}),
            }
        )

    @property
    def caption_weights(self) -> dict[str, float]:
        """The caption grains that have a weight; a gallery needs captions for them."""
        return {name: weight for name, weight in self.caption_grains.items() if weight}

    @property
    def region_weights(self) -> dict[str, float]:
        """The region grains that have a weight; a gallery needs regions for them."""
        return {name: weight for name, weight in self.region_grains.items() if weight}

    @property
    def needs_captions(self) -> bool:
        """Whether the gallery needs captions beside its pictures."""
        tagged = self.describe and not self.describe.asks and not self.describe.words_file
        return bool(self.caption_weights or tagged)

    @property
    def roles(self) -> list[str]:
        """All roles that have a weight, in mixes and on every side, too."""
        weights = (item for side in ("grains", *_SIDES) for item in getattr(self, side).items())
        found = (role for name, weight in weights if weight for role in self.mixes.get(name, (name,)))
        return list(dict.fromkeys(found))

    @property
    def elements(self) -> list[str]:
        """The lists that replies may hold: the usual ones, and those of the recipe's own prompts."""
        from .. import prompting

        asked = (*self.reason, *self.later.reason, *(self.refined.reason if self.refine else ()))
        own = (prompting.lists(prompting.load(stage.prompt)) for stage in asked)
        return list(dict.fromkeys((*ELEMENTS, *(name for names in own for name in names))))

    def reads(self, part: str) -> bool:
        """Whether a grain is made of that part of a trace; see `Role.reads`."""
        return any(role_of(role).reads == part for role in self.roles)

    def check_grain(self, name: str, where: str) -> None:
        """Raises ConfigError where ``name`` is neither a role nor a mix of this recipe."""
        if name not in self.mixes:
            self.check_role(name, where, tuple(self.mixes))

    def check_role(self, name: str, where: str, others: tuple[str, ...] = ()) -> None:
        """Raises ConfigError where ``name`` is no role, nor a list of the recipe's own prompts, nor a
        template of one."""
        name = told(name, where)
        if name not in (*ROLES, *ELEMENTS) and name not in self.elements:
            known = [*ROLES, *self.elements, *others]
            raise ConfigError(f"{where}: no grain {name!r}", did_you_mean(name, known))

    def check_sides(self, where: str) -> None:
        """Raises ConfigError where a family that looks at pictures alone is to score something else."""
        family = scoring.FAMILIES.get(self.fusion.family)
        for side in _SIDES:
            scored = family and (family.folds or (family.captions and side == "caption_grains"))
            if getattr(self, side) and family and not scored:
                what = side.partition("_")[0]
                raise ConfigError(
                    f"{where}: the family {self.fusion.family} does not score {what}s",
                    f"[{side}] need the family linear",
                )

    def check(self, where: str) -> None:
        """Raises ConfigError for grains, mixes and families that do not exist."""
        for role in self.grains:
            self.check_grain(role, f"{where}: [grains]")
        for side in _SIDES:
            for role in getattr(self, side):
                self.check_grain(role, f"{where}: [{side}]")
        self.check_sides(where)
        late.check(self.regions.form, self.regions.numbers, f"{where}: [regions]")
        self.check_samples(where)
        self.check_refine(where)
        for mix, parts in self.mixes.items():
            for role in parts:
                self.check_role(role, f"{where}: [mixes.{mix}]")
        scoring.check(self.fusion.family, self.fusion.numbers, where)
