"""What the studio can say to a painter, read out of its sources.

A sentence is a text that ends in a full stop, or the text of an error that is raised. What an f-string
fills in becomes `{0}`, `{1}`, …; where it chooses between texts that stand in the sources, each choice is a
sentence of its own, and where it takes up a part that stands elsewhere in its file, that part is one too.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from pydantic_core._pydantic_core import list_all_errors

STUDIO = Path(__file__).parents[1] / "studio"
NOT_RUN = {"school", "bench", "cli"}  # rooms that no server and no worker runs
REASONS = {"Refused", "Dropped", "_NotThis", "ValueError"}  # raised, and told inside of another sentence
TABLES = {"NOT_TAKEN", "_INVOKE_LEFT", "_STRANGERS"}  # of words that sentences take up
NAMES = {"parameters"}  # of things, alike in every language
QUIET = {  # files whose ValueErrors are a programmer's
    "tiles.py", "ui/page.py", "models/files.py", "models/lora.py", "desk/words.py", "desk/look.py",
    "desk/frames.py",
}  # fmt: skip
PYDANTIC = {
    "bool_parsing", "extra_forbidden", "finite_number", "float_parsing", "float_type", "greater_than",
    "greater_than_equal", "int_from_float", "int_parsing", "int_parsing_size", "int_type", "less_than",
    "less_than_equal", "literal_error", "missing", "multiple_of", "string_pattern_mismatch",
    "string_too_long", "string_too_short", "string_type", "too_long", "too_short", "tuple_type",
    "union_tag_invalid", "union_tag_not_found", "model_type", "dict_type", "json_invalid",
}  # fmt: skip

Spelled = list[list[str | ast.expr]]  # a text's choices; each is words and what is filled in


def sentences() -> dict[str, str]:
    """Every sentence as a template, and the first place where it stands."""
    found: dict[str, str] = {}
    for path in sorted(STUDIO.rglob("*.py")):
        room = path.relative_to(STUDIO)
        if room.parts[0] not in NOT_RUN and "node_modules" not in room.parts:
            for template in File(path, room.as_posix()).templates():
                if template not in NAMES:
                    found.setdefault(template, room.as_posix())
    for error in list_all_errors():
        if error["type"] in PYDANTIC:
            for template in numbered(error["message_template_python"]):
                found.setdefault(template, "pydantic")
    for entry in tomllib.loads((STUDIO.parent / "models" / "catalog.toml").read_text("utf-8"))["model"]:
        for text in (entry["about"], entry.get("terms", "")):
            if text:
                found.setdefault(text, "models/catalog.toml")
    return found


def numbered(template: str) -> Iterator[str]:
    """`{le}` and such as `{0}`, for one thing and for several."""
    for plural in ("", "s") if "_plural}" in template else ("",):
        names = iter(range(99))
        told = re.sub(r"\{\w+_plural\}", plural, template)
        yield re.sub(r"\{\w+\}", lambda _, names=names: f"{{{next(names)}}}", told)


class File:
    """One source file, its names and its functions."""

    def __init__(self, path: Path, room: str) -> None:
        self.tree, self.room = ast.parse(path.read_text("utf-8")), room
        self.texts: dict[str, list[ast.expr]] = {}  # name -> the texts it may stand for
        self.functions = {n.name: n for n in ast.walk(self.tree) if isinstance(n, ast.FunctionDef)}
        for node in ast.walk(self.tree):
            for name, value in named(node):
                self.texts.setdefault(name, []).append(value)
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                self._arguments(self.functions.get(node.func.id), node)
        self.parts: list[ast.expr] = []

    def _arguments(self, function: ast.FunctionDef | None, call: ast.Call) -> None:
        """What a function of this file is called with is what its parameters stand for."""
        for parameter, value in zip(function.args.args if function else (), call.args, strict=False):
            if is_text(value):
                self.texts.setdefault(parameter.arg, []).append(value)

    def templates(self) -> Iterator[str]:
        """The file's sentences and parts of sentences."""
        for node in self.said():
            yield from (spelling for spelling in self.spell(node) if has_words(spelling))
        seen: set[str] = set()
        for name in TABLES:
            self.parts += self.texts.get(name, ())
        while self.parts:
            for spelling in self.spell(self.parts.pop()):
                if has_words(spelling) and spelling not in seen:
                    seen.add(spelling)
                    yield spelling

    def said(self) -> Iterator[ast.expr]:
        """The texts that are sentences or an error's."""
        passed = {id(inner) for node in ast.walk(self.tree) for inner in not_said(node)}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                kind = ast.unparse(node.exc.func)
                if self.is_told(kind):
                    yield from self.choices(node.exc.args[0])
            elif id(node) not in passed and is_text(node) and is_sentence(node):
                yield node

    def is_told(self, kind: str) -> bool:
        """Whether the text of an error of this kind reaches a painter."""
        if kind in REASONS:
            return self.room not in QUIET
        return kind[:1].isupper() and not kind.endswith(("Error", "Iteration", "Gone", "Frame", "Exit"))

    def choices(self, node: ast.expr) -> Iterator[ast.expr]:
        """The texts an expression may be."""
        match node:
            case ast.Constant(value=str()) | ast.JoinedStr():
                yield node
            case ast.IfExp():
                yield from (*self.choices(node.body), *self.choices(node.orelse))
            case ast.BoolOp():
                for value in node.values:
                    yield from self.choices(value)
            case ast.Name(id=name) | ast.Attribute(attr=name):
                for one in self.texts.get(name, ()):
                    yield from (
                        [one] if is_text(one) else self.choices(one) if isinstance(one, ast.Call) else []
                    )
            case ast.Call(func=ast.Name(id=name)) if name in self.functions:
                for end in ast.walk(self.functions[name]):
                    if isinstance(end, ast.Return) and end.value is not None:
                        yield from self.choices(end.value)

    def spell(self, node: ast.expr) -> Iterator[str]:
        """The templates of one text."""
        if isinstance(node, ast.Constant):
            yield str(node.value)
            return
        assert isinstance(node, ast.JoinedStr)
        pieces: list[list[str | None]] = []
        for value in node.values:
            if isinstance(value, ast.Constant):
                pieces.append([str(value.value)])
                continue
            assert isinstance(value, ast.FormattedValue)
            fixed = list(choices_here(value.value))
            if fixed:
                pieces.append([*fixed])
                continue
            pieces.append([None])
            self.parts += self.taken_up(value.value)
        for chosen in product(*pieces):
            places = iter(range(99))
            yield "".join(f"{{{next(places)}}}" if piece is None else piece for piece in chosen)

    def taken_up(self, node: ast.expr) -> Iterator[ast.expr]:
        """The texts of this file that a placeholder may hold."""
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name | ast.BoolOp | ast.IfExp | ast.Call):
                yield from self.choices(inner)
            if isinstance(inner, ast.Call):
                for argument in inner.args[1:]:
                    yield from self.choices(argument)


def choices_here(node: ast.expr) -> Iterator[str]:
    """`a if x else b` with two fixed texts: each makes a sentence of its own."""
    if isinstance(node, ast.IfExp):
        both = (node.body, node.orelse)
        if all(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in both):
            yield from (str(one.value) for one in both if isinstance(one, ast.Constant))


def named(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The names an assignment gives to texts; a table of texts gives its name to each."""
    targets = (
        node.targets
        if isinstance(node, ast.Assign)
        else [node.target]
        if isinstance(node, ast.AnnAssign)
        else []
    )
    value = getattr(node, "value", None)
    for target in targets:
        name = (
            target.id
            if isinstance(target, ast.Name)
            else target.attr
            if isinstance(target, ast.Attribute)
            else ""
        )
        held: list[ast.expr] = [value] if isinstance(value, ast.expr) else []
        held += [value.body, value.orelse] if isinstance(value, ast.IfExp) else []
        table = (
            value.args[0] if isinstance(value, ast.Call) and value.args else value
        )  # MappingProxyType({…})
        held += table.values if isinstance(table, ast.Dict) else []
        yield from ((name, one) for one in held if name and is_text(one))
    match node:
        case ast.Call(func=ast.Attribute(attr="append", value=ast.Name(id=name)), args=[added]):
            if is_text(added) or isinstance(added, ast.Call):
                yield name, added


def is_text(node: ast.AST) -> bool:
    """Whether an expression is a text that stands there."""
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def is_sentence(node: ast.expr) -> bool:
    """Whether a text ends as a sentence does, perhaps with another one filled in behind it."""
    pieces = node.values if isinstance(node, ast.JoinedStr) else [node]
    fixed = [str(piece.value) for piece in pieces if isinstance(piece, ast.Constant)]
    return bool(fixed) and fixed[-1].rstrip().endswith(".") and " " in ast.unparse(node)


def has_words(template: str) -> bool:
    """Whether there is something to translate: two words, or one in lower case that is no name of a thing."""
    words = re.sub(r"\{\d+\}", "", template)
    return bool(
        re.search(r"[a-z]{2} [a-z(“{]|[a-z]{3} |^an? [A-Z]|^ [a-z]{4}", words)
        or re.fullmatch(r"[a-z]{4,}", template)
    )


def not_said(node: ast.AST) -> Iterator[ast.AST]:
    """What is no sentence of its own: docstrings, pieces of f-strings, titles and help of fields."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        yield node.value
    if isinstance(node, ast.JoinedStr):
        yield from node.values
    if isinstance(node, ast.Call) and ast.unparse(node.func) in {"Field", "files", "logging.info"}:
        yield from ast.walk(node)
