"""Where the words of a GIT stand: transformers before 5.18 counts its image among them.

There a word that is written with the help of remembered keys gets the place of the words before it
*plus* the length of all that is remembered, image included: a small GIT runs out of places (an
IndexError), a large one writes other words than it was trained to, and says nothing.
"""

from __future__ import annotations

from typing import Any


def count_words_only(model: Any) -> None:
    """Give every word of a GIT its place among the words, as in training, whatever the release.

    A forward that comes without an attention mask is left as it is.
    """
    places: list[Any] = []

    def look(_: Any, args: tuple[Any, ...], given: dict[str, Any]) -> None:
        mask, words = given.get("attention_mask"), args[0] if args else given.get("input_ids")
        places.clear()
        if mask is not None and words is not None and mask.shape[1] >= words.shape[1]:
            places.append((mask.long().cumsum(1) - 1).clamp(min=0)[:, -words.shape[1] :])

    def place(_: Any, args: tuple[Any, ...], given: dict[str, Any]) -> Any:
        return (args, {**given, "position_ids": places[0]}) if places else None

    model.git.register_forward_pre_hook(look, with_kwargs=True)
    model.git.embeddings.register_forward_pre_hook(place, with_kwargs=True)
