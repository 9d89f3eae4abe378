"""Colours: each style has its paper and minerals, each season its leaves and snow, each hour its sky and
light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from studio.school.scene import Scene

RGB = tuple[float, float, float]


class Palette(NamedTuple):
    """Every colour of one picture, RGB in 0..1."""

    sky_top: RGB
    sky_middle: RGB
    sky_low: RGB
    mist: RGB
    far: RGB
    crest: RGB
    middle: RGB
    foot: RGB
    ink: RGB
    dot: RGB
    dot_light: RGB
    ground: RGB
    ground_far: RGB
    tint: RGB
    water: RGB
    water_deep: RGB
    leaf: RGB
    leaf_dark: RGB
    roof: RGB
    wall: RGB
    awning: RGB
    sun: RGB
    moon: RGB
    glow: RGB
    snow: RGB
    seal: RGB


def mix(a: RGB, b: RGB, t: float) -> RGB:
    """`a` at t = 0, `b` at t = 1."""
    return (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t)


def _lit(colour: RGB, light: RGB) -> RGB:
    return (colour[0] * light[0], colour[1] * light[1], colour[2] * light[2])


def _hex(code: str) -> RGB:
    return (int(code[0:2], 16) / 255, int(code[2:4], 16) / 255, int(code[4:6], 16) / 255)


# paper, crest, middle, foot, ink, far
_STYLES: dict[str, tuple[str, str, str, str, str, str]] = {
    "ink": ("f1eee6", "3a3b3e", "85868a", "c9c8c4", "1c1b1d", "9ea1a6"),
    "blue-green": ("e6d6ab", "1f5f9e", "2f9a82", "c4a468", "1d2b3a", "7fb0b0"),
    "light-crimson": ("f4e6cf", "8a4326", "c58257", "e6c39a", "3b2620", "c9a58c"),
    "gold-on-indigo": ("16285a", "1c3a78", "1a2f63", "15234d", "e3b95c", "2c4584"),
}
# leaf, leaf in shade, ground, tint of the ground, strength of the season on rock
_SEASONS: dict[str, tuple[str, str, str, str]] = {
    "spring": ("f08fb0", "8cbf52", "b9cf7a", "9cc65e"),
    "summer": ("3f9a45", "1c6a38", "6fa25a", "3f8a4a"),
    "autumn": ("ea6a1e", "b02a1c", "d9a04e", "c9792c"),
    "winter": ("6f7f80", "4c5c60", "e9edf1", "ffffff"),
}
# sky top, middle, low, weight over the paper, light on the land, haze
_HOURS: dict[str, tuple[str, str, str, float, RGB, str]] = {
    "dawn": ("a9b9dd", "f3b9c0", "fbd9b0", 0.80, (1.0, 0.92, 0.95), "f4c6c8"),
    "day": ("ffffff", "ffffff", "ffffff", 0.12, (1.0, 1.0, 1.0), "ffffff"),
    "dusk": ("7c5478", "e67a3e", "fbc25f", 0.90, (0.98, 0.74, 0.60), "e8884e"),
    "night": ("10182f", "1d2a4c", "4a5f8c", 0.95, (0.46, 0.53, 0.72), "2a3a60"),
}
_GOLD_HOURS: dict[str, tuple[str, str, str, RGB]] = {
    "dawn": ("232a66", "6b4685", "d98a94", (1.12, 1.0, 1.05)),
    "day": ("1d4596", "2a62b4", "5c97d0", (1.35, 1.45, 1.45)),
    "dusk": ("1c1338", "6a2346", "dc6a2a", (1.05, 0.78, 0.72)),
    "night": ("03050f", "070d22", "101a3a", (0.55, 0.58, 0.66)),
}


def palette(scene: Scene) -> Palette:
    """The colours of a scene."""
    build = _indigo if scene.style == "gold-on-indigo" else _silk
    colours = build(scene)
    if scene.weather == "clear":
        return colours
    grey = mix(_hex("8d97a3"), colours.sky_middle, 0.35) if scene.weather == "rain" else _hex("aeb4bd")
    dim = 0.35 if scene.hour == "night" else 1.0
    grey = _lit(grey, (dim, dim, dim * 1.1))
    amount = 0.5 if scene.weather == "rain" else 0.42
    return colours._replace(
        sky_top=mix(colours.sky_top, grey, amount),
        sky_middle=mix(colours.sky_middle, grey, amount * 0.8),
        sky_low=mix(colours.sky_low, grey, amount * 0.5),
        mist=mix(colours.mist, grey, amount * 0.35),
    )


def _silk(scene: Scene) -> Palette:
    paper, crest, middle, foot, ink, far = (_hex(code) for code in _STYLES[scene.style])
    leaf, leaf_dark, ground, tint = (_hex(code) for code in _SEASONS[scene.season])
    top, mid, low, weight, light, haze_code = _HOURS[scene.hour]
    haze = _hex(haze_code)
    sky = (mix(paper, _hex(top), weight), mix(paper, _hex(mid), weight), mix(paper, _hex(low), weight))
    near = {"day": 0.0, "night": 0.22}.get(scene.hour, 0.10)
    veil = 0.0 if scene.hour == "day" else 0.5
    if scene.style == "ink":
        leaf, leaf_dark = mix(leaf, ink, 0.10), mix(leaf_dark, ink, 0.35)
        ground, tint = mix(ground, paper, 0.45), mix(tint, paper, 0.30)
    if scene.style == "light-crimson":
        ground, tint = mix(ground, middle, 0.30), mix(tint, middle, 0.2)
    if scene.style == "blue-green":
        ground, tint = mix(ground, _hex("4fae8c"), 0.25), mix(tint, _hex("3f9f80"), 0.25)
    crest, middle, foot = _seasoned(scene, crest, middle, foot)

    def shone(colour: RGB) -> RGB:
        return mix(_lit(colour, light), haze, near)

    white = _lit((1.0, 1.0, 1.0), light)
    return Palette(
        sky_top=sky[0],
        sky_middle=sky[1],
        sky_low=sky[2],
        mist=mix(sky[2], mix(white, haze, veil * 0.6), 0.55),
        far=mix(mix(far, shone(far), 0.8), sky[1], 0.30),
        crest=shone(crest),
        middle=shone(middle),
        foot=shone(foot),
        ink=_lit(ink, light),
        dot=shone(leaf_dark),
        dot_light=shone(leaf),
        ground=shone(ground),
        ground_far=mix(shone(ground), sky[2], 0.45),
        tint=shone(tint),
        water=mix(sky[2], _water(scene), 0.62 if scene.hour == "dusk" else 0.45),
        water_deep=mix(sky[1], _water(scene), 0.85),
        leaf=shone(leaf),
        leaf_dark=shone(leaf_dark),
        roof=shone(_hex("8a4b34") if scene.style != "ink" else _hex("5f5f63")),
        wall=shone(mix(paper, (1.0, 1.0, 1.0), 0.4)) if scene.hour != "night" else _hex("f2c878"),
        awning=shone(_hex("8a4b34")) if scene.hour != "night" else _hex("f0b458"),
        sun=_hex("e8402a") if scene.hour != "dusk" else _hex("f2321a"),
        moon=_hex("fdf6dc"),
        glow=mix(_hex("ffd27a"), white, 0.2) if scene.hour != "night" else _hex("9fb0d8"),
        snow=mix((1.0, 1.0, 1.0), haze, 0.08 if scene.hour == "day" else 0.30)
        if scene.hour != "night"
        else _hex("a9b7d6"),
        seal=_hex("c2311f"),
    )


_WATERS = {"dawn": "7d9bcb", "day": "68a3b4", "dusk": "4c4a94", "night": "1a2a52"}


def _water(scene: Scene) -> RGB:
    """Water by the hour, nearly grey in an ink painting."""
    colour = _hex(_WATERS[scene.hour])
    grey = sum(colour) / 3
    return mix(colour, (grey, grey, grey * 1.04), 0.55) if scene.style == "ink" else colour


def _seasoned(scene: Scene, crest: RGB, middle: RGB, foot: RGB) -> tuple[RGB, RGB, RGB]:
    """The season's tint on rock: most at the foot, little at the crest."""
    _, _, ground, tint = (_hex(code) for code in _SEASONS[scene.season])
    strength = {"ink": 0.34, "blue-green": 0.34, "light-crimson": 0.26}[scene.style]
    if scene.season == "winter":
        cold = _hex("c3ccd6")
        return mix(crest, cold, 0.12), mix(middle, cold, 0.35), mix(foot, cold, 0.6)
    return mix(crest, tint, strength * 0.25), mix(middle, tint, strength), mix(foot, ground, strength * 1.6)


def _indigo(scene: Scene) -> Palette:
    paper, crest, middle, foot, gold, far = (_hex(code) for code in _STYLES["gold-on-indigo"])
    leaf, leaf_dark, ground, tint = (_hex(code) for code in _SEASONS[scene.season])
    top, mid, low, light = _GOLD_HOURS[scene.hour]
    sky = (_hex(top), _hex(mid), _hex(low))
    shine = 0.80 if scene.hour == "night" else 1.0
    gold = _lit(gold, (shine, shine, shine))

    def shone(colour: RGB) -> RGB:
        return _lit(colour, light)

    leaf, leaf_dark = mix(leaf, gold, 0.12), mix(mix(leaf_dark, gold, 0.2), paper, 0.15)
    return Palette(
        sky_top=sky[0],
        sky_middle=sky[1],
        sky_low=sky[2],
        mist=mix(mix(sky[2], sky[1], 0.55), shone(_hex("7f96cc")), 0.30),
        far=mix(shone(far), sky[1], 0.45),
        crest=shone(mix(crest, tint, 0.10)),
        middle=shone(mix(middle, tint, 0.12)),
        foot=shone(mix(foot, tint, 0.16)),
        ink=gold,
        dot=mix(leaf_dark, paper, 0.1),
        dot_light=leaf,
        ground=shone(mix(paper, ground, 0.36)),
        ground_far=mix(shone(mix(paper, ground, 0.24)), sky[2], 0.35),
        tint=shone(mix(paper, tint, 0.50)),
        water=mix(sky[2], shone(_hex("1d3f8f")), 0.62),
        water_deep=mix(sky[1], shone(_hex("173478")), 0.75),
        leaf=leaf,
        leaf_dark=leaf_dark,
        roof=_hex("9c3d22"),
        wall=mix(shone(paper), gold, 0.25 if scene.hour != "night" else 0.7),
        awning=_hex("9c3d22") if scene.hour != "night" else _hex("e8913a"),
        sun=_hex("ee4a2a"),
        moon=_hex("f8e9b4"),
        glow=mix(gold, sky[2], 0.4),
        snow=_lit(_hex("e6ebf7"), (shine, shine, shine)),
        seal=_hex("c8321f"),
    )
