"""The report on a starter: every figure of its model card, recomputed from the shipped weights.

`report` can be stopped at any time and continues; what it has painted lies in the state folder under the
digest of the weights that painted it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from studio.errors import BadInput, UnknownName
from studio.school import export, measures
from studio.school.autoencoder import build_tiny, encode_latents
from studio.school.card import FIGURES, figures, training_record, write_card
from studio.school.classifier import Classifier, load_classifier, look
from studio.school.controlnet import build_controlnet, sample_sketched
from studio.school.course import (
    HELD_OUT_SEED,
    School,
    TrainOptions,
    attribute_sizes,
    held_out_large_pool,
    held_out_pool,
    load_reading,
    load_unet,
    load_vae,
    training_pools,
)
from studio.school.data import SOFTNESS, Note, drawn, soften
from studio.school.degrade import shrink_cleanly
from studio.school.exam import Order, by_class, following, joint, orders, share_right
from studio.school.files import write_json
from studio.school.lcm import add_lora, load_lora, sample_fast
from studio.school.plans import PLANS
from studio.school.sheets import to_pixels
from studio.school.unet import sample
from studio.school.upscaler import SCALE, Compact, build_upscaler, enlarge

STEPS, FAST_STEPS = 20, 4
_BATCH = 8
_FRECHET_FROM = 2000  # pictures; with fewer the distance is mostly bias
_FAST_SHARE, _SKETCH_SHARE = 4, 8  # one in so many of the samples
_HAN = re.compile("[一-鿿]")


@dataclass(frozen=True, slots=True)
class _Desk:
    """What the report works with."""

    school: School
    judge: Classifier
    folder: Path
    note: Note

    def painted(self, name: str, count: int, paint: Callable[[int, int], list[np.ndarray]]) -> np.ndarray:
        """`count` pictures, `paint(start, stop)` at a time, kept as they come: (count, H, W, 3) uint8."""
        parts: list[np.ndarray] = []
        for start in range(0, count, _BATCH):
            stop = min(count, start + _BATCH)
            path = self.folder / name / f"{start:06d}-{stop:06d}.npy"
            if not path.is_file():
                path.parent.mkdir(parents=True, exist_ok=True)
                aside = path.with_suffix(".part.npy")
                np.save(aside, np.stack(paint(start, stop)))
                aside.replace(path)
            parts.append(np.load(path))
            self.note(name, stop, count)
        return np.concatenate(parts)

    def look(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return look(self.judge, list(pictures), self.school.device)


def _school(folder: Path, state: Path, device: str, note: Note) -> School:
    record = training_record(folder)
    if not record:
        raise BadInput(
            f"{folder} has no training.json; only a model that `studio train starter` made can be judged."
        )
    if record["plan"] not in PLANS:
        raise UnknownName("plan", str(record["plan"]), PLANS)
    options = TrainOptions(state, folder, device=device, plan=record["plan"], seed=record["seed"], note=note)
    return School(options, PLANS[record["plan"]], torch.device(device))


def _weights_digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.safetensors")):
        digest.update(export.file_digest(path).encode())
    return digest.hexdigest()[:16]


def _renders(desk: _Desk, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fresh renders that nobody trained on: pictures, judge's features, and the judge's accuracy per
    attribute.
    """
    size = desk.school.plan.size
    first = HELD_OUT_SEED + 50_000
    pictures = desk.painted(
        "renders", count, lambda a, b: [drawn(first + n, size, size, 1).picture for n in range(a, b)]
    )
    known = np.array([drawn_labels(first + n, size) for n in range(count)])
    features, seen = desk.look(pictures)
    return pictures, features, (seen == known).mean(0)


def drawn_labels(seed: int, size: int) -> tuple[int, ...]:
    """The audited labels of a fresh render."""
    return drawn(seed, size, size, 0).labels


def _tiny_pictures(picture: np.ndarray) -> np.ndarray:
    """Pictures at 32x32, flattened, -1..1: the space in which copies are looked for."""
    import cv2

    small = [cv2.resize(p, (32, 32), interpolation=cv2.INTER_AREA) for p in picture]
    return np.stack(small).reshape(len(small), -1).astype(np.float32) / 127.5 - 1


def _autoencoders(school: School) -> dict[str, float]:
    """PSNR, SSIM and edge agreement of reconstructions of held-out pictures."""
    vae = load_vae(school)
    pictures = [np.asarray(p) for p in held_out_pool(school).pixels]
    latents = [torch.tensor(encode_latents(vae, p[None], school.device)).float() for p in pictures]
    scale = float(vae.config["scaling_factor"])
    with torch.no_grad():
        rebuilt = [to_pixels(vae.decode(z.to(school.device) / scale).sample)[0] for z in latents]
    result = {
        "vae_psnr": float(np.mean([measures.psnr(a, b) for a, b in zip(pictures, rebuilt, strict=True)])),
        "vae_ssim": float(np.mean([measures.ssim(a, b) for a, b in zip(pictures, rebuilt, strict=True)])),
        "vae_edges": float(
            np.mean([measures.edge_agreement(a, b) for a, b in zip(pictures, rebuilt, strict=True)])
        ),
    }
    tiny = build_tiny(school.plan)
    if export.load_component(tiny, school.out / "vae_tiny" / export.WEIGHTS):
        tiny.to(school.device).eval()
        with torch.no_grad():
            quick = [to_pixels(tiny.decode(z.to(school.device)).sample)[0] for z in latents]
        result["tiny_psnr"] = float(
            np.mean([measures.psnr(a, b) for a, b in zip(pictures, quick, strict=True)])
        )
    return result


def _upscaling(school: School) -> dict[str, float]:
    """Mean PSNR gain over Lanczos on held-out large pictures, dB: from clean halves, and from soft ones."""
    net = build_upscaler(school.plan)
    if not export.load_component(net, school.out / "upscaler" / "x2.safetensors"):
        return {}
    net.to(school.device).eval()
    large = [np.asarray(picture) for picture in held_out_large_pool(school).pixels]
    clean = [shrink_cleanly(picture, SCALE) for picture in large]
    soft = [soften(picture, SOFTNESS) for picture in clean]

    def gain(small: Sequence[np.ndarray]) -> float:
        return float(np.mean([_gain(net, s, p, school) for s, p in zip(small, large, strict=True)]))

    return {"upscaler_gain_db": gain(clean), "upscaler_gain_soft_db": gain(soft)}


def _gain(net: Compact, small: np.ndarray, picture: np.ndarray, school: School) -> float:
    from PIL import Image

    size = (picture.shape[1], picture.shape[0])
    lanczos = np.asarray(Image.fromarray(small).resize(size, Image.Resampling.LANCZOS))
    own = enlarge(net, small, school.device)
    return measures.psnr(own, picture) - measures.psnr(lanczos, picture)


def _sketches(desk: _Desk, count: int) -> dict[str, float]:
    """Mean distance from drawn lines to painted edges, with the ControlNet and without it, and from the lines
    to the edges of the pictures that they are of, px.
    """
    school = desk.school
    unet = load_unet(school).eval()
    net = build_controlnet(school.plan, unet)
    if not export.load_component(net, school.out / "controlnet" / export.WEIGHTS):
        return {}
    net.to(school.device).eval()
    vae, reading, pool = load_vae(school), load_reading(school), held_out_pool(school)
    count = min(count, len(pool))

    def distance(made: Sequence[np.ndarray]) -> float:
        each = [measures.sketch_distance(np.asarray(pool.lines[n]), made[n]) for n in range(count)]
        return float(np.mean(each))

    def paint(scale: float) -> Callable[[int, int], list[np.ndarray]]:
        def some(start: int, stop: int) -> list[np.ndarray]:
            lines = [np.asarray(pool.lines[n]) for n in range(start, stop)]
            captions = [pool.captions[n][0] for n in range(start, stop)]
            return sample_sketched(
                net, unet, vae, reading, captions, lines, school.device, scale=scale, seed=start
            )

        return some

    return {
        "sketch_px": distance(list(desk.painted("sketch_px", count, paint(1.0)))),
        "sketch_px_ignored": distance(list(desk.painted("sketch_px_ignored", count, paint(0.0)))),
        "sketch_px_of_renders": distance([np.asarray(picture) for picture in pool.pixels]),
    }


def _fast(desk: _Desk, asked: Sequence[Order]) -> np.ndarray | None:
    """Pictures in four steps, or None if there is no LCM-LoRA."""
    school = desk.school
    unet = load_unet(school)
    add_lora(unet, school.plan.lora_rank)
    if not load_lora(unet, school.out / "lcm_lora"):
        return None
    unet.eval()
    vae, reading, side = load_vae(school), load_reading(school), school.plan.size // 8

    def paint(start: int, stop: int) -> list[np.ndarray]:
        captions = [order.caption for order in asked[start:stop]]
        return sample_fast(
            unet, vae, reading, captions, (side, side), school.device, steps=FAST_STEPS, seed=start
        )

    return desk.painted("fast", len(asked), paint)


def _paintings(desk: _Desk, asked: Sequence[Order]) -> np.ndarray:
    school = desk.school
    unet, vae, reading = load_unet(school).eval(), load_vae(school), load_reading(school)
    side = school.plan.size // 8

    def paint(start: int, stop: int) -> list[np.ndarray]:
        captions = [order.caption for order in asked[start:stop]]
        return sample(unet, vae, reading, captions, (side, side), school.device, steps=STEPS, seed=start)

    return desk.painted("paintings", len(asked), paint)


def _distances(made: np.ndarray, fast: np.ndarray | None, real: np.ndarray) -> dict[str, float]:
    """Kernel distance (and the Fréchet distance if there are enough) to fresh renders, in the judge's
    features.
    """
    half = len(real) // 2
    result = {
        "kernel_distance": measures.kernel_distance(made, real),
        "kernel_distance_of_renders": measures.kernel_distance(real[:half], real[half:]),
        "diversity": measures.diversity(made) / measures.diversity(real),
    }
    if fast is not None:
        slow = measures.kernel_distance(made[: len(fast)], real)
        result["kernel_distance_fast"] = measures.kernel_distance(fast, real)
        result["fast_to_slow"] = result["kernel_distance_fast"] / max(1e-9, slow)
    if len(made) >= _FRECHET_FROM:
        result["frechet_distance"] = measures.frechet_distance(made, real)
        result["frechet_distance_of_renders"] = measures.frechet_distance(real[:half], real[half:])
        if fast is not None:
            result["frechet_distance_fast"] = measures.frechet_distance(fast, real)
            result["frechet_distance_as_few"] = measures.frechet_distance(made[: len(fast)], real)
    return result


def _silent(_what: str, _done: int, _of: int) -> None:
    return None


def report(
    folder: Path, samples: int, state: Path, *, device: str = "cpu", note: Note = _silent
) -> dict[str, Any]:
    """Judge the starter in `folder` by `samples` paintings; write its figures.json, card and sums, unless
    those tell of more paintings by the same weights.

    Distances are in the judge's features. Continues where it was stopped. Raises MissingWeights (a part that
    must be there is not), BadInput (not a starter of ours).
    """
    if samples < 8:
        raise BadInput("A report needs at least 8 samples.")
    school = _school(folder, state, device, note)
    judge = load_classifier(school.plan, attribute_sizes(), folder / "judge", school.device)
    weights = _weights_digest(folder)
    desk = _Desk(school, judge, state / "report" / weights, note)
    asked = orders(samples, 5)
    _, real, own = _renders(desk, samples)
    made = _paintings(desk, asked)
    features, seen = desk.look(made)
    quick = _fast(desk, asked[: max(8, samples // _FAST_SHARE)])
    quick_features = None if quick is None else desk.look(quick)[0]
    chinese = [n for n, order in enumerate(asked) if _HAN.search(order.caption)]
    english = sorted(set(range(samples)) - set(chinese))
    known = _tiny_pictures(np.asarray(training_pools(school)[0].pixels))
    result: dict[str, Any] = {
        "weights": weights,
        "samples": samples,
        "judge_accuracy": float(own.mean()),
        "following": share_right(seen, asked, range(samples)),
        "following_english": share_right(seen, asked, english),
        "following_chinese": share_right(seen, asked, chinese),
        **joint(seen, asked),
        **_distances(features, quick_features, real),
        "copies": int(measures.copies(_tiny_pictures(made), known).sum()),
        **_autoencoders(school),
        **_sketches(desk, max(8, samples // _SKETCH_SHARE)),
        **_upscaling(school),
        "attributes": following(seen, asked, own),
        "classes": by_class(seen, asked),
    }
    written = figures(folder)
    if written.get("weights") != weights or written["samples"] <= samples:
        write_json(folder / FIGURES, result)
        write_card(school)
        export.write_sums(folder)
    return result
