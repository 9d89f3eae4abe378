"""What every word of the command line is made of."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.errors import BadInput

if TYPE_CHECKING:
    from studio.settings import Settings

Arguments = argparse.Namespace


@dataclass(frozen=True, slots=True)
class Command:
    """One word: what it says of itself, its arguments, and what it does (returning the exit status)."""

    about: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[Arguments], int]


def folders(parser: argparse.ArgumentParser) -> None:
    """The options of every word that opens the studio's folders."""
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="data folder")
    parser.add_argument("--models", type=Path, metavar="FOLDER", help="models folder")
    parser.add_argument(
        "--extra-models",
        type=Path,
        action="append",
        metavar="FOLDER",
        help="another studio's models folder, or its extra_model_paths.yaml; may be said again",
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), help="where to paint")


def settings(args: Arguments) -> Settings:
    """The environment's settings, with what this command line says laid over.

    Raises `BadInput` for a setting that makes no sense.
    """
    from pydantic import ValidationError

    from studio.recipe import explain
    from studio.settings import Settings

    names = ("data", "models", "extra_models", "device", "host", "port")
    names += ("share", "public", "guest_port", "public_host", "password")
    said = {name: getattr(args, name, None) for name in names}
    if getattr(args, "no_browser", False):
        said["browser"] = False
    try:
        return Settings.read().but(**{name: value for name, value in said.items() if value is not None})
    except ValidationError as error:
        raise BadInput(f"The studio's settings cannot be used: {explain(error)}") from error


def assignments(pairs: Sequence[str]) -> dict[str, Any]:
    """`["steps=30", "post.0.kind=clahe"]` as nested values: JSON where it is JSON, else text.

    Raises `BadInput` for a pair that assigns nothing.
    """
    tree: dict[str, Any] = {}
    for pair in pairs:
        path, equals, text = pair.partition("=")
        if not equals or not path.strip():
            raise BadInput(f"“{pair[:80]}” assigns nothing: write --set NAME=VALUE, such as --set steps=30.")
        *above, last = path.strip().split(".")
        place = tree
        for name in above:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise BadInput(f"“{path[:80]}” sets a part of what was already set as a whole.")
        place[last] = value_of(text)
    return {name: listed(value) for name, value in tree.items()}


def value_of(text: str) -> Any:
    """JSON where it is JSON, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def listed(value: Any) -> Any:
    """Mappings whose keys count 0, 1, 2 … are lists."""
    if not isinstance(value, dict):
        return value
    inner = {str(name): listed(part) for name, part in value.items()}
    counted = [str(i) for i in range(len(inner))]
    return [inner[i] for i in counted] if inner and set(inner) == set(counted) else inner
