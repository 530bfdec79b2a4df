"""The groups of a command's options in its help: the daily ones first, then what they are about."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

# By the name of the parameter, for every command that has it. What stands nowhere stays in the
# first group, with --help.
PANELS = {
    "Results": (
        "min_score",
        "skip",
        "null",
        "where",
        "explain",
        "explain_all",
        "report",
        "copy_to",
        "preview",
        "preview_as",
        "pictures",
        "open_first",
        "retry_errors",
        "submission",
    ),
    "Method": ("recipe", "weights", "settings", "samples", "choose", "rerank", "top", "option"),
    "Models": ("device", "offline", "cache", "server", "on"),
    "Cost": ("max_calls", "max_cost", "dry_run"),
    "Which queries": ("split", "limit", "sample", "seed", "allow_missing", "draw", "captions"),
}
_PANEL_OF = {name: panel for panel, names in PANELS.items() for name in names}
_ORDER = ("", *PANELS)


class Grouped(TyperCommand):
    """A command whose help shows its options in groups."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for parameter in self.params:
            panel = _PANEL_OF.get(parameter.name or "")
            if panel and getattr(parameter, "rich_help_panel", "") is None:
                parameter.rich_help_panel = panel  # type: ignore[attr-defined]
        # Groups are shown in the order of their first options; arguments keep theirs.
        self.params.sort(key=lambda one: _ORDER.index(_PANEL_OF.get(one.name or "", "")))
