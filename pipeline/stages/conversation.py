"""A session: a person looks at hits, chooses, and says "but" again, with everything kept warm.

A turn begins with the hit that was picked, or with what the turn before it wanted: then that turn's target
caption stands for the reference's caption. Every turn is a whole trace in a `Dialogue`; what a person did
is a step of it, and steps can be taken again by another composer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, InputError, did_you_mean
from ..records.dialogue import NOWHERE, Dialogue, Step, Turn, read, write
from ..records.trace import NOT_DESCRIBED, NOT_RANKED, Hit, Query, Ranking, Trace
from ..report.notebook import Hits, dialogue_html
from .asking_back import AskedBack, ask_back
from .composer import query_of
from .earlier import described, said_of
from .editing import Understood, resumed, reweighed

if TYPE_CHECKING:
    from PIL.Image import Image

    from .composer import Composer

ByRank = int | str | Hit  # a hit by its rank, its id, or itself


class Session:
    """A dialogue with one composer; not for several threads at once.

    ``dialogue`` is all of it, as data; ``k`` how many hits a turn finds. A turn that fails is returned
    with its ``error`` and is no part of the dialogue.
    """

    def __init__(self, composer: Composer, dialogue: Dialogue | None = None, k: int = 20) -> None:
        self.composer, self.dialogue, self.k = composer, dialogue or Dialogue(), k

    @classmethod
    def begun(cls, composer: Composer, picture: Path | str | Image | None = None, k: int = 20) -> Session:
        """A session that begins with pictures like this one, or with nothing yet.

        Raises InputError for a picture that cannot be used.
        """
        session = cls(composer, k=k)
        if picture is not None:
            session.start(picture)
        return session

    @classmethod
    def load(cls, path: Path | str, composer: Composer, k: int = 20) -> Session:
        """The session of a file. Raises InputError."""
        return cls(composer, read(Path(path)), k)

    def save(self, path: Path | str) -> None:
        """Writes all turns into one JSON file, whole or not at all."""
        write(self.dialogue, Path(path))

    @property
    def trace(self) -> Trace | None:
        """The turn that is looked at; None before the first."""
        return self.dialogue.turn.trace if self.dialogue.turn else None

    @property
    def hits(self) -> Hits:
        """Its hits, best first; a notebook shows them."""
        return Hits(self.trace.ranking.hits if self.trace else ())

    @property
    def weights(self) -> dict[str, float]:
        """The weights of its grains by name."""
        return {grain.name: grain.weight for grain in self.trace.grains} if self.trace else {}

    def start(self, picture: Query | Path | str | Image) -> Trace:
        """A turn that nothing is before: pictures like this one. Raises InputError for a bad one."""
        query = picture if isinstance(picture, Query) else query_of(picture, "")
        before, number = self.dialogue, str(len(self.dialogue.turns) + 1)
        self.dialogue = before.gone(NOWHERE)
        found = self._added(Step("start"), Trace(replace(query, id=number)))
        if found.error:
            self.dialogue = before
            raise InputError(found.error, "give another picture")
        return found

    def but(self, sentence: str) -> Trace:
        """The next turn: what is picked or was wanted last, changed as the sentence says.

        Raises InputError for an empty sentence.
        """
        sentence = " ".join(sentence.split())
        if not sentence:
            raise InputError("the sentence is empty", "say what should be different")
        return self._added(Step("but", sentence, self.dialogue.picked), self.following(sentence))

    def pick(self, hit: ByRank) -> Hit:
        """The next sentence is about this hit. Raises InputError where it is none."""
        found = self._hit(hit)
        self.dialogue = replace(self.dialogue, picked=found.id)
        return found

    def more(self, *hits: ByRank) -> Trace:
        """The same turn, nearer to these hits."""
        return self._marked("more", [self._hit(hit).id for hit in hits])

    def less(self, *hits: ByRank) -> Trace:
        """The same turn, away from these hits and without them."""
        return self._marked("less", [self._hit(hit).id for hit in hits])

    def weigh(self, weights: Mapping[str, float] | None = None, **named: float) -> Trace:
        """The same turn with other weights, which hold from here on: of roles, or of single grains by
        their names ("forbidden:a red car"). No model is asked. Raises ConfigError for an unknown name.
        """
        values = {**(weights or {}), **named}
        if unknown := [name for name in values if ":" in name and name not in self.weights]:
            raise ConfigError(f"no grain {unknown[0]!r}", did_you_mean(unknown[0], list(self.weights)))
        return self._again(Step("weigh", values=values), self._this(), values)

    def change(self, /, **changes: Any) -> Trace:
        """The same turn with other words: caption, target_caption, desired, forbidden, ….

        Raises as `Composer.again` does.
        """
        trace = self._this()
        understood = Understood.of(trace, self.composer.recipe.elements)
        return self._again(Step("change", values=changes), resumed(trace, understood.changed(changes)))

    def question(self, *, asks: bool = False) -> AskedBack | None:
        """What to ask the person about the hits, with sentences to choose from; None where nothing helps.

        With ``asks`` the reasoner words it, else it is made of the hits' captions. Raises as `but` does.
        """
        if self.trace is None:
            return None
        return ask_back(self.trace, self.composer.showing, self.composer.reasoner if asks else None)

    def undo(self) -> Trace | None:
        """Looks at the turn before this one, which stays where it is."""
        turn = self.dialogue.turn
        return self.go(turn.parent if turn else NOWHERE)

    def go(self, turn: int) -> Trace | None:
        """Looks at a turn, from 0; -1 is before the first. Raises InputError where there is none."""
        self.dialogue = self.dialogue.gone(turn)
        return self.trace

    def taken(self, step: Step) -> Trace:
        """One step of a dialogue, done here. Raises InputError, ConfigError where it cannot be."""
        if step.do == "but":
            self.dialogue = replace(self.dialogue, picked=step.picked)
            return self.but(step.sentence)
        if step.do in ("more", "less"):
            return self._marked(step.do, step.hits)
        return self.weigh(step.values) if step.do == "weigh" else self.change(**step.values)

    def replayed(self, composer: Composer) -> Session:
        """The same steps with another composer, every one from where it was taken.

        Raises InputError for a step that cannot be taken there.
        """
        again = Session(composer, k=self.k)
        for number, turn in enumerate(self.dialogue.turns):
            again.dialogue = again.dialogue.gone(turn.parent)
            step = turn.step
            start = Trace(turn.trace.query)
            found = again._added(step, start) if step.do == "start" else again.taken(step)
            if found.error:
                raise InputError(f"turn {number + 1} ({step.words}): {found.error}")
        again.dialogue = again.dialogue.gone(self.dialogue.at)
        return again

    def following(self, sentence: str) -> Trace:
        """A trace of the next turn, with nothing done yet but what it begins with; for estimates.

        Raises InputError where the gallery has lost what is picked.
        """
        before, number = self.trace, str(len(self.dialogue.turns) + 1)
        if before is None:
            return Trace(Query(number, modification=sentence))
        query = before.query
        history = (*query.history, said_of(before)) if query.modification else query.history
        following = replace(query, id=number, modification=sentence, history=history)
        if self.dialogue.picked:
            path = self._picked_path()
            row = None if path else self.composer.gallery.row_of(self.dialogue.picked)
            return Trace(replace(following, reference=path, named="", row=row))
        start = described(history) if query.modification else NOT_DESCRIBED
        return Trace(following, description=start)

    def _picked_path(self) -> Path | None:
        ident = self.dialogue.picked
        row = self.composer.gallery.row_of(ident)
        if row is None:
            raise InputError(f"the gallery has no {ident}", "pick another hit")
        path = self.composer.gallery.items([row])[0].path
        return Path(path) if path else None

    def _repr_html_(self) -> str:
        return dialogue_html(self.dialogue)

    def _this(self) -> Trace:
        if self.trace is None:
            raise InputError("nothing was said yet", "begin with a picture or a sentence")
        return self.trace

    def _hit(self, hit: ByRank) -> Hit:
        if isinstance(hit, Hit):
            return hit
        for one in self.hits:
            if hit in (one.rank, one.id):
                return one
        raise InputError(f"no hit {hit}", f"hits have ranks from 1 to {len(self.hits)}")

    def _marked(self, do: Any, hits: Sequence[str]) -> Trace:
        """The turn with ids liked or disliked; the last word about one counts."""
        query, trace = self._this().query, self._this()
        liked = [ident for ident in query.liked if ident not in hits]
        disliked = [ident for ident in query.disliked if ident not in hits]
        (liked if do == "more" else disliked).extend(dict.fromkeys(hits))
        query = replace(query, liked=tuple(liked), disliked=tuple(disliked))
        return self._again(Step(do, hits=tuple(hits)), replace(trace, query=query))

    def _again(self, step: Step, trace: Trace, weights: Mapping[str, float] | None = None) -> Trace:
        """A turn beside this one: what was understood stays, grains and ranking are made anew."""
        fresh = replace(
            trace, grains=(), ranking=NOT_RANKED, subset=Ranking(()), judgements=(), warnings=(), seconds={}
        )
        return self._added(step, fresh, weights)

    def _added(self, step: Step, trace: Trace, weights: Mapping[str, float] | None = None) -> Trace:
        """What comes of a trace by the weights in force, a turn of the dialogue if it has no error."""
        turn = self.dialogue.turn
        inherited = {**(turn.weights if turn else {}), **(weights or {})}
        found = self._ranked(trace, inherited)
        if not found.error:
            self.dialogue = self.dialogue.grown(Turn(step, found, self.dialogue.at, inherited))
        return found

    def _ranked(self, trace: Trace, weights: Mapping[str, float]) -> Trace:
        single = {name: weight for name, weight in weights.items() if ":" in name}
        roles = {name: weight for name, weight in weights.items() if ":" not in name}
        composer = self.composer
        composer = replace(composer, recipe=composer.recipe.with_weights(roles)) if roles else composer
        if not single:
            return composer.compose([trace], self.k)[0]
        grounded = composer.compose([trace], self.k, until="ground")[0]
        return composer.compose([reweighed(grounded, single)], self.k)[0]
