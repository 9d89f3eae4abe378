"""The catalog: which files can be fetched with one press, from where, under which licence, and where they go.

A file is known by its SHA-256, which was written down beforehand; whatever else arrives is not installed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from studio.errors import BadInput, UnknownName
from studio.models.fetch import STRICT, Policy, Refused
from studio.models.files import SUFFIXES, Kind
from studio.models.library import Library
from studio.part import Part
from studio.settings import PROJECT

FOLDER_OF: Mapping[Kind, str] = MappingProxyType(
    {
        "checkpoint": "checkpoints",
        "lora": "loras",
        "embedding": "embeddings",
        "vae": "vae",
        "tiny": "vae_approx",
        "controlnet": "controlnet",
        "upscaler": "upscalers",
        "face": "faces",
        "annotator": "annotators",
    }
)
ENDINGS = SUFFIXES | {".onnx"}
RESERVED = frozenset(  # what Windows takes for a device, whatever the suffix
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)}
)
CATALOG = PROJECT / "models" / "catalog.toml"  # shipped with the program, wherever the models are kept
LARGEST = 2**20  # bytes of catalog.toml


def file_name(name: str) -> str:
    """`name`, if it is a plain file name of weights on every system. Raises `ValueError`."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,118}[A-Za-z0-9]", name) or ".." in name:
        raise ValueError("a file name has letters, digits, dots, hyphens and underscores only")
    if name.partition(".")[0].strip().lower() in RESERVED:
        raise ValueError("this file name means a device on Windows")
    if PurePosixPath(name).suffix.lower() not in ENDINGS:
        raise ValueError(f"a file of weights ends in one of {', '.join(sorted(ENDINGS))}")
    return name


class Entry(Part):
    """One file that can be fetched. `bytes` is its size, 0 where only the server knows it.

    `work`: 10⁹ multiply-adds for a megapixel (upscalers) or a face (face networks), 0 where nobody waits.
    `licence` is the licence's name; `terms` what one must know before fetching it (parts that may not be used
    commercially, for instance); `licence_read` is False where we know the licence only from hearsay.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")
    title: str = Field(min_length=1, max_length=80)
    about: str = Field(default="", max_length=200)
    kind: Kind
    family: str = Field(default="", pattern=r"^[a-z0-9]{0,16}$")
    url: str = Field(max_length=1000)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(default=0, ge=0, le=2**40)
    file: Annotated[str, AfterValidator(file_name)]
    work: float = Field(default=0.0, ge=0)
    licence: str = Field(min_length=1, max_length=120)
    licence_url: str = Field(default="", max_length=500, pattern=r"^(https://[!-~]+)?$")
    licence_read: bool = False
    terms: str = Field(default="", max_length=500)
    groups: tuple[str, ...] = ()

    def place(self, models: Path) -> Path:
        """Where the file belongs under the models folder."""
        return models / FOLDER_OF[self.kind] / self.file

    def by_hand(self, models: Path) -> str:
        """How to put the file there without this program: address, name, folder and digest."""
        where = self.place(models)
        return (
            f"To do it by hand, open {self.url} in a browser and save it as {where.name} in the folder "
            f"{where.parent}. Its SHA-256 is {self.sha256}."
        )


def read_catalog(path: Path = CATALOG, policy: Policy = STRICT) -> Mapping[str, Entry]:
    """The entries of a catalog file, by id, in its order.

    Raises `BadInput` for a file that is no catalog, for an address that `policy` does not allow, and for two
    entries of one id or one place.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise BadInput(f"{path.name} is far too large for a catalog.")
        said: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
        entries = [Entry.model_validate(entry) for entry in said["model"]]
    except OSError as error:
        raise BadInput(f"The catalog {path} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise BadInput(f"An entry of {path.name} is wrong at “{where}”: {first['msg']}.") from error
    except (ValueError, LookupError, TypeError) as error:
        raise BadInput(f"{path.name} is not a catalog: {str(error)[:120]}.") from error
    found: dict[str, Entry] = {}
    places: set[Path] = set()
    for entry in entries:
        place = Path(str(entry.place(Path())).lower())
        if entry.id in found or place in places:
            raise BadInput(f"Two entries of {path.name} are called {entry.id}, or go to {place}.")
        try:
            policy.check(entry.url)
        except Refused as error:
            raise BadInput(f"{entry.id} of {path.name} cannot be offered: {error}.") from error
        found[entry.id] = entry
        places.add(place)
    return MappingProxyType(found)


def chosen(catalog: Mapping[str, Entry], name: str) -> tuple[Entry, ...]:
    """The entry of that id, or all of a group. Raises `UnknownName`."""
    if name in catalog:
        return (catalog[name],)
    members = tuple(entry for entry in catalog.values() if name in entry.groups)
    if not members:
        groups = {group for entry in catalog.values() for group in entry.groups}
        raise UnknownName("model in the catalog", name, {*catalog, *groups})
    return members


def installed(entry: Entry, library: Library) -> Path | None:
    """Where the file of `entry` already lies, by name and size, in our folders or the library's others."""
    places = [entry.place(library.folder)]
    places += [file.path for file in library.files(entry.kind) if file.path.name == entry.file]
    for path in places:
        if path.is_file() and (not entry.bytes or path.stat().st_size == entry.bytes):
            return path
    return None
