"""Components of models in memory: loaded once, lent for a block of code, forgotten by bytes.

    unet = models.get(Key(file.source, "unet", "bfloat16"), load)
    with models.use(unet, work_bytes=…) as (module,):
        …

Pipelines are throw-away views over what is lent. One thread loads and runs; others may ask.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock, RLock
from typing import TYPE_CHECKING, Any, TypeVar

from studio.errors import OutOfMemory
from studio.models.budget import FP8_SHARE, STREAM_BYTES, Rung, lower, rung
from studio.models.device import Mover, Placed, best_dtype, bytes_of, module_of, pick

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
_RAM_SHARE = 0.6
# What torch, its allocator on the CPU, OpenCV and the system say.
_FULL = ("out of memory", "can't allocate memory", "insufficient memory", "cannot allocate memory")
_NO_ROOM = (
    "There is not enough memory for this picture, even after making room. Make it smaller, use fewer "
    "ControlNets or a smaller model, or close other programs that need memory."
)


@dataclass(frozen=True, slots=True)
class Key:
    """What a component is, completely: file (`ModelFile.source`), component, precision, quantisation."""

    source: str
    component: str
    dtype: str
    quant: str = ""


@dataclass(slots=True, eq=False)
class Entry:
    """A loaded component. `pins`: how many blocks use it now; `placed`: how it is on the device, if it is."""

    key: Key
    value: Any
    bytes: int
    pins: int = 0
    placed: Placed | None = None


class Models:
    """The cache. Budgets are bytes; 0 measures: 60 % of the machine's memory, all of the device's.

    `mover` is how modules get onto the device; tests put one there that only counts.
    """

    def __init__(
        self, device: str = "auto", ram_bytes: int = 0, device_bytes: int = 0, mover: Mover | None = None
    ) -> None:
        import psutil

        self._mover = mover or Mover(pick(device))
        self._ram = ram_bytes or int(psutil.virtual_memory().total * _RAM_SHARE)
        self._device_bytes = device_bytes
        self._entries: dict[Key, Entry] = {}  # least recently used first
        self._loading: dict[Key, Lock] = {}
        self._lock = RLock()
        self._at_least: Rung = "resident"

    @property
    def device(self) -> torch.device:
        return self._mover.device

    def dtype(self, for_: str = "unet") -> torch.dtype:
        """The precision to load a component in. Apple's GPUs decode in fp32: fp16 turns pictures black."""
        import torch

        if for_ == "vae" and self.device.type == "mps":
            return torch.float32
        return best_dtype(self.device)

    # ---- memory ----

    def get(self, key: Key, load: Callable[[], Any], expected: int = 0) -> Entry:
        """The component under `key`, loaded once however many ask; `expected` bytes are made free first.

        Whatever `load` raises goes through and leaves the cache as it was.
        """
        with self._lock:
            alone = self._loading.setdefault(key, Lock())
        with alone:
            with self._lock:
                entry = self._entries.pop(key, None)
                if entry is None:
                    self._trim(expected)
                else:
                    self._entries[key] = entry
                    return entry
            value = load()
            with self._lock:
                entry = self._entries[key] = Entry(key, value, bytes_of(value), pins=1)
                self._trim(0)
                entry.pins = 0
                self._loading.pop(key, None)
            return entry

    def holds(self, key: Key) -> bool:
        """Whether `get` would load nothing."""
        with self._lock:
            return key in self._entries

    def _trim(self, more: int) -> None:
        """Forget the least recently used until `more` bytes fit the budget; what is lent stays."""
        for entry in [entry for entry in self._entries.values() if not entry.pins]:
            if self._used() + more <= self._ram:
                return
            self._leave(entry)
            del self._entries[entry.key]

    def _used(self) -> int:
        return sum(entry.bytes for entry in self._entries.values())

    def unload(self) -> None:
        """Forget everything that is not lent."""
        with self._lock:
            for entry in [entry for entry in self._entries.values() if not entry.pins]:
                self._leave(entry)
                del self._entries[entry.key]
            self._mover.empty()

    def memory(self) -> dict[str, int | str]:
        """Bytes in use and allowed, for the page and the bench."""
        with self._lock:
            return {
                "device": str(self.device),
                "components": len(self._entries),
                "ram_bytes": self._used(),
                "ram_budget": self._ram,
                "device_bytes": self._resident(),
                "device_free": self._free(),
            }

    # ---- the device ----

    @contextmanager
    def use(self, *entries: Entry, work_bytes: int = 0) -> Generator[tuple[Any, ...]]:
        """Lend components for a block: on the device, not to be moved or forgotten; on the CPU they stay.

        `work_bytes`: activations the block needs. Others leave the device for them when there is no room.
        """
        with self._lock:
            for entry in entries:
                entry.pins += 1
                if self._entries.get(entry.key, entry) is entry:
                    self._entries.pop(entry.key, None)
                    self._entries[entry.key] = entry
        try:
            if self.device.type != "cpu":
                with self._lock:
                    self._bring([entry for entry in entries if module_of(entry.value)], work_bytes)
            yield tuple(entry.value for entry in entries)
        finally:
            with self._lock:
                for entry in entries:
                    entry.pins -= 1
                self._trim(0)

    def room(self) -> int:
        """Bytes that activations could take now: free on the device, or in the machine's memory."""
        import psutil

        if self.device.type == "cpu":
            return psutil.virtual_memory().available
        with self._lock:
            return self._free()

    def plan(self, parts_bytes: Sequence[int], work_bytes: int) -> Rung:
        """The rung of the ladder for a job whose components have these sizes."""
        with self._lock:
            if self.device.type == "cpu":
                return "resident"
            return rung(parts_bytes, work_bytes, self._free() + self._evictable(), self._at_least)

    def _bring(self, entries: list[Entry], work: int) -> None:
        room = self._free() + self._evictable() + sum(e.placed.bytes for e in entries if e.placed)
        largest = max(entries, key=lambda entry: entry.bytes, default=None)
        if largest is None:
            return
        others = sum(entry.bytes for entry in entries) - largest.bytes
        # Together in one block they must fit at once: "swap" is what evicting the others already is.
        step = rung([largest.bytes], others + work, room, self._at_least)
        size = {"fp8": int(largest.bytes * FP8_SHARE), "stream": min(largest.bytes, STREAM_BYTES)}
        wanted: list[tuple[Entry, Rung, int]] = [
            (entry, step, size[step])
            if entry is largest and step in size
            else (entry, "resident", entry.bytes)
            for entry in entries
        ]
        for entry, how, _ in wanted:
            if entry.placed is not None and entry.placed.rung != how:
                self._leave(entry)
        missing = sum(need for entry, _, need in wanted if entry.placed is None)
        self._make_room(missing + work if self._at_least == "resident" else sys.maxsize)
        for entry, how, _ in wanted:
            module = module_of(entry.value)
            if entry.placed is None and module is not None:
                entry.placed = self._mover.up(module, how)

    def _make_room(self, need: int) -> None:
        """Send the least recently used away until `need` bytes are free; only whole components."""
        for entry in list(self._entries.values()):
            if self._free() >= need:
                return
            if entry.placed is not None and not entry.pins:
                self._leave(entry)

    def _leave(self, entry: Entry) -> None:
        if entry.placed is not None:
            placed, entry.placed = entry.placed, None
            self._mover.down(placed)

    def _resident(self) -> int:
        return sum(entry.placed.bytes for entry in self._entries.values() if entry.placed)

    def _evictable(self) -> int:
        return sum(e.placed.bytes for e in self._entries.values() if e.placed and not e.pins)

    def _free(self) -> int:
        measured = self._mover.free()
        return min(measured, self._device_bytes - self._resident()) if self._device_bytes else measured

    # ---- out of memory ----

    def retry_lower(self, work: Callable[[], T]) -> T:
        """Run `work`; if memory runs out, make room and run it once more a rung lower.

        Raises `OutOfMemory` when that does not help either. The failed attempt's error is dropped before the
        second begins, because its traceback would keep the tensors alive.
        """
        done, result = _attempt(work)
        if not done:
            with self._lock:
                before = self._at_least
                others = sum(entry.placed is not None for entry in self._entries.values()) > 1
                self._at_least = lower(before) if others else lower(lower(before))
            try:
                self.unload()
                done, result = _attempt(work)
            finally:
                with self._lock:
                    self._at_least = before
        if not done:
            self.unload()
            raise OutOfMemory(_NO_ROOM)
        return result[0]


def _attempt(work: Callable[[], T]) -> tuple[bool, list[T]]:
    try:
        return True, [work()]
    except tellers() as error:
        if not is_out_of_memory(error):
            raise
    return False, []


def tellers() -> tuple[type[Exception], ...]:
    """The errors that may say that memory has run out; OpenCV's own exists once it is loaded."""
    opencv = sys.modules.get("cv2")
    return (RuntimeError, MemoryError, OSError, *([opencv.error] if opencv else []))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device or the machine has no memory left."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, tellers()) and any(words in text for words in _FULL)
