"""`recipes` and `profiles`: what can be chosen by name, and what is in it."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import FormatOption, NameArgument
from .output import Format, say, write_rows

recipes = typer.Typer(help="Methods: which stages, prompts, grains and weights.", no_args_is_help=True)
profiles = typer.Typer(help="Which models run, and where.", no_args_is_help=True)


@recipes.command("list", epilog="Example: [cyan]likebut recipes list --format json[/cyan]")
def list_recipes(form: FormatOption = Format.table) -> None:
    """Name every recipe with its description."""
    from ..config.files import load_recipe, recipe_names

    rows = [{"name": name, "description": load_recipe(name).description} for name in recipe_names()]
    write_rows(rows, form)


@recipes.command("show", epilog="Example: [cyan]likebut recipes show likebut[/cyan]")
def show_recipe(name: NameArgument) -> None:
    """Print a recipe file, ready to copy and change."""
    from ..config.files import recipe_path

    print(recipe_path(name).read_text(), end="")


@recipes.command(
    "diff",
    epilog="Examples: [cyan]likebut recipes diff cirevl likebut[/cyan] · "
    "[cyan]likebut recipes diff pdv pdv@fashioniq-l14[/cyan]",
)
def diff_recipes(
    first: Annotated[str, typer.Argument(metavar="A", help="A name, name@variant, or a file.")],
    second: Annotated[str, typer.Argument(metavar="B", help="The one against it.")],
    form: FormatOption = Format.table,
) -> None:
    """Say what differs between two methods, key by key; – is a key that one does not have."""
    from ..config.files import load_recipe
    from ..config.text import differences

    rows = differences(load_recipe(first), load_recipe(second))
    if form is not Format.table:
        write_rows([{"key": key, "a": a, "b": b} for key, a, b in rows], form, ("key", "a", "b"))
    elif rows:
        other = second if second != first else f"{second} (B)"
        write_rows([{"key": key, first: a, other: b} for key, a, b in rows], form)
    else:
        say(f"{first} and {second} do not differ")


@profiles.command("list", epilog="Example: [cyan]likebut profiles list[/cyan]")
def list_profiles(form: FormatOption = Format.table) -> None:
    """Name every profile with its description."""
    from ..config.files import load_profile, profile_names

    rows = [{"name": name, "description": load_profile(name).description} for name in profile_names()]
    write_rows(rows, form)


@profiles.command("show", epilog="Example: [cyan]likebut profiles show cpu[/cyan]")
def show_profile(name: NameArgument) -> None:
    """Print a profile file, ready to copy and change."""
    from ..config.files import profile_path

    print(profile_path(name).read_text(), end="")
