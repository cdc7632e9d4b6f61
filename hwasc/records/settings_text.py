"""A settings file with every setting in it: what it means, its default, and its values. The defaults are commented out."""

from __future__ import annotations

import dataclasses
import textwrap
import typing
from collections.abc import Iterator
from typing import Any

import yaml

import hwasc
from hwasc.records.key_docs import choices_of, docs_of
from hwasc.records.schema import plain
from hwasc.records.settings import Settings
from hwasc.records.teacher_settings import Member

WIDTH = 100
HEAD = (
    "Settings of hwasc {version}, for --config FILE of every verb that trains. A line without '#' in front of its key is in "
    "force; the others are the defaults. Take away the '#' and change the value. Keys may be nested as well: "
    "'distill: {{alpha: 0.5}}' is 'distill.alpha: 0.5'."
)


def settings_text(settings: Settings) -> str:
    """Write settings as a YAML file in which every setting is explained.

    Args:
        settings: What differs from the defaults (of its effort) is in force in the file.

    Returns:
        The file's text. Read again it gives the same settings.
    """
    base = Settings.load({"effort": settings.effort})
    lines = [*_comment(HEAD.format(version=hwasc.__version__)), ""]
    lines += _section(settings, base, "")
    return "\n".join(lines) + "\n"


def _section(record: Any, base: Any, where: str) -> Iterator[str]:
    """The lines of a record: its own keys, then those of the records in it."""
    intro, meanings = docs_of(type(record))
    hints = typing.get_type_hints(type(record), include_extras=True)
    if where:
        yield from ("", "# " + "-" * (WIDTH - 2), *_comment(f"{where}: {intro}"), "")
    inner = []
    for field in dataclasses.fields(record):
        key = f"{where}.{field.name}".lstrip(".")
        value, default = getattr(record, field.name), getattr(base, field.name)
        if dataclasses.is_dataclass(value) and dataclasses.is_dataclass(default):
            inner.append((value, default, key))
            continue
        choices = choices_of(hints[field.name])
        one_of = f" One of {', '.join(choices)}." if choices else ""
        yield from _comment(meanings.get(field.name, "") + one_of)
        if key == "teachers.members":
            yield from _member_keys()
        in_force = value != default or (key == "effort" and value != "default")
        yield f"{'' if in_force else '#'}{key}: {_yaml(_shortest(value))}"
    for value, default, key in inner:
        yield from _section(value, default, key)


def _member_keys() -> Iterator[str]:
    """What an entry of the list of teachers may hold."""
    yield from _comment("A teacher is the name of a family or of a public net, or {name: ..., key: value}. The keys:")
    for key, meaning in docs_of(Member)[1].items():
        yield from _comment(f"- {key}: {meaning}", indent="  ")


def _shortest(value: Any) -> Any:
    """A value as people would write it: of a teacher the keys that are set, or its name alone where that is its family's."""
    if isinstance(value, tuple) and value and all(isinstance(member, Member) for member in value):
        entries = [{k: v for k, v in plain(member).items() if v is not None} for member in value]
        return [e["name"] if set(e) == {"name", "family"} and e["name"] == e["family"] else e for e in entries]
    return plain(value)


def _yaml(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False)
    return text.removesuffix("...\n").strip()


def _comment(text: str, indent: str = "") -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, WIDTH - 2, initial_indent=indent, subsequent_indent=indent)]
