"""What people made: hut, pavilion, pagoda, bridge, boat, the seal, and (for want of a better room) the
birds.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from studio.school.brush import BODY, INK, LEAF, LINE, Sheet

if TYPE_CHECKING:
    from numpy.random import Generator

SIDE = 288


def _roof(sheet: Sheet, x: float, y: float, half: float, high: float) -> None:
    """A tiled roof with lifted eaves; (x, y) is the middle of the eaves, the ridge is narrow."""
    lift, ridge = high * 0.28, half * 0.30
    left = [(x - half, y + lift), (x - half * 0.62, y + high * 0.22), (x - ridge, y + high)]
    right = [(x + ridge, y + high), (x + half * 0.62, y + high * 0.22), (x + half, y + lift)]
    under = [(x + half * 0.7, y), (x - half * 0.7, y)]
    sheet.fill(BODY, [*left, *right, *under])
    sheet.fill(LEAF, [*left, *right, *under])
    pen = 0.026
    sheet.stroke(INK, left, pen)
    sheet.stroke(INK, right, pen)
    sheet.stroke(INK, [left[-1], right[0]], pen)
    sheet.stroke(INK, [left[0], under[1], under[0], right[-1]], pen)
    for side in (left, right):
        sheet.stroke(LINE, side, pen)
    sheet.stroke(LINE, [left[-1], right[0]], pen)
    sheet.stroke(LINE, [left[0], under[1], under[0], right[-1]], pen)


def _box(sheet: Sheet, corners: tuple[float, float, float, float], pen: float) -> None:
    x0, y0, x1, y1 = corners
    shape = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    sheet.fill(BODY, shape)
    for a, b in zip(shape, [*shape[1:], shape[0]], strict=True):
        sheet.stroke(INK, [a, b], pen)
        sheet.stroke(LINE, [a, b], pen)


def hut(rng: Generator) -> Sheet:
    """A thatched hut: low wall, dark door, a heavy straw roof."""
    sheet = Sheet.blank(SIDE, int(SIDE * 1.9))
    half, wall = rng.uniform(0.50, 0.62), rng.uniform(0.36, 0.42)
    _box(sheet, (-half, 0.02, half, wall), 0.035)
    door = half * rng.uniform(-0.5, 0.3)
    sheet.fill(INK, [(door, 0.02), (door + 0.2, 0.02), (door + 0.2, wall * 0.8), (door, wall * 0.8)], 215)
    eave, ridge = half * 1.32, half * 0.66
    roof = [(-eave, wall - 0.06), (-ridge, 0.93), (ridge, 0.93), (eave, wall - 0.06)]
    sheet.fill(BODY, roof)
    sheet.fill(LEAF, roof)
    for _ in range(22):
        u = rng.uniform(-0.95, 0.95)
        sheet.stroke(INK, [(u * ridge, 0.90), (u * eave, wall)], 0.014, tone=120)
    for a, b in zip(roof, [*roof[1:], roof[0]], strict=True):
        sheet.stroke(INK, [a, b], 0.04)
        sheet.stroke(LINE, [a, b], 0.035)
    return sheet


def pavilion(rng: Generator) -> Sheet:
    """An open pavilion: lifted roof on red posts above a stone step."""
    sheet = Sheet.blank(SIDE, int(SIDE * 1.5))
    half = rng.uniform(0.34, 0.40)
    step = [(-half * 1.15, 0.02), (half * 1.15, 0.02), (half * 1.15, 0.09), (-half * 1.15, 0.09)]
    sheet.fill(BODY, step)
    sheet.stroke(INK, [step[3], step[2]], 0.028)
    sheet.stroke(INK, [step[0], step[1]], 0.028)
    sheet.stroke(LINE, [step[0], step[1]], 0.028)
    for u in (-1.0, -0.36, 0.36, 1.0):
        post = [(u * half * 0.86, 0.09), (u * half * 0.86, 0.52)]
        sheet.stroke(LEAF, post, 0.05)
        sheet.stroke(INK, post, 0.024)
        sheet.stroke(LINE, post, 0.026)
    sheet.stroke(INK, [(-half * 0.86, 0.22), (half * 0.86, 0.22)], 0.024)
    _roof(sheet, 0.0, 0.5, half * 1.75, 0.34)
    sheet.stroke(INK, [(0.0, 0.84), (0.0, 0.97)], 0.05, 0.02)
    sheet.stroke(LINE, [(0.0, 0.84), (0.0, 0.97)], 0.03)
    return sheet


def pagoda(rng: Generator) -> Sheet:
    """A tower of five to seven roofs that narrow towards the spire."""
    sheet = Sheet.blank(int(SIDE * 1.5), int(SIDE * 1.1))
    tiers = int(rng.integers(5, 8))
    high = 0.84 / tiers
    half = rng.uniform(0.125, 0.15)
    for i in range(tiers):
        y, wide = i * high, half * (1 - 0.55 * i / tiers)
        _box(sheet, (-wide, y, wide, y + high * 0.62), 0.014)
        sheet.fill(
            INK,
            [(-wide * 0.3, y), (wide * 0.3, y), (wide * 0.3, y + high * 0.4), (-wide * 0.3, y + high * 0.4)],
        )
        eave = wide * 1.75
        roof = [
            (-eave, y + high * 0.66),
            (-wide * 0.8, y + high),
            (wide * 0.8, y + high),
            (eave, y + high * 0.66),
            (wide, y + high * 0.56),
            (-wide, y + high * 0.56),
        ]
        sheet.fill(BODY, roof)
        sheet.fill(LEAF, roof)
        for a, b in ((0, 1), (2, 3), (3, 4), (4, 5), (5, 0)):
            sheet.stroke(INK, [roof[a], roof[b]], 0.016)
            sheet.stroke(LINE, [roof[a], roof[b]], 0.014)
    sheet.stroke(INK, [(0.0, 0.84), (0.0, 0.99)], 0.03, 0.012)
    sheet.stroke(LINE, [(0.0, 0.84), (0.0, 0.99)], 0.014)
    return sheet


def bridge(rng: Generator) -> Sheet:
    """A stone arch bridge seen from the side, with a railing."""
    sheet = Sheet.blank(int(SIDE * 0.8), int(SIDE * 2.6))
    span, rise = rng.uniform(1.12, 1.3), rng.uniform(0.66, 0.78)
    deck = [(-span, 0.05)]
    deck += [
        (span * math.sin(a), 0.05 + rise * math.cos(a)) for a in (math.radians(d) for d in range(-80, 81, 10))
    ]
    deck += [(span, 0.05)]
    inner = span * 0.52
    arch = [
        (inner * math.cos(a), rise * 0.74 * math.sin(a)) for a in (math.radians(d) for d in range(0, 181, 12))
    ]
    sheet.fill(BODY, [*deck, *arch[::-1]][: len(deck)] + arch)
    for plane in (INK, LINE):
        sheet.stroke(plane, deck, 0.05)
        sheet.stroke(plane, arch, 0.05)
        rail = [(x * 0.98, y + 0.15) for x, y in deck[2:-2]]
        sheet.stroke(plane, rail, 0.034)
    for x, y in deck[2:-2:2]:
        sheet.stroke(INK, [(x, y), (x * 0.98, y + 0.16)], 0.03)
    for side in (-1, 1):
        for k in range(3):
            x = side * span * (0.62 + 0.1 * k)
            sheet.stroke(INK, [(x, 0.06), (x, 0.2)], 0.018, tone=110)
    return sheet


def boat(rng: Generator) -> Sheet:
    """A fishing skiff: curved hull, reed awning, a fisherman with hat and pole."""
    sheet = Sheet.blank(int(SIDE * 0.9), int(SIDE * 2.4))
    half = rng.uniform(0.95, 1.1)
    rim = [(-half, 0.34), (-half * 0.55, 0.17), (half * 0.5, 0.17), (half, 0.36)]
    keel = [(half * 0.72, 0.06), (0.0, 0.0), (-half * 0.72, 0.06)]
    sheet.fill(BODY, [*rim, *keel])
    sheet.fill(INK, [*rim, *keel], 235)
    sheet.stroke(INK, rim, 0.06)
    sheet.stroke(LINE, [*rim, *keel, rim[0]], 0.05)
    at = half * rng.uniform(-0.15, 0.05)
    hood = [
        (at + 0.42 * math.cos(a), 0.2 + 0.36 * math.sin(a))
        for a in (math.radians(d) for d in range(0, 181, 20))
    ]
    sheet.fill(BODY, hood)
    sheet.fill(LEAF, hood)
    for plane in (INK, LINE):
        sheet.stroke(plane, hood, 0.05)
    man = half * 0.66
    sheet.fill(INK, [(man - 0.12, 0.24), (man + 0.12, 0.24), (man + 0.05, 0.62), (man - 0.05, 0.62)])
    sheet.fill(INK, [(man - 0.2, 0.64), (man + 0.2, 0.64), (man, 0.82)])
    sheet.stroke(LINE, [(man - 0.2, 0.64), (man, 0.82), (man + 0.2, 0.64)], 0.05)
    sheet.stroke(INK, [(man - 0.1, 0.9), (man + half * 0.62, 0.05)], 0.03)
    return sheet


def bird(rng: Generator) -> Sheet:
    """Two wing strokes, thick at the body."""
    sheet = Sheet.blank(int(SIDE * 0.5), int(SIDE * 1.3))
    dip, span = rng.uniform(0.2, 0.45), rng.uniform(0.9, 1.05)
    for side in (-1, 1):
        wing = [
            (0.0, 0.3),
            (side * span * 0.45, 0.62 + dip * 0.6),
            (side * span, 0.42 + rng.uniform(-0.08, 0.12)),
        ]
        sheet.stroke(INK, wing, 0.20, 0.13)
        sheet.stroke(LINE, wing, 0.17, 0.14)
    return sheet


def seal(rng: Generator) -> Sheet:
    """A square vermilion seal with the characters left white."""
    sheet = Sheet.blank(96, 96)
    sheet.fill(LEAF, [(-0.47, 0.03), (0.47, 0.03), (0.47, 0.97), (-0.47, 0.97)])
    cut = sheet.planes[LEAF]
    carve = Sheet.blank(96, 96)
    for column in (-0.2, 0.2):
        for k in range(5):
            y = 0.18 + 0.16 * k
            if rng.random() < 0.85:
                carve.stroke(INK, [(column - 0.13, y), (column + 0.13, y)], 0.07)
        carve.stroke(INK, [(column, 0.16), (column, 0.84)], 0.07)
    cut[carve.planes[INK] > 100] = 60
    return sheet
