"""Faces to their standard place and back."""

import numpy as np
import pytest

from studio.post import align


def turned(angle, scale, shift):
    c, s = np.cos(angle) * scale, np.sin(angle) * scale
    return np.array([[c, -s, shift[0]], [s, c, shift[1]]])


def test_landmarks_that_were_turned_and_moved_come_back_to_the_template():
    there = turned(0.3, 0.4, (60, 20))
    marks = np.array(align.TEMPLATE) @ there[:, :2].T + there[:, 2]
    matrix = align.similarity(marks)
    back = marks @ matrix[:, :2].T + matrix[:, 2]
    assert np.abs(back - align.TEMPLATE).max() < 0.01


def test_landmarks_in_one_point_are_no_face():
    assert align.similarity(np.ones((5, 2))) is None


def test_what_lies_outside_of_the_picture_is_grey():
    face = align.aligned(np.zeros((64, 64, 3), np.uint8), turned(0, 1, (300, 300)))
    assert tuple(face[0, 0]) == align.SURROUND
    assert tuple(face[330, 330]) == (0, 0, 0)


@pytest.mark.parametrize("scale", [1.0, 1.5, 2.0])
def test_only_the_face_is_changed_and_a_mask_of_nothing_changes_nothing(scale):
    rng = np.random.default_rng(1)
    ground = rng.integers(0, 256, (int(300 * scale), int(400 * scale), 3), dtype=np.uint8)
    face = np.full((512, 512, 3), 250, np.uint8)
    matrix = turned(0.1, 512 / 120, (-512, -400))
    done = align.pasted(ground, [align.Pasted(face, matrix, np.ones((512, 512)))], scale)
    changed = np.argwhere((done != ground).any(axis=2))
    assert 100 * scale < np.ptp(changed[:, 0]) < 150 * scale
    assert 100 * scale < np.ptp(changed[:, 1]) < 150 * scale
    assert np.array_equal(
        align.pasted(ground, [align.Pasted(face, matrix, np.zeros((512, 512)))], scale), ground
    )
    assert np.array_equal(align.pasted(ground, [], scale), ground)


def test_without_a_mask_the_square_s_edge_is_soft():
    ground = np.zeros((300, 400, 3), np.uint8)
    one = align.Pasted(np.full((512, 512, 3), 200, np.uint8), turned(0, 512 / 120, (-512, -400)), None)
    row = align.pasted(ground, [one])[150, :, 0]
    assert row.max() == 200
    assert len(np.unique(row)) > 10
    assert (np.abs(np.diff(row.astype(int))) < 50).all()


def test_a_parsed_mask_is_soft_and_leaves_the_border_out():
    labels = np.zeros((512, 512), int)
    labels[100:400, :] = 1
    mask = align.parsed_mask(labels, (1,))
    assert mask[250, 250] == pytest.approx(1)
    assert 0 < mask[100, 250] < 1
    assert mask[:, : align.BORDER].max() == 0
    assert mask[250, align.BORDER] > 0.5
