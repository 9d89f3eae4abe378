from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from studio.school.scene import ATTRIBUTES, HELD_OUT, Scene, held_out, labels, possible, sample_scene


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    rng = np.random.default_rng(5)
    return [sample_scene(rng) for _ in range(4000)]


def test_every_class_of_every_attribute_is_drawn(scenes: list[Scene]):
    for name, classes in ATTRIBUTES.items():
        share = {
            value: sum(getattr(scene, name) == value for scene in scenes) / len(scenes) for value in classes
        }
        assert min(share.values()) > 0.03, (name, share)


def test_only_possible_scenes_are_drawn_and_none_is_held_out(scenes: list[Scene]):
    assert all(possible(scene) and not held_out(scene) for scene in scenes)


def test_every_held_out_pair_is_possible_so_that_it_can_be_tested(scenes: list[Scene]):
    for (first, x), (second, y) in HELD_OUT:
        tried = (replace(scene, **{first: x, second: y}) for scene in scenes)
        kept = [scene for scene in tried if possible(scene)]
        assert kept, (first, x, second, y)
        assert held_out(kept[0])


def test_labels_are_positions_in_the_list_of_classes(scenes: list[Scene]):
    for scene in scenes[:50]:
        assert {name: ATTRIBUTES[name][k] for name, k in labels(scene).items()} == asdict(scene)


def test_a_scene_can_be_a_key_and_has_a_field_for_every_attribute(scenes: list[Scene]):
    assert list(asdict(scenes[0])) == list(ATTRIBUTES)
    assert {scenes[0]: 1}[replace(scenes[0])] == 1


def test_the_same_seed_draws_the_same_scene():
    assert sample_scene(np.random.default_rng(9)) == sample_scene(np.random.default_rng(9))
