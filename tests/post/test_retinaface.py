"""RetinaFace: its mathematics, by a net that says what the test wants."""

import numpy as np
import torch

from studio.post import retinaface


def test_anchors_cover_the_picture_level_by_level():
    found = retinaface.anchors(100, 75)
    assert found.shape == (2 * (13 * 10 + 7 * 5 + 4 * 3), 4)
    assert np.allclose(found[0], [4 / 75, 4 / 100, 16 / 75, 16 / 100])
    assert np.allclose(found[1], [4 / 75, 4 / 100, 32 / 75, 32 / 100])
    assert np.allclose(found[2, :2], [12 / 75, 4 / 100])


def test_an_anchor_that_says_nothing_is_its_own_box():
    priors = torch.from_numpy(retinaface.anchors(64, 64))
    boxes, marks = retinaface.decoded(torch.zeros(len(priors), 4), torch.zeros(len(priors), 10), priors)
    assert torch.allclose((boxes[:, :2] + boxes[:, 2:]) / 2, priors[:, :2], atol=1e-6)
    assert torch.allclose(marks.view(-1, 5, 2), priors[:, None, :2].expand(-1, 5, 2))


def test_of_overlapping_boxes_only_the_surest_stays_and_unsure_ones_go():
    count = len(retinaface.anchors(96, 128))
    scores = torch.zeros(count)
    scores[40], scores[42], scores[300], scores[10] = 0.98, 0.99, 0.975, 0.9
    offsets = torch.zeros(count, 4)
    offsets[42, 0] = -5.0  # half of an anchor's 16 pixels: onto the one before it
    seen = []

    def net(pixels):
        seen.append(pixels)
        return offsets, scores, torch.zeros(count, 10)

    found = retinaface.detect(net, np.full((96, 128, 3), 120, np.uint8), torch.device("cpu"))
    assert found.shape == (2, 15)
    assert np.allclose(found[:, 4], [0.99, 0.975])
    assert np.allclose(seen[0][0, :, 0, 0].numpy(), [120 - 104, 120 - 117, 120 - 123])
    assert np.allclose(found[0, 2:4] - found[0, :2], 16)


def test_a_picture_of_any_size_has_as_many_answers_as_anchors():
    torch.manual_seed(0)
    net = retinaface.RetinaFace().eval()
    with torch.inference_mode():
        boxes, scores, marks = net(torch.zeros(1, 3, 45, 70))
    count = len(retinaface.anchors(45, 70))
    assert (boxes.shape, scores.shape, marks.shape) == ((count, 4), (count,), (count, 10))
