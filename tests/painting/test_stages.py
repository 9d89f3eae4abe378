import threading

import pytest

from studio.errors import Stopped
from studio.painting.stages import Stage, Stages, key


def stage(name, calls, *needs, value=b"x", arguments=None):
    address = key(name, 1, arguments or {}, *(need.key for need in needs))

    def make():
        calls.append(name)
        return value

    return Stage(address, make, len)


def test_a_repeated_recipe_runs_nothing_again():
    stages, calls = Stages(100), []
    for _ in range(3):
        assert stages.get(stage("text", calls)) == b"x"
    assert calls == ["text"]


def test_a_changed_argument_changes_its_own_key_and_every_key_above_it():
    text = key("text", 1, {"prompt": "lake"})
    assert key("denoise", 1, {"seed": 1}, text) != key("denoise", 1, {"seed": 2}, text)
    assert key("denoise", 1, {"seed": 1}, text) != key(
        "denoise", 1, {"seed": 1}, key("text", 1, {"prompt": "sea"})
    )
    assert key("denoise", 1, {"a": 1, "b": 2}) == key("denoise", 1, {"b": 2, "a": 1})
    assert key("denoise", 1, {}) != key("denoise", 2, {})


def test_a_number_that_is_not_finite_has_no_key():
    with pytest.raises(ValueError, match="JSON"):
        key("denoise", 1, {"guidance": float("nan")})


def test_the_least_recently_used_result_goes_first():
    stages, calls = Stages(20), []
    a, b, c = (stage(n, calls, value=b"0123456789") for n in "abc")
    stages.get(a), stages.get(b), stages.get(a), stages.get(c)
    assert stages.has(a)
    assert not stages.has(b)
    assert stages.has(c)
    assert stages.bytes == 20


def test_a_result_larger_than_the_budget_is_given_but_not_kept():
    stages, calls = Stages(5), []
    big = stage("big", calls, value=b"0123456789")
    assert stages.get(big) == b"0123456789"
    assert stages.bytes == 0
    assert not stages.has(big)


def test_a_stopped_stage_stores_nothing_and_may_be_asked_again():
    stages, calls = Stages(100), []

    def stop():
        raise Stopped("Stopped.")

    address = key("denoise", 1, {})
    with pytest.raises(Stopped):
        stages.get(Stage(address, stop, len))
    assert stages.bytes == 0
    assert stages.get(Stage(address, lambda: b"done", len)) == b"done"
    assert calls == []


def test_two_threads_that_ask_at_once_make_it_once():
    stages, calls, gate = Stages(100), [], threading.Event()

    def make():
        calls.append(1)
        gate.wait(5)
        return b"x"

    slow = Stage(key("slow", 1, {}), make, len)
    threads = [threading.Thread(target=stages.get, args=(slow,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join()
    assert calls == [1]
