"""`prompts`: templates by name, what a model is sent, what is wrong with them; `edit` is beside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import edit, lab
from .options import FormatOption, NameArgument
from .output import Format, say, write_rows

if TYPE_CHECKING:
    from ..config.profile import Profile
    from ..prompting import Prompt

app = typer.Typer(help="Prompt templates: list, show, render, check, edit.", no_args_is_help=True)


@app.command("list", epilog="Example: [cyan]likebut prompts list[/cyan]")
def list_prompts(form: FormatOption = Format.table) -> None:
    """Name every prompt with its stage, version and description."""
    from .. import prompting

    loaded = [prompting.load(name) for name in prompting.names()]
    rows = [
        {"name": p.name, "version": p.version, "reply": p.reply, "description": p.description}
        for p in loaded
    ]
    write_rows(rows, form)


@app.command("show", epilog="Example: [cyan]likebut prompts show reason/likebut[/cyan]")
def show_prompt(name: NameArgument) -> None:
    """Print a prompt template with its front matter."""
    from .. import prompting

    print(prompting.load(name).source, end="")


@app.command(
    "render",
    epilog='Example: [cyan]likebut prompts render reason/likebut --var caption="a red apple" '
    '--var modification="make it blue"[/cyan]',
)
def render_prompt(
    name: NameArgument,
    var: Annotated[
        list[str] | None, typer.Option("--var", metavar="NAME=TEXT", help="A variable; repeatable.")
    ] = None,
    image: Annotated[
        list[Path] | None, typer.Option("--image", help="A picture that goes with it; repeatable.")
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option("--profile", "-p", help="Print the text that this profile's model is given."),
    ] = None,
    form: FormatOption = Format.table,
) -> None:
    """Print what a model is sent for one query: the messages, and the schema of the reply."""
    from .. import prompting

    prompt = prompting.load(name)
    messages = prompting.render(prompt, read_variables(var or ()), image or ())
    if profile:
        from ..config.files import load_profile
        from ..setup.prompt_cost import given_text, model_for

        text = given_text(messages, model_for(prompt, load_profile(profile)))
        print(json.dumps({"text": text}) if form in (Format.json, Format.jsonl) else text)
        return
    if form in (Format.json, Format.jsonl):
        sent = [
            {"role": m.role, "text": m.text, "images": [str(path) for path in m.images]} for m in messages
        ]
        indent = 2 if form is Format.json else None
        print(json.dumps({"messages": sent, "schema": prompt.schema}, indent=indent))
        return
    for message in messages:
        shown = "".join(f"[image {path}]\n" for path in message.images)
        print(f"=== {message.role} ===\n{shown}{message.text}\n")
    if prompt.schema is not None:
        print(f"=== schema of the reply ===\n{json.dumps(prompt.schema, indent=2)}\n")


def read_variables(values: list[str] | tuple[str, ...]) -> dict[str, str]:
    """ "caption=a red apple" → {"caption": "a red apple"}. Raises ConfigError."""
    from ..errors import ConfigError

    found = {}
    for item in values:
        key, given, text = item.partition("=")
        if not given:
            raise ConfigError(f"--var {item!r} is not name=text")
        found[key] = text
    return found


@app.command(
    "check",
    epilog="Examples: [cyan]likebut prompts check[/cyan] · "
    "[cyan]likebut prompts check mine.j2 --profile cpu[/cyan]",
)
def check_prompts(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]…", help="Names or files; missing: all.")
    ] = None,
    profile: Annotated[
        list[str] | None, typer.Option("--profile", "-p", help="Count tokens for its models; repeatable.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings are errors.")] = False,
    form: FormatOption = Format.table,
) -> None:
    """Check variables, schema, examples and order of templates; exit 2 if one has an error.

    With --profile also the tokens of one query, and how many of them all queries share (a server
    that caches prefixes reads those once). Nothing is fetched.
    """
    from .. import prompting
    from ..config.files import load_profile
    from ..errors import EXIT_USAGE
    from ..prompting.check import check

    profiles = {name: load_profile(name) for name in profile or ()}
    rows = []
    failed = False
    for name in names or prompting.names():
        problems = check(name)
        errors = sum(problem.level == "error" for problem in problems)
        failed |= bool(errors) or (strict and bool(problems))
        row: dict[str, Any] = {"prompt": name, "errors": errors, "warnings": len(problems) - errors}
        for problem in problems:
            say(f"{problem.file}:{problem.line}: {problem.level}: {problem.text}")
        for label, chosen in profiles.items():
            row |= _tokens(name, label, chosen) if not errors else {f"tokens {label}": None}
        if form in (Format.json, Format.jsonl):
            row["problems"] = [vars(problem) for problem in problems]
        rows.append(row)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    write_rows(rows, form, columns)
    if failed:
        raise typer.Exit(EXIT_USAGE)


def _tokens(name: str, label: str, profile: Profile) -> dict[str, Any]:
    """The token counts of a prompt, or why there are none."""
    from .. import prompting
    from ..errors import ModelError
    from ..setup.prompt_cost import count, model_for, moves_system, tokenizer_of

    prompt: Prompt = prompting.load(name)
    choice = model_for(prompt, profile)
    try:
        tokens = count(prompt, tokenizer_of(choice))
        if moves_system(prompt, tokenizer_of(choice)):
            say(
                f"{name}: the chat template of {choice.model} has no system role: "
                "the system message is put into the first user turn"
            )
    except ModelError as problem:
        return {f"tokens {label}": problem.message}
    return {f"tokens {label}": tokens.whole, f"shared {label}": tokens.fixed}


app.command("edit", epilog=edit.EPILOG)(edit.edit)
app.command("compare", epilog=lab.EPILOG)(lab.compare)
