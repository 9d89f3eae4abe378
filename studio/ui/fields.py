"""What a field of a Part is, and the component that shows it."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import gradio as gr
from gradio.components import Component
from pydantic.fields import FieldInfo

from studio.part import Part
from studio.recipe import ImageRef

LONG_TEXT = 1000  # a text that may be longer gets several lines
DIGEST = next(part.pattern for part in get_args(ImageRef)[1].metadata if hasattr(part, "pattern"))
WIDEST_SLIDER = 2**31  # a number that may be larger is typed


@dataclass(frozen=True, slots=True)
class Member:
    """A part that may be present in a field.

    `path`: of its switch · `many`: the field is a tuple of such · `pictured`: it needs a picture, so it is
    there when its picture is, without a switch; of a tuple of such the form shows the first.
    """

    path: str
    field: str
    part: type[Part]
    many: bool
    pictured: bool = False


def kind_of(info: FieldInfo, listed: bool) -> str:
    """Which component shows a field; "" when none can."""
    annotation = bare(info.annotation)
    if listed:
        return "list"
    if is_picture(info):
        return ""
    if get_origin(annotation) is Literal:
        return "radio" if len(get_args(annotation)) > 1 else ""
    if annotation is bool:
        return "switch"
    if annotation is str:
        return "text" if bound(info, "max_length", 0) > LONG_TEXT else "line"
    if annotation in (int, float) and optional(info):
        return "line"  # a slider cannot be empty
    if annotation in (int, float):
        low, high = limits(info)
        return "slider" if low is not None and high is not None and high - low < WIDEST_SLIDER else "line"
    return ""


def bare(annotation: Any) -> Any:
    """A type without `Annotated` and without `| None`."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        left = [arg for arg in get_args(annotation) if arg is not type(None)]
        return bare(left[0]) if len(left) == 1 else annotation
    return annotation


def optional(info: FieldInfo) -> bool:
    """Whether the field may be None."""
    return type(None) in get_args(info.annotation)


def bound(info: FieldInfo, name: str, default: Any = None) -> Any:
    """A bound of the field (`ge`, `le`, `multiple_of`, `max_length`, …)."""
    return next((getattr(m, name) for m in info.metadata if hasattr(m, name)), default)


def limits(info: FieldInfo) -> tuple[float | None, float | None]:
    """The least and the greatest value, both included."""
    low, high = bound(info, "ge"), bound(info, "le")
    if high is None and bound(info, "lt") is not None and bare(info.annotation) is int:
        high = bound(info, "lt") - 1
    return low, high


def members(part: type[Part]) -> Iterable[Member]:
    """The optional parts among a part's fields, and the members of its unions and tuples of such parts."""
    for name, info in part.model_fields.items():
        inner = bare(info.annotation)
        many = get_origin(inner) is tuple
        for kind in union_of(bare(get_args(inner)[0])) if many else [inner]:
            if not is_part(kind):
                continue
            pictured = any(is_picture(field) for field in kind.model_fields.values())
            if pictured:
                yield Member(f"{name}.0" if many else name, name, kind, many, pictured)
            elif showable(kind) and (not many or "kind" in kind.model_fields):
                yield Member(f"{name}.{kind_name(kind)}" if many else name, name, kind, many)


def union_of(annotation: Any) -> Sequence[Any]:
    """The members of a union, or the one type it is."""
    if get_origin(annotation) in (Union, types.UnionType):
        return [bare(arg) for arg in get_args(annotation)]
    return [annotation]


def is_part(annotation: Any) -> bool:
    """Whether a type is one of our Parts."""
    return isinstance(annotation, type) and issubclass(annotation, Part)


def is_picture(info: FieldInfo) -> bool:
    """Whether a field holds the digest of a stored picture."""
    return bound(info, "pattern") == DIGEST


def showable(part: type[Part]) -> bool:
    """Whether every field without a default can be shown by a component."""
    return all(kind_of(info, False) for info in part.model_fields.values() if info.is_required())


def kind_name(part: type[Part]) -> str:
    """The word by which a union tells its members apart."""
    info = part.model_fields.get("kind")
    return str(info.default) if info else part.__name__.lower()


def each_once(held: Any, kinds: Sequence[str]) -> bool:
    """Whether a tuple of parts is what switches and an order can say: each kind at most once."""
    named = [one["kind"] for one in held] if isinstance(held, list) else []
    return len(set(named)) == len(named) and set(named) <= set(kinds)


def ordered(said: Sequence[str], kinds: Sequence[str]) -> list[str]:
    """Every kind, those that are named in their order; each other one follows what it usually follows."""
    chain = [kind for kind in dict.fromkeys(said) if kind in kinds]
    for i, kind in enumerate(kinds):
        if kind not in chain:
            chain.insert(chain.index(kinds[i - 1]) + 1 if i else 0, kind)
    return chain


# --- how it is shown


def slider(info: FieldInfo, _: Sequence[tuple[str, Any]]) -> Component:
    """A bounded number."""
    low, high = limits(info)
    whole = bare(info.annotation) is int
    step = bound(info, "multiple_of") or (1 if whole else 0.05 if (high or 0) - (low or 0) <= 4 else 0.1)
    return gr.Slider(low or 0, high or 0, value=info.default, step=step, buttons=[], render=False)


def text(info: FieldInfo, _: Sequence[tuple[str, Any]]) -> Component:
    """A text of several lines."""
    return gr.Textbox(str(info.default or ""), lines=2, max_lines=12, render=False)


def line(info: FieldInfo, _: Sequence[tuple[str, Any]]) -> Component:
    """A short text, or a number too large for a slider (and for the browser's own numbers)."""
    return gr.Textbox("" if info.default is None else str(info.default), max_lines=1, render=False)


def switch(info: FieldInfo, _: Sequence[tuple[str, Any]]) -> Component:
    """Yes or no."""
    return gr.Checkbox(bool(info.default), render=False)


def radio(info: FieldInfo, _: Sequence[tuple[str, Any]]) -> Component:
    """One of a few words."""
    options = [str(option) for option in get_args(bare(info.annotation))]
    return gr.Radio(options, value=info.default, render=False)


def listed(info: FieldInfo, choices: Sequence[tuple[str, Any]]) -> Component:
    """A name from a list; "" stands for none where the field may be empty.

    Another name may be written too: whoever paints says what exists, in a better sentence than Gradio's.
    """
    first = next((value for _, value in choices), "")
    value = first if info.is_required() else "" if info.default is None else info.default
    return gr.Dropdown(list(choices), value=value, allow_custom_value=True, render=False)


MAKERS: Mapping[str, Callable[[FieldInfo, Sequence[tuple[str, Any]]], Component]] = types.MappingProxyType(
    {"slider": slider, "text": text, "line": line, "switch": switch, "radio": radio, "list": listed}
)
SHOWN: Mapping[str, type | tuple[type, ...]] = types.MappingProxyType(
    {
        "slider": (int, float),
        "text": str,
        "line": str,
        "switch": bool,
        "radio": str,
        "list": str,
        "part": bool,
        "order": str,
    }
)
