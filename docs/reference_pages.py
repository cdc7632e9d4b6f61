"""Reference pages as Markdown, made from the code: the parsers, the settings' records, the bundled files, the public names."""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import json
import re
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any

import hwasc
from hwasc import cli
from hwasc.records import bundled, schema
from hwasc.records.key_docs import choices_of, docs_of
from hwasc.records.settings import Settings

WORDS = {int: "whole number", float: "number", str: "text", bool: "true or false", Path: "path"}


def command_line() -> str:
    """Every verb: what it does, its options by group, its examples."""
    top = cli.parser()
    intro = f"{top.description}\n\nMade from the parsers of version {hwasc.__version__}; `hwasc VERB --help` shows the same.\n"
    parts = ["# Command line\n", intro, _code(_examples(top.epilog))]
    for name, verb in _verbs(top):
        parts.append(_verb(f"hwasc {name}", verb, "##"))
    return "\n".join(parts)


def settings() -> str:
    """Every settings key: type, default and meaning."""
    intro = (
        "# Settings\n\nSettings are read from a YAML file (`--config FILE`) and from the command line (`--set a.b=c`, which may "
        "be given several times; the value is YAML). What neither names has its default. Unknown keys are errors. "
        "`hwasc init mine.yaml` writes a file with all of them.\n\n"
        "    # mine.yaml\n    data: {seconds: 2.0}\n    distill:\n      train: {epochs: 80}\n"
    )
    return f"{intro}\n{records(Settings, '##')}"


def records(root: type, level: str) -> str:
    """A record and those that it consists of: a table of keys each, with type, default and meaning."""
    places = _records(root)
    return "\n".join(_record(cls, where, places, level) for cls, where in places.items())


def budgets_and_spaces() -> str:
    """The bundled budgets and search spaces, as they lie in the package."""
    parts = [
        "# Budgets and search spaces\n",
        "These come with the package. A verb takes the name, or the path of a file of your own: copy one of these and change "
        "it. [File formats](../file_formats.md) explains the keys.\n",
    ]
    for title, kind in (("Budgets", "budgets"), ("Search spaces", "search_spaces")):
        parts.append(f"## {title}\n")
        for name in bundled.names(kind):
            text = (bundled.folder(kind) / f"{name}.yaml").read_text(encoding="utf-8")
            parts.append(f"### {name}\n\n```yaml\n{text.rstrip()}\n```\n")
    return "\n".join(parts)


def layouts() -> str:
    """The known layouts of data folders in the order in which they are tried, each with its module's docstring."""
    from hwasc.data.layouts import KNOWN, WANTED

    parts = []
    for layout in (*KNOWN, *WANTED):
        first, _, rest = (inspect.getdoc(inspect.getmodule(layout.read)) or "").partition("\n\n")
        parts.append(f"### {layout.name}\n\n{first}\n\n{rest}\n")
    return "\n".join(parts)


def api() -> str:
    """The public names of `hwasc`, each with its docstring."""
    parts = [
        "# Python\n",
        "Everything on this page is imported from `hwasc` itself, e.g. `hwasc.Budget`. Importing `hwasc` is quick: a name's "
        "module is imported when the name is first used.\n",
    ]
    named = [(name, getattr(hwasc, name)) for name in hwasc.__all__]
    for title, wanted in (("Functions", inspect.isroutine), ("Records", inspect.isclass)):
        chosen = [value for _, value in named if wanted(value)]
        if chosen:
            parts.append(f"## {title}\n")
            parts += [f"::: {value.__module__}.{value.__qualname__}\n" for value in chosen]
    return "\n".join(parts)


def _verbs(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:  # argparse has no public way to list them
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def _verb(title: str, parser: argparse.ArgumentParser, level: str) -> str:
    parts = [f"{level} {title}\n", *(f"{_prose(text)}\n" for text in (parser.description or "").split("\n\n"))]
    for group in parser._action_groups:
        actions = [
            a for a in group._group_actions if not isinstance(a, (argparse._HelpAction, argparse._SubParsersAction))
        ]
        if actions:
            heading = (group.title or "options").capitalize() + (f": {group.description}" if group.description else "")
            parts.append(_table((heading, ""), [(_option(a), _meaning(a)) for a in actions]))
    parts.append(_code(_examples(parser.epilog)))
    parts += [_verb(f"{title} {name}", sub, level + "#") for name, sub in _verbs(parser)]
    return "\n".join(parts)


def _option(action: argparse.Action) -> str:
    value = "" if action.nargs == 0 else action.metavar or (action.dest.upper() if action.choices is None else "")
    shown = " ".join(value) if isinstance(value, tuple) else value
    name = max(action.option_strings, key=len, default="")
    return f"`{' '.join(filter(None, (name, shown))) or action.dest}`"


def _meaning(action: argparse.Action) -> str:
    choices, text = ", ".join(f"`{c}`" for c in action.choices or ()), action.help or ""
    if "%(choices)s" in text:
        text, choices = text.replace("%(choices)s", choices), ""
    needed = "required" if action.required and action.option_strings else ""
    return "; ".join(filter(None, (_prose(text), f"one of {choices}" if choices else "", needed)))


def _examples(epilog: str | None) -> str:
    lines = (epilog or "").removeprefix("examples:\n").splitlines()
    return "\n".join(line.removeprefix("  ") for line in lines)


def _records(root: type) -> dict[type, list[str]]:
    """The records that a settings record consists of, each with the dotted keys that it stands at, outermost first."""
    places: dict[type, list[str]] = {root: [""]}
    for cls in (queue := [root]):
        for field, hint in typing.get_type_hints(cls).items():
            for inner in _inside(hint):
                if inner not in places:
                    queue.append(inner)
                names = [f"{at}.{field}".lstrip(".") for at in places[cls]]
                places.setdefault(inner, []).extend(names)
    return places


def _inside(hint: Any) -> list[type]:
    if dataclasses.is_dataclass(hint):
        return [typing.cast(type, hint)]
    return [cls for argument in typing.get_args(hint) for cls in _inside(argument)]


def _record(cls: Any, where: list[str], places: dict[type, list[str]], level: str) -> str:
    intro, meanings = docs_of(cls)
    title = ", ".join(f"`{w}`" for w in where if w) or "At the top"
    hints = typing.get_type_hints(cls, include_extras=True)
    rows = []
    for field in dataclasses.fields(cls):
        key = f"{where[0]}.{field.name}".lstrip(".") if len(where) == 1 else field.name
        hint = hints[field.name]
        rows.append((f"`{key}`", _type(hint, places), _default(field, hint), _prose(meanings.get(field.name, ""))))
    table = _table(("key", "type", "default", "meaning"), rows)
    return f"{level} {title} {{ #{_anchor(cls)} }}\n\n{_prose(intro)}\n\n{table}"


def _anchor(cls: type) -> str:
    return cls.__name__.lower()


def _type(hint: Any, places: dict[type, list[str]]) -> str:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if choices := choices_of(hint):
        return ", ".join(f"`{name}`" for name in choices)
    if origin is Annotated:
        return _type(arguments[0], places)
    if hint in WORDS:
        return WORDS[hint]
    if hint in places:
        return f"[{_words(hint.__name__)}](#{_anchor(hint)})"
    if origin in (typing.Union, UnionType):
        return " or ".join("nothing" if a is NoneType else _type(a, places) for a in arguments)
    if origin is tuple:
        count = "list of" if arguments[-1] is Ellipsis else f"{len(arguments)} x"
        return f"{count} {_type(arguments[0], places)}"
    if origin is dict:
        return f"mapping of {_type(arguments[0], places)} to {_type(arguments[1], places)}"
    return str(hint)


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def _default(field: dataclasses.Field[Any], hint: Any) -> str:
    if field.default_factory is not dataclasses.MISSING:
        if field.default_factory is hint:
            return "as below"
        value = schema.plain(field.default_factory())
    elif field.default is not dataclasses.MISSING:
        value = schema.plain(field.default)
    else:
        return "required"
    return "none" if value is None else f"`{_yaml(value)}`"


def _yaml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_yaml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    return value if isinstance(value, str) else json.dumps(value)


def _prose(text: str) -> str:
    """Text of the code as one paragraph of Markdown; what stands in backticks stays code."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    plain = (re.sub(r"([*_\[\]|])", r"\\\1", p).replace("<", "&lt;") for p in parts[::2])
    return "".join(part for pair in zip(plain, [*parts[1::2], ""], strict=True) for part in pair)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _code(text: str) -> str:
    return f"```text\n{text}\n```\n" if text else ""
