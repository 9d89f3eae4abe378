"""How long a silent worker is waited for, as a function of what was heard (what a seat does: test_desk)."""

from studio.desk.seat import Patience, Silence

PATIENCE = Patience(start=300, step=60, factor=10)


def test_loading_and_decoding_may_take_long_and_longer_for_large_pictures():
    assert Silence(PATIENCE, 0.25, now=100).deadline == 400
    assert Silence(PATIENCE, 4.0, now=100).deadline == 1300
    silence = Silence(PATIENCE, 1.0, now=0)
    for i in (1, 2, 3):
        silence.heard(i, "denoise", i, 3)
    assert silence.deadline == 3 + 300  # after the last step comes the decoder


def test_between_steps_ten_usual_steps_are_waited_for_but_never_less_than_a_minute():
    quick, slow = Silence(PATIENCE, 1.0, now=0), Silence(PATIENCE, 1.0, now=0)
    for i in range(1, 5):
        quick.heard(i, "denoise", i, 20)
        slow.heard(i * 30, "denoise", i, 20)
    assert quick.deadline == 4 + 60
    assert slow.deadline == 120 + 300


def test_before_two_steps_nobody_knows_how_long_one_takes():
    silence = Silence(PATIENCE, 1.0, now=0)
    silence.heard(10, "denoise", 1, 20)
    assert silence.deadline == 310
