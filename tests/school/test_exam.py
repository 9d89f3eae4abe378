import numpy as np

from studio.school.data import attribute_names
from studio.school.exam import Order, by_class, following, joint, orders, share_right, told_attributes
from studio.school.scene import ATTRIBUTES, held_out, sample_scene


def test_what_a_caption_tells_is_found_by_its_words():
    scene = sample_scene(np.random.default_rng(3))
    assert not any(told_attributes("", scene))
    asked = orders(40, 1)
    assert all(any(order.told) for order in asked)
    assert 0.2 < np.mean([order.told for order in asked]) < 0.95


def test_a_waterfall_does_not_tell_of_autumn():
    rng = np.random.default_rng(0)
    scene = next(
        s for s in (sample_scene(rng) for _ in range(500)) if (s.season, s.water) == ("autumn", "waterfall")
    )
    from studio.school.captions import concepts

    words = concepts()["water:waterfall"]["en"]
    told = told_attributes(words[0], scene)
    assert [name for name, said in zip(attribute_names(), told, strict=True) if said] == ["water"]


def test_held_out_pairs_can_be_asked_for():
    from studio.school.scene import Scene

    for order in orders(10, 2, held_out_pairs=True):
        pairs = zip(ATTRIBUTES.items(), order.labels, strict=True)
        assert held_out(Scene(**{name: values[n] for (name, values), n in pairs}))


def test_only_what_a_caption_tells_is_marked():
    names = attribute_names()
    told = tuple(name in ("style", "hour") for name in names)
    asked = [Order("", (1,) * len(names), told)] * 6
    seen = np.zeros((6, len(names)), int)
    seen[:3, names.index("style")] = 1
    assert share_right(seen, asked, range(6)) == 0.25
    table = following(seen, asked, np.full(len(names), 0.8))
    assert set(table) == {"style", "hour"}
    assert table["style"]["painted"] == 0.5
    assert table["style"]["ratio"] == 0.5 / 0.8
    assert joint(seen, asked) == {"joint_2": 0.0}
    assert by_class(seen, asked)[f"style:{ATTRIBUTES['style'][1]}"] == 0.5


def test_a_thing_of_the_wrong_kind_is_not_followed_but_is_there():
    names = attribute_names()
    n = names.index("building")
    hut, pagoda = ATTRIBUTES["building"].index("hut"), ATTRIBUTES["building"].index("pagoda")
    told = tuple(name == "building" for name in names)
    wanted = tuple(hut if name == "building" else 0 for name in names)
    seen = np.zeros((8, len(names)), int)
    seen[:4, n], seen[4:6, n] = hut, pagoda
    row = following(seen, [Order("", wanted, told)] * 8, np.ones(len(names)))["building"]
    assert (row["painted"], row["present"]) == (0.5, 0.75)
