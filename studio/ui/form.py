"""`Form`: a Part's fields as components, and back. Bounds, titles, help and defaults come from the field.

A field's path names its component: `steps`, and inside an optional group `post.clahe.clip`, where
`post.clahe` itself is the switch and `post` the order in which such parts follow each other: their kinds, or
nothing for the usual one. What no component can show (pictures, LoRAs) is carried as JSON,
so that nothing is lost between a file and the next painting.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component
from pydantic.fields import FieldInfo

from studio.part import Part
from studio.ui.fields import (
    MAKERS,
    SHOWN,
    Member,
    each_once,
    kind_name,
    kind_of,
    limits,
    members,
    optional,
    ordered,
)
from studio.ui.page import scripted
from studio.ui.words import Words

Choices = Mapping[str, Sequence[tuple[str, Any]]]


@dataclass(frozen=True, slots=True)
class Entry:
    """A field and its component. `group`: the path of the switch it belongs to."""

    path: str
    part: type[Part]
    name: str
    kind: str
    component: Component
    group: str = ""

    @property
    def info(self) -> FieldInfo:
        """The field as the Part declares it."""
        return self.part.model_fields[self.name]

    @property
    def valued(self) -> bool:
        """Whether it shows a value, not which parts there are and in which order."""
        return self.kind not in ("part", "order")


class Form:
    """Components for every field of `part`, not yet placed: `place` puts them where they belong.

    `choices`: for fields whose values are names from a list, by path. `carrier`: the component that holds, as
    JSON text, what the form cannot show.
    """

    def __init__(self, part: type[Part], words: Words, choices: Choices, carrier: Component) -> None:
        self.part, self.carrier = part, carrier
        self.members = tuple(members(part))
        chained = [member for member in self.members if member.many and not member.pictured]
        self.chains = {
            field: [kind_name(member.part) for member in chained if member.field == field]
            for field in dict.fromkeys(member.field for member in chained)
        }
        self.entries: dict[str, Entry] = {}
        for name in part.model_fields:
            self._add(part, name, name, "", words, choices)
        for member in self.members:
            if not member.pictured:
                switch = gr.Checkbox(
                    label=words.name(member.part), value=False, elem_id=element(member.path), render=False
                )
                self.entries[member.path] = Entry(member.path, part, member.field, "part", switch)
            for name in member.part.model_fields:
                self._add(member.part, name, f"{member.path}.{name}", member.path, words, choices)
        for field in self.chains:
            order = scripted("chain", field=field, names=self._names(field, words))
            self.entries[field] = Entry(field, part, field, "order", order)
        self._placed: set[str] = set()

    def _add(
        self, part: type[Part], name: str, path: str, group: str, words: Words, choices: Choices
    ) -> None:
        info = part.model_fields[name]
        kind = kind_of(info, path in choices)
        if kind in MAKERS:
            made = MAKERS[kind](info, choices.get(path, ()))
            made.label, made.elem_id = words.title(part, name), element(path)
            if hasattr(made, "info"):
                made.info = words.help(part, name) or None
            self.entries[path] = Entry(path, part, name, kind, made, group)

    def __getitem__(self, path: str) -> Any:
        """A component. Its events are attributes that Gradio adds when it runs, hence no narrower type."""
        return self.entries[path].component

    @property
    def paths(self) -> tuple[str, ...]:
        """Every component's path, the carrier's last."""
        return (*self.entries, "carried")

    @property
    def components(self) -> tuple[Component, ...]:
        """Every component, in the order of `paths`."""
        return (*(entry.component for entry in self.entries.values()), self.carrier)

    def place(self, *paths: str) -> None:
        """Put components where the page is being built."""
        for path in paths:
            self.entries[path].component.render()
            self._placed.add(path)

    def place_part(self, path: str) -> None:
        """Put an optional part where the page is being built: its switch, and its fields under it."""
        with gr.Group(elem_classes="part"):
            if path in self.entries:
                self.place(path)
            with gr.Column(elem_classes="part-fields"):
                self.place(
                    *(
                        inner
                        for inner, e in self.entries.items()
                        if e.group == path and inner not in self._placed
                    )
                )

    def place_rest(self) -> None:
        """Put every single field that is not placed yet."""
        self.place(
            *(p for p, e in self.entries.items() if p not in self._placed and not e.group and e.valued)
        )

    # --- values

    def read(self, values: Mapping[Block, Any]) -> dict[str, Any]:
        """What the components hold, as fields of the part. The only way from widgets to data."""
        by_path = {path: values[entry.component] for path, entry in self.entries.items()}
        partial: dict[str, Any] = carried(values[self.carrier])
        for path, entry in self.entries.items():
            if not entry.group and entry.valued:
                partial[entry.name] = empty_is_none(entry.info, by_path[path])
        for member in self._chained(by_path):
            shown = {
                entry.name: empty_is_none(entry.info, by_path[path])
                for path, entry in self.entries.items()
                if entry.group == member.path
            }
            if member.pictured:
                with_picture(partial, member, shown)
                continue
            hidden = partial.pop(member.path, None) if member.many else partial.pop(member.field, None)
            if by_path[member.path]:
                kept = hidden if isinstance(hidden, dict) else {}
                part = {**({"kind": kind_name(member.part)} if member.many else {}), **shown, **kept}
                partial[member.field] = (*partial.get(member.field, ()), part) if member.many else part
            elif member.many:
                partial.setdefault(member.field, ())  # switched off, which a model's own finish must not undo
        return partial

    def write(self, value: Part) -> dict[Block, Any]:
        """The components' values that show this part; `read` gives it back."""
        plain = value.model_dump(mode="json")
        shown = {path: plain[e.name] for path, e in self.entries.items() if not e.group and e.valued}
        rest = {n: v for n, v in plain.items() if n not in shown and n != "version" and v not in (None, [])}
        for name in {
            member.field
            for member in self.members
            if not member.pictured and each_once(plain[member.field], self.chains.get(member.field, ()))
        }:
            rest.pop(name, None)
        shown |= {field: self._order(plain[field], kinds) for field, kinds in self.chains.items()}
        for member in self.members:
            found = self._present(member, plain)
            if not member.pictured:
                shown[member.path] = found is not None
            inner = {e.name: path for path, e in self.entries.items() if e.group == member.path}
            for name, path in inner.items():
                shown[path] = (found or {}).get(name, initial(self.entries[path]))
            hidden = {
                name: held
                for name, held in (found or {}).items()
                if name not in inner and name != "kind" and held not in (None, [])
            }
            if member.pictured and found and member.many:
                rest[member.field] = [hidden, *plain[member.field][1:]]
            elif hidden:
                rest[member.path] = hidden
        filled = {self[path]: as_shown(self.entries[path], item) for path, item in shown.items()}
        return {**filled, self.carrier: json.dumps(rest, ensure_ascii=False)}

    def recall(self, kept: Mapping[str, Any]) -> dict[Block, Any]:
        """Values by path, as a browser kept them; what does not fit its component is left out."""
        fitting = {self[p]: v for p, v in kept.items() if p in self.entries and fits(self.entries[p], v)}
        left = kept.get("carried")
        return {**fitting, **({self.carrier: left} if isinstance(left, str) else {})}

    def relabel(self, words: Words) -> dict[Block, dict[str, Any]]:
        """The components' titles, help and choices in another language, as properties to update."""
        updates: dict[Block, dict[str, Any]] = {}
        for entry in self.entries.values():
            if entry.kind == "part":
                member = next(m for m in self.members if m.path == entry.path)
                updates[entry.component] = {"label": words.name(member.part)}
                continue
            if entry.kind == "order":
                updates[entry.component] = {"names": self._names(entry.path, words)}
                continue
            update: dict[str, Any] = {"label": words.title(entry.part, entry.name)}
            if hasattr(entry.component, "info"):
                update["info"] = words.help(entry.part, entry.name) or None
            if entry.kind == "radio":
                options = [str(option) for option in get_args(entry.info.annotation)]
                update["choices"] = [(words.option(entry.part, entry.name, one), one) for one in options]
            updates[entry.component] = update
        return updates

    def _names(self, field: str, words: Words) -> dict[str, str]:
        """What the parts of a chain are called, by their kinds, in the usual order."""
        return {
            kind_name(member.part): words.name(member.part)
            for member in self.members
            if member.field == field
        }

    def _chained(self, values: Mapping[str, Any]) -> list[Member]:
        """The members, those of a chain in the order that the form holds."""
        orders = {
            field: ordered(str(values[field] or "").split(), kinds) for field, kinds in self.chains.items()
        }
        places = {f"{field}.{kind}": i for field, kinds in orders.items() for i, kind in enumerate(kinds)}
        return sorted(self.members, key=lambda member: places.get(member.path, 0))

    def _order(self, held: Any, kinds: Sequence[str]) -> str:
        """The order of a chain as its component holds it."""
        chain = ordered([one["kind"] for one in held], kinds) if each_once(held, kinds) else kinds
        return "" if chain == kinds else " ".join(chain)

    def _present(self, member: Member, plain: Mapping[str, Any]) -> dict[str, Any] | None:
        held = plain[member.field]
        if not member.many:
            return held
        if member.pictured:
            return held[0] if held else None
        if not each_once(held, self.chains[member.field]):
            return None
        return next((one for one in held if one["kind"] == kind_name(member.part)), None)


def with_picture(partial: dict[str, Any], member: Member, shown: Mapping[str, Any]) -> None:
    """Complete a part whose picture is carried by what its components show; what is carried wins."""
    held: Any = partial.get(member.field)
    if member.many and isinstance(held, list) and held and isinstance(held[0], dict):
        partial[member.field] = [{**shown, **held[0]}, *held[1:]]
    elif isinstance(held, dict):
        partial[member.field] = {**shown, **held}


def initial(entry: Entry) -> Any:
    """What a component shows while its part is absent."""
    return entry.component.value if entry.info.is_required() else entry.info.default


def element(path: str) -> str:
    """The id a field's component has in the page."""
    return f"field-{path.replace('.', '-')}"


def as_shown(entry: Entry, value: Any) -> Any:
    """A field's value as its component takes it."""
    if entry.kind == "line":
        return "" if value is None else str(value)
    return "" if value is None and entry.kind == "list" else value


def empty_is_none(info: FieldInfo, value: Any) -> Any:
    """An empty line stands for None where the field may be None."""
    return None if value == "" and optional(info) else value


def fits(entry: Entry, value: Any) -> bool:
    """Whether a component can show this value."""
    if not isinstance(value, SHOWN[entry.kind]) or (isinstance(value, bool) and entry.kind == "slider"):
        return False
    if entry.kind == "slider":
        low, high = limits(entry.info)
        return (low is None or value >= low) and (high is None or value <= high)
    known = [value for _, value in getattr(entry.component, "choices", None) or []]
    return entry.kind != "radio" or value in known


def carried(value: Any) -> dict[str, Any]:
    """What the carrier holds; nothing when it is not JSON."""
    try:
        found = json.loads(value or "{}")
    except (TypeError, ValueError, RecursionError):
        return {}
    return dict(found) if isinstance(found, dict) else {}
