import numpy as np
import torch

from studio.school.controlnet import Sketched, build_controlnet, controlnet_task, sample_sketched, spoil_lines
from studio.school.course import (
    held_out_pool,
    load_reading,
    load_unet,
    load_vae,
    open_latents,
)
from studio.school.unet import sample

CPU = torch.device("cpu")


def test_the_controlnet_learns(school, learn):
    unet = load_unet(school)
    latents, pool = open_latents(school, "latents256")[0]
    net = build_controlnet(school.plan, unet)
    parts = (load_reading(school), load_vae(school), CPU, held_out_pool(school))
    first, last = learn(controlnet_task(school.plan, net, unet, [Sketched(latents, pool)], *parts), 15)
    assert last < first


def test_at_scale_zero_the_lines_are_not_there(school):
    unet, vae, reading = load_unet(school).eval(), load_vae(school), load_reading(school)
    net = build_controlnet(school.plan, unet).eval()
    lines = [np.asarray(p) for p in held_out_pool(school).lines[:2]]
    side = school.plan.size // 8
    plain = sample(unet, vae, reading, ["ink", "夜"], (side, side), CPU, steps=2, seed=4)
    drawn = sample_sketched(net, unet, vae, reading, ["ink", "夜"], lines, CPU, steps=2, scale=0.0, seed=4)
    assert all((a == b).all() for a, b in zip(plain, drawn, strict=True))


def test_spoiled_lines_are_still_white_on_black_of_the_same_size(school):
    pool, rng = held_out_pool(school), np.random.default_rng(0)
    lines, picture = np.asarray(pool.lines[0]), np.asarray(pool.pixels[0])
    ways = [spoil_lines(lines, picture, rng) for _ in range(40)]
    assert {w.shape for w in ways} == {lines.shape}
    assert {w.dtype for w in ways} == {np.dtype(np.uint8)}
    assert any(not w.any() for w in ways)
    assert len({w.tobytes() for w in ways}) > 20
