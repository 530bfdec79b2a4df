"""What requests may say, by types: what they do not name is refused."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..config.finite import Finite

# Words of people, names of items and recipes: no control characters, and a length that ends.
NO_CONTROLS = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
Sentence = Annotated[str, Field(max_length=2000, pattern=NO_CONTROLS)]
Name = Annotated[str, Field(max_length=1024, pattern=NO_CONTROLS)]
GalleryId = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
SessionId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16}$")]
Upload = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Do = Literal["but", "start", "pick", "unpick", "more", "less", "weigh", "change", "undo", "go"]


class Asked(BaseModel):
    """A body: nothing that is not named, no numbers as texts."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Begin(Asked):
    """A new session."""

    gallery: GalleryId
    recipe: Name = ""


class StepAsked(Asked):
    """One step of a session; ``live``: a slider that still moves, all of it one turn."""

    do: Do
    sentence: Sentence = ""
    hit: Name = ""
    hits: list[Name] = Field([], max_length=200)
    upload: Upload | None = None
    values: dict[Name, Finite | Sentence | list[Sentence]] = Field({}, max_length=200)
    turn: int | None = Field(None, ge=-1, le=100_000)
    recipe: Name = ""
    live: bool = False


class Open(Asked):
    """A hit whose folder is to be opened."""

    session: SessionId
    hit: Name
    turn: int | None = Field(None, ge=-1, le=100_000)


class Compare(Asked):
    """Another recipe for what a session asks now."""

    session: SessionId
    recipe: Name
    turn: int | None = Field(None, ge=-1, le=100_000)


class QueryAsked(Asked):
    """One query, as `likebut query` asks it."""

    gallery: GalleryId | None = None
    reference: Name | None = None
    upload: Upload | None = None
    modification: Sentence = ""
    k: int = Field(10, ge=1, le=1000)
    recipe: Name = ""
