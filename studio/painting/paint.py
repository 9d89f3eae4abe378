"""The chain: first pass → hires → post → PNG, each a stage that runs only when what went in is new.

first pass ──▶ [enlarge ──▶ second pass] ──▶ post[0] ──▶ … ──▶ png
    ▲
source, mask and control images (by digest)
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio import honesty, images, metadata
from studio.deep import Deep
from studio.painting.easel import Easel, picture_bytes
from studio.painting.hires import hires
from studio.painting.materials import Materials, fingerprint
from studio.painting.passes import Pass, Toward
from studio.painting.safety import VEILED, is_unsafe, veiled
from studio.painting.stages import Stage
from studio.post.tools import applied

if TYPE_CHECKING:
    from PIL.Image import Image


class Chain:
    """One recipe's stages, linked by their keys; nothing runs before `png` is asked for."""

    def __init__(
        self,
        materials: Materials,
        blobs: Mapping[str, bytes],
        easel: Easel,
        extra: Mapping[str, Any],
        toward: Toward | None = None,
    ) -> None:
        self.materials = materials
        self.recipe = materials.recipe
        self.blobs = blobs
        self.easel = easel
        self.extra = extra
        self.first = Pass(materials, blobs, easel, toward)
        self.larger = hires(self.first)
        self.finished = self._post()
        self.png: Stage[tuple[bytes, dict[str, Any]]] = Stage(
            easel.key("png", self._said(), self.finished.key),
            self._write,
            lambda made: len(made[0]),
        )

    def _said(self) -> dict[str, Any]:
        checker = self.easel.checker
        return {
            "recipe": self.recipe.to_json(),
            "extra": dict(self.extra),
            "checker": checker.source if checker else "",
        }

    def _post(self) -> Stage[Image | Deep]:
        done = self.first.decoded if self.larger is None else self.larger.picture
        for i in range(1, len(self.recipe.post) + 1):
            done = self._finish(done, i)
        return done

    def _finish(self, before: Stage[Image | Deep], i: int) -> Stage[Image | Deep]:
        step, watch = self.recipe.post[i - 1], self.easel.watch
        tools = self.easel.tools("post", i, len(self.recipe.post), self._source)
        weights = [fingerprint(file) for file in step.found(tools.library)]

        def make() -> Image | Deep:
            picture = self.easel.stages.get(before)
            with watch.stage("post"):
                picture = applied(step, picture, tools)
            watch.step("post", i, len(self.recipe.post))
            return picture

        said = {**step.model_dump(), "weights": weights}
        return Stage(self.easel.key("post", said, before.key), make, picture_bytes)

    def _source(self) -> Image | None:
        """The picture that was painted from."""
        given = self.recipe.source
        return images.read(self.first.blob(given.image)) if given else None

    def _write(self) -> tuple[bytes, dict[str, Any]]:
        picture, checker = self.easel.stages.get(self.finished), self.easel.checker
        unsafe = False
        if checker is not None:
            with self.easel.watch.stage("safety"):
                unsafe = is_unsafe(picture, checker, self.easel.bench.models)
        facts = self._facts()
        if unsafe:
            picture = veiled(picture)
            facts |= {"warnings": [*facts["warnings"], VEILED]}
        return metadata.write_png(picture, self.recipe, facts, self.blobs), facts

    def _facts(self) -> dict[str, Any]:
        materials, bench = self.materials, self.easel.bench
        return {
            "seconds": {name: round(spent, 4) for name, spent in self.easel.watch.seconds.items()},
            "model": {
                "id": materials.model.id,
                "title": materials.model.title,
                "family": materials.family.name,
                "sha256": bench.sha256(materials.model),
            },
            "loras": [{"id": use.file.id, "sha256": bench.sha256(use.file)} for use in materials.loras],
            "versions": bench.versions(),
            **self.easel.environment,
            **self._unknown(),
            "when": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "warnings": list(
                dict.fromkeys(
                    (
                        *materials.warnings,
                        *(self.larger.warnings if self.larger else ()),
                        *(said for step in self.recipe.post for said in step.warnings(self.easel.library)),
                    )
                )
            ),
            **self.extra,
        }

    def _unknown(self) -> dict[str, list[str]]:
        """The words of the prompts that this model does not know, where it says which it does."""
        names = [Path(file.id).name for file in self.materials.embeddings]
        second = self.recipe.hires.prompt if self.recipe.hires else ""
        said = f"{self.recipe.prompt}\n{second}" if second else self.recipe.prompt
        words = honesty.of(said, self.materials.model, names).words
        return {"unknown_words": list(words)} if words else {}
