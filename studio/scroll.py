"""Handscrolls 手卷: a landscape that keeps unrolling, painted as a chain of outpainting recipes.

    first part ──▶ its last columns + blurred new ground ──▶ second part ──▶ … ──▶ one long picture

Each part is a job like any other; what is unrolled lies in the studio's settings as plain values, so a studio
that was closed goes on where it was. Stop keeps what is painted. The parts become one picture that carries
every recipe of the chain, and go into the trash.

A prompt turns into the next over several parts, by the shares of AND: else palette and light would turn at
once, within the lap of two parts.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from studio import images, metadata
from studio.desk.desk import Desk, Submitted
from studio.desk.inputs import Inputs
from studio.desk.jobs import Jobs
from studio.errors import BadInput, BadPicture, LimitReached, NotFound, StudioError
from studio.gallery import Gallery
from studio.painting.outpaint import Edges, Extended, extended
from studio.part import Part
from studio.recipe import Mask, Recipe, Source, Text, explain

if TYPE_CHECKING:
    from PIL.Image import Image

LONGEST, MOST_PIXELS = 32_768, 64_000_000
TURNING = 4  # parts over which a prompt turns into the next; where it is soon over, half of those it has
MOST_WORDS = 2000  # characters of two prompts that are mixed
REMEMBERED = 64  # scrolls whose end can still be asked for
_SETTING = "scrolls"
_AND = re.compile(r"\bAND\b")
_OWN = images.Bounds(bytes=2**30)


class Turn(Part):
    """From a share of the length on, the prompt turns into another."""

    at: float = Field(ge=0, le=1, title="From")
    prompt: Text = Field(title="Prompt")


class Scroll(Part):
    """A handscroll: the recipe of its first part, how long it becomes, and how it changes on the way.

    The recipe's size is that of each part. `context`: so many pixels of what is painted are seen when the
    next part is (0: three eighths of a part).
    """

    recipe: Recipe
    length: int = Field(default=4096, ge=128, le=LONGEST, multiple_of=8, title="Length")
    context: int = Field(default=0, ge=0, le=2048, multiple_of=8, title="Context")
    strength: float = Field(default=0.85, gt=0, le=1, title="Denoising strength")
    direction: Literal["right", "left"] = Field(default="right", title="Unrolls to the")
    turns: tuple[Turn, ...] = Field(default=(), max_length=64, title="Prompts on the way")
    picture: str = Field(default="", pattern=r"^([0-9a-f]{32})?$", title="Begins with")

    @model_validator(mode="after")
    def _can_be_unrolled(self) -> Self:
        recipe = self.recipe
        if recipe.source or recipe.mask or recipe.controls or recipe.hires or recipe.post:
            raise ValueError(
                "a handscroll is painted from words alone: take source, mask, ControlNet, high-res fix and "
                "finish away, and finish the whole scroll afterwards"
            )
        if self.length * recipe.height > MOST_PIXELS:
            raise ValueError(
                f"at this height a scroll becomes at most {MOST_PIXELS // recipe.height} pixels long"
            )
        if not 8 <= self.seen <= recipe.width - 8:
            raise ValueError("the context must be narrower than a part")
        return self

    @property
    def seen(self) -> int:
        """The context in pixels."""
        return self.context or self.recipe.width * 3 // 64 * 8

    @property
    def step(self) -> int:
        """How many pixels each part adds."""
        return self.recipe.width - self.seen

    def part(self, i: int, begun: int) -> Recipe:
        """The words and the seed of part `i`, which begins where `begun` pixels are painted."""
        return self.recipe.but(prompt=self._words(begun), seed=(self.recipe.seed + i) % 2**64)

    def _words(self, begun: int) -> str:
        reached = [turn for turn in self.turns if turn.at * self.length <= begun]
        turned = sorted(reached, key=lambda turn: turn.at)
        if not turned:
            return self.recipe.prompt
        before, now = [self.recipe.prompt, *(turn.prompt for turn in turned)][-2:]
        begins, ends = (share * self.length for share in (turned[-1].at, self._until(turned[-1].at)))
        parts = min(TURNING, max(1, (ends - begins) // self.step // 2)) if begins else 1
        return between(before, now, (1 + (begun - begins) // self.step) / parts)

    def _until(self, at: float) -> float:
        """Until which share of the length the words of a turn hold."""
        return min((turn.at for turn in self.turns if turn.at > at), default=1.0)

    def beyond(self, last: Image) -> Extended:
        """What the part after `last` is painted from: the end of it, grown by a step."""
        right = self.direction == "right"
        left = last.width - self.seen if right else 0
        edges = Edges(right=self.step) if right else Edges(left=self.step)
        known = last.crop((left, 0, left + self.seen, last.height))
        return extended(known, edges, min(64, self.seen * 2 // 3))


def between(before: str, now: str, share: float) -> str:
    """Words on the way from one prompt to another, by the shares that AND gives them in the guidance.

    Those that are empty, long, or composed by AND themselves change at once.
    """
    mixable = before.strip() and now.strip() and len(before) + len(now) <= MOST_WORDS
    if share >= 1 or before == now or not mixable or _AND.search(f"{before} {now}"):
        return now
    return f"{before} :{round(1 - share, 4)} AND {now} :{round(share, 4)}"


@dataclass(frozen=True, slots=True)
class Unrolling:
    """How far a scroll is: plain values.

    `parts`: pictures done, in order · `group`: the request of the next ·
    `seen`, `step`: pixels of each part that are the one before's, and that are new.

    `state`: "painting", then "done" (all of it), "stopped" (by the painter) or "failed" with a `sentence`; a
    scroll that was stopped or failed with something painted still has its `picture`.
    """

    id: str
    painter: str
    asked: dict[str, Any]
    parts: tuple[str, ...] = ()
    group: str = ""
    seen: int = 0
    step: int = 0
    width: int = 0
    state: str = "painting"
    picture: str = ""
    sentence: str = ""


def told(row: Unrolling) -> dict[str, Any]:
    """How far a scroll is.

    `group`: the request of the part that is being painted, for its events; `parts`: the pictures so far, of
    which each begins with the `seen` last columns of the one before.
    """
    asked = row.asked
    return {
        "id": row.id,
        "state": row.state,
        "group": row.group,
        "parts": list(row.parts),
        "picture": row.picture,
        "width": row.width,
        "length": asked["length"],
        "height": asked["recipe"]["height"],
        "seen": row.seen,
        "step": row.step,
        "painted": row.width
        or (asked["recipe"]["width"] + row.step * (len(row.parts) - 1) if row.parts else 0),
        "direction": asked["direction"],
        "sentence": row.sentence,
    }


def joined(parts: Sequence[Image], seen: int, direction: str) -> Image:
    """One picture of parts of which each begins with the `seen` last columns of the one before.

    Raises `BadPicture` for parts that do not fit together.
    """
    from PIL import Image as Pictures

    if not parts or any(part.width <= seen or part.height != parts[0].height for part in parts):
        raise BadPicture("The parts of this scroll do not fit together; they are in the gallery as they are.")
    width = parts[0].width + sum(part.width - seen for part in parts[1:])
    whole = Pictures.new("RGB", (width, parts[0].height))
    at = 0
    for part in parts:
        whole.paste(part.convert("RGB"), (at if direction == "right" else width - at - part.width, 0))
        at += part.width - seen
    return whole


class Scrolls:
    """The scrolls of all painters, each unrolled by a thread of its own that mostly waits for the desk."""

    def __init__(
        self,
        jobs: Jobs,
        desk: Desk,
        gallery: Gallery,
        inputs: Inputs,
        paint: Callable[[Sequence[Recipe], str, str], Submitted],
    ) -> None:
        """Goes on with what an earlier studio left. `paint` puts a painter's recipes in line, with the
        picture that they are made from."""
        self._jobs, self._desk, self._gallery, self._inputs = jobs, desk, gallery, inputs
        self._paint = paint
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._stopped: set[str] = set()
        kept: Mapping[str, Any] = jobs.setting(_SETTING) or {}
        self._rows = {name: _row(values) for name, values in kept.items()}
        self._threads = [self._thread(name) for name, row in self._rows.items() if row.state == "painting"]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Leaves everything as it is, for the next studio; after the desk was closed."""
        self._closing.set()
        for thread in self._threads:
            thread.join(10)

    def begin(self, scroll: Scroll, painter: str) -> str:
        """Begin to unroll a scroll whose seed is resolved; returns its name.

        Raises `LimitReached` while another one of hers is unrolling and beyond her limits, `NotFound` or
        `BadInput` for the picture that it shall begin with.
        """
        if scroll.picture:
            first = self._gallery.get(painter, scroll.picture)
            if first.height != scroll.recipe.height or not scroll.seen <= first.width < scroll.length:
                raise BadInput(
                    f"That picture is {first.width} × {first.height}: a scroll that begins with it is as "
                    "high, and longer. Set the height of the parts to the picture's."
                )
        begun = 0 if scroll.picture else scroll.recipe.width
        parts = max(1, -(-(scroll.length - begun) // scroll.step) + bool(begun))
        self._desk.check_scroll(scroll.length, scroll.recipe.height, parts, painter)
        with self._lock:
            if any(row.painter == painter and row.state == "painting" for row in self._rows.values()):
                raise LimitReached("A scroll of yours is still unrolling; wait for it, or stop it.")
            row = Unrolling(
                secrets.token_hex(16),
                painter,
                scroll.model_dump(mode="json"),
                parts=(scroll.picture,) if scroll.picture else (),
                seen=scroll.seen,
                step=scroll.step,
            )
            self._keep(row)
            thread = self._thread(row.id)
            self._threads = [*(old for old in self._threads if old.is_alive()), thread]
        thread.start()
        return row.id

    def stop(self, name: str, painter: str) -> None:
        """Unroll no further; what is painted is kept. Twice is as good as once. Raises `NotFound`."""
        row = self.get(name, painter)
        if row.state != "painting":
            return
        self._stopped.add(name)
        if group := self.get(name, painter).group:
            self._desk.cancel(group, painter)

    def forget(self, painter: str) -> None:
        """Ends a painter's scrolls and drops every word of them; what they painted is the gallery's."""
        hers = {row.id for row in self.all(painter)}
        for name in hers:
            self.stop(name, painter)
        for thread in tuple(self._threads):
            if thread.name in {_called(name) for name in hers}:
                thread.join(10)
        with self._lock:
            self._rows = {name: row for name, row in self._rows.items() if row.painter != painter}
            self._jobs.set(_SETTING, {name: asdict(row) for name, row in self._rows.items()})

    def get(self, name: str, painter: str) -> Unrolling:
        """How far a scroll is. Raises `NotFound`, also for what is another painter's."""
        with self._lock:
            row = self._rows.get(name)
        if row is None or row.painter != painter:
            raise NotFound("There is no such scroll.")
        return row

    def all(self, painter: str) -> tuple[Unrolling, ...]:
        """Her scrolls, the newest first."""
        with self._lock:
            return tuple(row for row in reversed(self._rows.values()) if row.painter == painter)

    # --- one scroll, on its own thread

    def _thread(self, name: str) -> threading.Thread:
        return threading.Thread(target=self._unroll, args=(name,), name=_called(name), daemon=True)

    def _unroll(self, name: str) -> None:
        try:
            while self._goes_on(name):
                pass
        except (StudioError, OSError) as error:
            if not self._closing.is_set():
                self._fail(name, str(error))

    def _goes_on(self, name: str) -> bool:
        """One more part. False when the scroll is at its end, or the studio closes."""
        row = self._rows[name]
        scroll = Scroll.model_validate(row.asked)
        painted = self._painted(row, scroll)
        if name in self._stopped or painted >= scroll.length:
            self._end(row, scroll, "stopped" if name in self._stopped else "done")
            return False
        if not row.group:
            recipe = self._next(row, scroll, painted)
            parent = row.parts[-1] if row.parts else ""
            row = self._keep(replace(row, group=self._paint((recipe,), row.painter, parent).group))
        if name in self._stopped:  # it came while the part was put in line
            self._desk.cancel(row.group, row.painter)
        last = None
        for event in self._desk.events(row.group, row.painter):
            last = event
        if last is not None and last.kind == "done" and last.picture:
            self._keep(replace(row, parts=(*row.parts, last.picture), group=""))
            return True
        if last is not None and last.kind in ("failed", "cancelled"):
            state = "failed" if last.kind == "failed" else "stopped"
            self._end(row, scroll, state, last.sentence or "")
        return False

    def _painted(self, row: Unrolling, scroll: Scroll) -> int:
        if not row.parts:
            return 0
        return self._gallery.get(row.painter, row.parts[0]).width + scroll.step * (len(row.parts) - 1)

    def _next(self, row: Unrolling, scroll: Scroll, painted: int) -> Recipe:
        """The recipe of the next part, its source and mask put among the painter's inputs."""
        recipe = scroll.part(len(row.parts), painted)
        if not row.parts:
            return recipe
        grown = scroll.beyond(self._picture(row, row.parts[-1]))
        source, mask = (
            self._inputs.put(row.painter, images.encode_png(image)) for image in (grown.source, grown.mask)
        )
        return recipe.but(
            source=Source(image=source, strength=scroll.strength), mask=Mask(image=mask, blur=grown.overlap)
        )

    def _end(self, row: Unrolling, scroll: Scroll, state: str, sentence: str = "") -> None:
        """Make one picture of what is painted, keep it, and put its parts into the trash."""
        if not row.parts or (scroll.picture and len(row.parts) == 1):
            self._keep(replace(row, state=state, group="", sentence=sentence))
            return
        whole = joined([self._picture(row, part) for part in row.parts], scroll.seen, scroll.direction)
        width = min(whole.width, scroll.length)
        left = 0 if scroll.direction == "right" else whole.width - width
        whole = whole.crop((left, 0, left + width, whole.height))
        chain = [self._gallery.read(row.painter, part) for part in row.parts]
        made = [metadata.read_file(png) for png in chain]
        facts = made[-1].facts | {
            "scroll": row.asked | {"parts": [m.recipe.model_dump(mode="json") for m in made if m.recipe]},
            "seconds": {"scroll": round(sum(sum(m.facts.get("seconds", {}).values()) for m in made), 4)},
        }
        facts.pop("parent", None)
        png = metadata.write_png(
            whole, scroll.recipe, facts | ({"parent": scroll.picture} if scroll.picture else {})
        )
        picture = self._gallery.keep(row.painter, row.id, png)
        self._gallery.trash(row.painter, *(part for part in row.parts if part != scroll.picture))
        self._keep(replace(row, state=state, group="", width=width, picture=picture.id, sentence=sentence))

    def _picture(self, row: Unrolling, part: str) -> Image:
        return images.read(self._gallery.read(row.painter, part), _OWN).convert("RGB")

    def _fail(self, name: str, sentence: str) -> None:
        """It cannot go on: what is painted is kept, if that much can still be done."""
        row = self._rows[name]
        try:
            self._end(row, Scroll.model_validate(row.asked), "failed", sentence)
        except (StudioError, OSError):
            self._keep(replace(row, state="failed", group="", sentence=sentence))

    def _keep(self, row: Unrolling) -> Unrolling:
        """Write the row down; long-ended ones are forgotten."""
        with self._lock:
            rows = self._rows | {row.id: row}
            ended = [name for name, one in rows.items() if one.state != "painting"]
            self._rows = {name: one for name, one in rows.items() if name not in ended[:-REMEMBERED]}
            self._jobs.set(_SETTING, {name: asdict(one) for name, one in self._rows.items()})
            return row


def _called(name: str) -> str:
    """What the thread of a scroll is called."""
    return f"scroll-{name}"


def _row(values: Mapping[str, Any]) -> Unrolling:
    kept: dict[str, Any] = {**values, "parts": tuple(values["parts"])}
    return Unrolling(**kept)


def scroll_of(values: Mapping[str, Any]) -> Scroll:
    """A scroll from plain values. Raises `BadInput` with one sentence a field."""
    try:
        return Scroll.model_validate(values)
    except ValidationError as error:
        raise BadInput(explain(error)) from error
