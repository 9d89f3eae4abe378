"""Five trees: pine in flat clouds, round broadleaf, weeping willow, jointed bamboo, bare crab-claw
branches.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from studio.school.brush import BODY, INK, LEAF, LINE, Sheet

if TYPE_CHECKING:
    from numpy.random import Generator

SIDE = 384
PEN = 0.016


def pine(rng: Generator) -> Sheet:
    """A leaning pine: curved trunk and level pads of needles."""
    sheet = Sheet.blank(SIDE, int(SIDE * 1.45))
    lean = rng.uniform(0.06, 0.2) * (1 if rng.random() < 0.5 else -1)
    sway = -lean * rng.uniform(0.3, 0.8)
    spine = [
        (0.0, 0.0),
        (sway * 0.7, 0.2),
        (sway * 0.4 + lean * 0.3, 0.45),
        (lean * 1.1, 0.68),
        (lean * 0.8, 0.88),
    ]
    for plane, extra in ((BODY, 0.012), (INK, 0.0)):
        sheet.stroke(plane, spine, 0.068 + extra, 0.022 + extra)
    sheet.stroke(LINE, spine, 0.03, 0.02)
    side = 1 if rng.random() < 0.5 else -1
    for i in range(int(rng.integers(6, 9))):
        y = 0.40 + i * 0.068 + rng.uniform(-0.02, 0.02)
        root = _along(spine, y)
        reach = (0.37 - 0.032 * i) * rng.uniform(0.7, 1.15)
        tip = (root + side * reach, y + rng.uniform(-0.03, 0.05))
        sheet.stroke(INK, [(root, y - 0.05), (root + side * reach * 0.5, y - 0.03), tip], 0.024, 0.012)
        _pad(sheet, rng, (root + side * reach * 0.8, tip[1]), reach * rng.uniform(0.55, 0.75))
        if rng.random() < 0.45:
            _pad(sheet, rng, (root + side * reach * 0.35, tip[1] + 0.055), reach * 0.5)
        side = -side
    _pad(sheet, rng, (lean * 0.8, 0.90), 0.17)
    return sheet


def _pad(sheet: Sheet, rng: Generator, at: tuple[float, float], half: float) -> None:
    """A level cloud of needles: flat below, domed above, with a fringe of fans."""
    x, y = at
    half = max(0.12, half)
    high = half * rng.uniform(0.34, 0.44)
    for k in range(5):
        u = -0.8 + 0.4 * k
        lump = half * (0.42 - 0.12 * abs(u))
        centre = (x + u * half * 0.8, y + high * (0.35 - 0.3 * u * u))
        sheet.dab(BODY, centre, (lump, high * 0.62), 200)
        sheet.dab(LEAF, centre, (lump, high * 0.62), 235)
        sheet.rim(centre, (lump, high * 0.62), (190, 350), PEN)
    for _ in range(int(16 + half * 60)):
        u = rng.uniform(-1, 1)
        foot = (x + u * half * 0.95, y + high * 0.5 * (1 - u * u) * rng.uniform(0, 1))
        angle = math.radians(90 - u * 55 + rng.uniform(-18, 18))
        tip = (foot[0] + 0.052 * math.cos(angle), foot[1] + 0.052 * math.sin(angle))
        sheet.stroke(INK, [foot, tip], 0.007, tone=190)
    sheet.stroke(INK, [(x - half * 0.9, y - high * 0.18), (x + half * 0.9, y - high * 0.18)], 0.009, tone=170)


def broadleaf(rng: Generator) -> Sheet:
    """A forked tree with a round crown of leaf clusters."""
    sheet = Sheet.blank(SIDE, int(SIDE * 1.2))
    lean = rng.uniform(-0.06, 0.06)
    trunk = [(0.0, 0.0), (lean * 0.4 + 0.015, 0.2), (lean, 0.42)]
    sheet.stroke(BODY, trunk, 0.07, 0.05)
    sheet.stroke(INK, trunk, 0.058, 0.036)
    sheet.stroke(LINE, trunk, 0.03, 0.02)
    clusters = [(lean + rng.uniform(-0.05, 0.05), 0.84, 0.155)]
    for k in range(6):
        angle = math.radians(-18 + 43 * k + rng.uniform(-10, 10))
        clusters.append(
            (lean + 0.25 * math.cos(angle), 0.64 + 0.15 * math.sin(angle), rng.uniform(0.11, 0.15))
        )
    for x, y, _ in clusters:
        sheet.stroke(INK, [(lean, 0.38), ((lean + x) / 2 + 0.01, (0.42 + y) / 2), (x, y)], 0.026, 0.010)
    for x, y, radius in sorted(clusters, key=lambda c: -c[1]):
        _cluster(sheet, rng, (x, y), radius)
    return sheet


def _cluster(sheet: Sheet, rng: Generator, at: tuple[float, float], radius: float) -> None:
    for _ in range(30):
        angle, out = rng.uniform(0, 2 * math.pi), math.sqrt(rng.random()) * radius
        spot = (at[0] + out * math.cos(angle), at[1] + 0.8 * out * math.sin(angle))
        size = rng.uniform(0.022, 0.036)
        sheet.dab(BODY, spot, (size, size * 0.85), 190)
        sheet.dab(LEAF, spot, (size, size * 0.85), int(rng.uniform(190, 250)))
    for _ in range(16):
        angle, out = rng.uniform(0, 2 * math.pi), math.sqrt(rng.random()) * radius
        spot = (at[0] + out * math.cos(angle), at[1] + 0.8 * out * math.sin(angle) - radius * 0.2)
        sheet.dab(INK, spot, (0.011, 0.009), int(rng.uniform(90, 170)))
    sheet.rim(at, (radius, radius * 0.85), (185, 355), PEN)


def willow(rng: Generator) -> Sheet:
    """A bent trunk whose long strands hang nearly to the ground."""
    sheet = Sheet.blank(SIDE, int(SIDE * 1.4))
    lean = rng.uniform(0.05, 0.16) * (1 if rng.random() < 0.5 else -1)
    trunk = [(0.0, 0.0), (lean * 0.2 - 0.03, 0.25), (lean * 0.8 + 0.02, 0.5), (lean, 0.68)]
    sheet.stroke(BODY, trunk, 0.085, 0.05)
    sheet.stroke(INK, trunk, 0.07, 0.035)
    sheet.stroke(LINE, trunk, 0.03, 0.02)
    for k in range(8):
        u = -1 + 2 * k / 7 + rng.uniform(-0.08, 0.08)
        crown = (lean + u * 0.22, 0.90 - 0.09 * u * u + rng.uniform(-0.03, 0.03))
        edge = (lean + u * 0.46, 0.80 - 0.16 * abs(u))
        sheet.stroke(INK, [(lean, 0.62), crown, edge], 0.018, 0.007)
        for i in range(13):
            t = rng.uniform(0.0, 1.0)
            start = (crown[0] + (edge[0] - crown[0]) * t, crown[1] + (edge[1] - crown[1]) * t)
            drop = start[1] - rng.uniform(0.22, 0.55)
            drift = 0.07 * u + rng.uniform(-0.02, 0.02)
            strand = [start, (start[0] + drift * 0.8, (start[1] + drop) / 2 + 0.05), (start[0] + drift, drop)]
            sheet.stroke(LEAF, strand, 0.016, 0.009, tone=int(rng.uniform(130, 235)))
            if i % 4 == 0:
                sheet.stroke(INK, strand, 0.005, tone=90)
            if i % 6 == 0:
                sheet.stroke(LINE, strand, 0.012)
    return sheet


def bamboo(rng: Generator) -> Sheet:
    """A clump of jointed culms with hanging blades."""
    sheet = Sheet.blank(SIDE, int(SIDE * 0.95))
    count = int(rng.integers(4, 6))
    for i in range(count):
        x0 = (i - (count - 1) / 2) * 0.095 + rng.uniform(-0.02, 0.02)
        high = rng.uniform(0.72, 0.96)
        bend = x0 * 0.5 + rng.uniform(-0.05, 0.05)
        culm = [(x0, 0.0), (x0 + bend * 0.25, high * 0.5), (x0 + bend, high)]
        sheet.stroke(BODY, culm, 0.03, 0.014)
        sheet.stroke(LEAF, culm, 0.028, 0.012)
        sheet.stroke(LINE, culm, 0.014, 0.010)
        for joint in range(1, 8):
            y = joint * high / 8
            x = _along(culm, y)
            sheet.stroke(INK, [(x - 0.018, y), (x + 0.018, y)], 0.010)
        for _ in range(9):
            y = rng.uniform(0.38, 1.0) * high
            _blades(sheet, rng, (_along(culm, y), y))
    return sheet


def _blades(sheet: Sheet, rng: Generator, at: tuple[float, float]) -> None:
    side = 1 if rng.random() < 0.5 else -1
    tip = (at[0] + side * 0.05, at[1] + 0.015)
    sheet.stroke(INK, [at, tip], 0.007)
    for k in range(int(rng.integers(3, 5))):
        angle = math.radians(-90 + side * (8 + 27 * k) + rng.uniform(-9, 9))
        long, wide = rng.uniform(0.09, 0.135), 0.013
        dx, dy = math.cos(angle), math.sin(angle)
        middle = (tip[0] + dx * long * 0.4, tip[1] + dy * long * 0.4)
        end = (tip[0] + dx * long, tip[1] + dy * long)
        blade = [
            tip,
            (middle[0] - dy * wide, middle[1] + dx * wide),
            end,
            (middle[0] + dy * wide, middle[1] - dx * wide),
        ]
        sheet.fill(LEAF, blade, int(rng.uniform(200, 255)))
        if rng.random() < 0.5:
            sheet.stroke(INK, [tip, end], 0.006, tone=150)
            sheet.stroke(LINE, [tip, end], 0.012)


def bare(rng: Generator) -> Sheet:
    """A leafless tree; twigs curl like crab claws."""
    sheet = Sheet.blank(SIDE, int(SIDE * 1.3))

    def grow(at: tuple[float, float], angle: float, long: float, wide: float, depth: int) -> None:
        curl = rng.uniform(-0.35, 0.35)
        middle = (at[0] + long * 0.5 * math.cos(angle + curl), at[1] + long * 0.5 * math.sin(angle + curl))
        end = (at[0] + long * math.cos(angle), at[1] + long * math.sin(angle))
        sheet.stroke(INK, [at, middle, end], wide, wide * 0.62)
        if depth < 4:
            sheet.stroke(LINE, [at, middle, end], max(0.012, wide * 0.5), max(0.012, wide * 0.35))
        if depth == 5:
            return
        for fork in range(2 if depth else 3):
            spread = (0.62 if depth else 0.55) * (fork - (0.5 if depth else 1.0)) * 1.7 + rng.uniform(
                -0.18, 0.18
            )
            grow(end, angle + spread * 0.6, long * rng.uniform(0.66, 0.84), max(0.010, wide * 0.6), depth + 1)

    grow((0.0, 0.0), math.pi / 2 + rng.uniform(-0.15, 0.15), 0.27, 0.07, 0)
    return sheet


def _along(spine: list[tuple[float, float]], y: float) -> float:
    """The x of a polyline at the height y."""
    for (x0, y0), (x1, y1) in pairwise(spine):
        if y <= y1:
            return x0 + (x1 - x0) * (y - y0) / (y1 - y0)
    return spine[-1][0]
