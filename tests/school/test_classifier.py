import numpy as np
import pytest
import torch

from studio.errors import BrokenWeights, MissingWeights
from studio.school.classifier import build_classifier, classifier_task, load_classifier, look, save_classifier
from studio.school.course import attribute_sizes, held_out_pool, training_pools
from studio.school.plans import PLANS

CPU = torch.device("cpu")


def test_the_judge_learns(school, learn):
    net = build_classifier(school.plan, attribute_sizes())
    task = classifier_task(school.plan, net, training_pools(school)[0], None, CPU, held_out_pool(school))
    first, last = learn(task, 25)
    assert last < 0.8 * first


def test_a_saved_judge_sees_the_same(school, tmp_path):
    net = build_classifier(school.plan, [3, 2]).half().float().eval()
    save_classifier(net, tmp_path)
    again = load_classifier(school.plan, [3, 2], tmp_path, CPU)
    pictures = list(RNG.integers(0, 255, (3, 64, 64, 3)).astype(np.uint8))
    for one, two in zip(look(net, pictures, CPU), look(again, pictures, CPU), strict=True):
        assert np.array_equal(one, two)


def test_a_judge_that_is_missing_or_of_another_plan_is_said_to_be(school, tmp_path):
    with pytest.raises(MissingWeights, match="judge"):
        load_classifier(school.plan, [3], tmp_path, CPU)
    save_classifier(build_classifier(school.plan, [3]), tmp_path)
    with pytest.raises(BrokenWeights, match="seed"):
        load_classifier(PLANS["seed"], [3], tmp_path, CPU)


def test_left_and_right_can_be_told_apart():
    torch.manual_seed(0)
    net = build_classifier(PLANS["tiny"], [2]).eval()
    picture = np.zeros((1, 64, 64, 3), np.uint8)
    picture[:, 20:40, 5:20] = 255
    one, two = (look(net, list(p), CPU)[0] for p in (picture, picture[:, :, ::-1].copy()))
    assert not np.allclose(one, two, atol=1e-3)


RNG = np.random.default_rng(0)
