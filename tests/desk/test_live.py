"""Live painting at the desk: slots, turns, limits, and the worker behind them."""

from __future__ import annotations

import io
import time

import pytest
from fakes import FakePainter, read_code
from halls import models_folder, studio_at

from studio import images
from studio.desk import frames, worker
from studio.desk.live import ELSEWHERE, LEASE_SECONDS, Frame, Slots
from studio.errors import BadInput, LimitReached, StudioError
from studio.recipe import Recipe
from studio.settings import Limits

ANNA, BERTA, CARLA = ("a" * 32, "b" * 32, "c" * 32)


def recipe(prompt="", seed=1, **more):
    return Recipe(prompt=prompt, seed=seed, width=64, height=64, steps=1, **more)


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    models = models_folder(tmp_path_factory.mktemp("models"))
    with studio_at(tmp_path_factory.mktemp("data"), models) as studio:
        yield studio.desk


def test_a_newer_canvas_takes_the_place_of_the_one_that_waits():
    slots = Slots(Limits())
    first = slots.put(recipe(), ANNA, {})
    second = slots.put(recipe(), ANNA, {})
    assert first.result(0) is None
    assert not second.done()
    taken = slots.take()
    assert taken is not None
    taken.give(Frame(b"jpeg", 1, 0.1, False))
    assert second.result(0).jpeg == b"jpeg"
    assert slots.take() is None


def test_of_two_frames_in_hand_one_is_seen_however_slow_the_machine_is():
    slots = Slots(Limits())
    first = slots.put(recipe(), ANNA, {})
    assert slots.take()
    second = slots.put(recipe(), ANNA, {})
    assert first.result(0) is None, "of an unfinished stroke"
    in_hand = slots.take()
    third = slots.put(recipe(), ANNA, {})
    fourth = slots.put(recipe(), ANNA, {})
    assert third.result(0) is None, "it only waited"
    assert not second.done(), "she would see nothing while she draws"
    in_hand.give(Frame(b"jpeg", 1, 0.9, False))
    assert second.result(0).jpeg == b"jpeg"
    assert slots.take()
    slots.put(recipe(), ANNA, {})
    assert fourth.result(0) is None, "she has just seen one"


def test_painters_take_turns_however_fast_one_of_them_draws():
    slots = Slots(Limits())
    slots.put(recipe(), ANNA, {})
    slots.put(recipe(), BERTA, {})
    order = []
    for _ in range(6):
        canvas = slots.take()
        order.append(canvas.painter)
        slots.put(recipe(), ANNA, {})
        slots.put(recipe(), canvas.painter, {})
    assert order == [ANNA, BERTA] * 3


def test_a_place_is_free_two_seconds_after_the_pen_rests():
    clock = Clock()
    slots = Slots(Limits(live=2), clock)
    slots.put(recipe(), ANNA, {})
    slots.put(recipe(), BERTA, {})
    slots.put(recipe(), ANNA, {})
    with pytest.raises(LimitReached, match="2 painters"):
        slots.put(recipe(), CARLA, {})
    slots.rest(BERTA)
    slots.put(recipe(), CARLA, {})
    with pytest.raises(LimitReached):
        slots.put(recipe(), BERTA, {})
    clock.now += LEASE_SECONDS
    slots.put(recipe(), BERTA, {})


def test_of_two_windows_the_newer_paints_and_the_older_is_told_until_the_pen_rests():
    clock = Clock()
    slots = Slots(Limits(), clock)
    older = slots.put(recipe(), ANNA, {}, "desk")
    newer = slots.put(recipe(), ANNA, {}, "tablet")
    with pytest.raises(LimitReached, match="another window"):
        older.result(0)
    with pytest.raises(LimitReached, match="another window"):
        slots.put(recipe(), ANNA, {}, "desk")
    slots.rest(ANNA, "desk")
    assert not newer.done(), "a window that closes takes nothing from the other"
    assert slots.put(recipe(), ANNA, {}, "tablet")
    assert newer.result(0) is None
    assert slots.put(recipe(), BERTA, {}, "desk"), "windows of others are no matter"
    slots.rest(ANNA, "tablet")
    back = slots.put(recipe(), ANNA, {}, "desk")
    clock.now += LEASE_SECONDS
    assert slots.put(recipe(), ANNA, {}, "tablet")
    with pytest.raises(LimitReached) as said:
        back.result(0)
    assert str(said.value) == ELSEWHERE


def test_a_frame_in_hand_ends_when_another_window_takes_over(desk):
    slow = desk.live(recipe("ms=300").but(steps=60), ANNA, None, "desk")
    time.sleep(0.5)
    assert read_code(desk.live(recipe(seed=21), ANNA, None, "tablet").result(8).jpeg) == 21
    with pytest.raises(LimitReached, match="another window"):
        slow.result(0)
    desk.rest(ANNA, "tablet")
    assert read_code(desk.live(recipe(seed=22), ANNA, None, "desk").result(8).jpeg) == 22
    desk.rest(ANNA, "desk")


def test_live_painting_keeps_to_the_limits_of_every_picture():
    with pytest.raises(LimitReached, match="steps"):
        Slots(Limits(steps=4)).put(recipe().but(steps=5), ANNA, {})
    with pytest.raises(LimitReached, match="pixels a side"):
        Slots(Limits(side=64)).put(recipe().but(width=128), ANNA, {})


def test_the_worker_answers_a_canvas_with_one_frame():
    sent = frames.pack({"do": "live", "job": "live-3", "recipe": recipe(seed=9).to_json()})
    out = io.BytesIO()
    assert worker.serve(FakePainter(), io.BytesIO(sent), out) == 0
    out.seek(0)
    answers = list(iter(lambda: frames.read(out), None))
    end = answers[-1]
    assert [end.header["event"], end.header["job"]] in (["still", "live-3"], ["cancelled", "live-3"])


def test_each_painter_gets_her_own_frame_and_nothing_is_kept(desk):
    asked = [desk.live(recipe("ms=2", seed), who) for seed, who in ((3, ANNA), (4, BERTA), (5, CARLA))]
    assert [read_code(one.result(30).jpeg) for one in asked] == [3, 4, 5]
    assert desk.status(ANNA)["groups"] == []


def test_a_resting_pen_ends_the_frame_in_hand_and_the_next_is_painted(desk):
    slow = desk.live(recipe("ms=300").but(steps=60), ANNA)
    time.sleep(0.5)
    desk.rest(ANNA)
    assert slow.result(0) is None
    assert read_code(desk.live(recipe(seed=8), BERTA).result(8).jpeg) == 8


def test_a_frame_waits_at_most_for_the_job_in_hand(desk):
    group = desk.submit(
        [Recipe(prompt="ms=30", seed=i, steps=8, width=64, height=64) for i in range(6)], ANNA
    )
    time.sleep(0.1)
    frame = desk.live(recipe(seed=6), BERTA).result(30)
    left = {job["kind"] for job in desk.status(ANNA)["groups"][0]["jobs"]}
    assert read_code(frame.jpeg) == 6
    assert "queued" in left, "it did not wait for the whole request"
    assert [event.kind for event in desk.events(group.group, ANNA)].count("done") == 6


def test_a_worker_that_dies_over_a_frame_is_replaced(desk):
    with pytest.raises(StudioError, match="replaced"):
        desk.live(recipe("die=1"), ANNA).result(30)
    assert read_code(desk.live(recipe(seed=2), ANNA).result(30).jpeg) == 2


def test_a_canvas_brings_all_its_pictures(desk):
    digest = images.digest(b"elsewhere")
    with pytest.raises(BadInput, match="did not come"):
        desk.live(recipe().but(source={"image": digest}), ANNA, {})


def test_a_newer_canvas_ends_her_frame_in_hand_at_its_next_step(desk):
    slow = desk.live(recipe("ms=300").but(steps=60), ANNA)
    time.sleep(0.5)
    newer = desk.live(recipe(seed=12), ANNA)
    assert slow.result(0) is None
    assert read_code(newer.result(8).jpeg) == 12
