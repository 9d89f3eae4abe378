from dataclasses import replace

import pytest

from studio.errors import BadInput
from studio.school.course import TrainOptions, load_vae, resolve
from studio.school.plans import PLANS
from studio.school.starter import STAGES


def test_the_minutes_of_a_whole_course_are_shared_out_as_the_plan_has_them(tmp_path):
    options = TrainOptions(tmp_path, tmp_path, minutes=60)
    paced = resolve(options, STAGES).plan.stages
    assert sum(stage.pace.minutes for stage in paced.values()) == pytest.approx(60)
    own = PLANS["seed"].stages
    ratio = paced["unet128"].pace.minutes / paced["vae"].pace.minutes
    assert ratio == pytest.approx(own["unet128"].pace.minutes / own["vae"].pace.minutes)


def test_the_minutes_of_one_stage_are_its_own(tmp_path):
    options = TrainOptions(tmp_path, tmp_path, minutes=7, stage="tiny")
    assert resolve(options, STAGES).plan.stages["tiny"].pace.minutes == 7


def test_parts_of_another_plan_are_refused_by_name(school):
    with pytest.raises(BadInput, match="not of plan “seed”"):
        load_vae(replace(school, plan=PLANS["seed"]))
