"""Looking at the desk: who is answered, in what order, and that a look never stops a job."""

import pytest
from halls import models_folder, studio_at
from PIL import Image

from studio import images
from studio.desk.look import WAITING, Looks
from studio.errors import BadPicture, LimitReached, UnknownName

ANNA, BERTA = "a" * 32, "b" * 32
PICTURE = images.encode_png(Image.new("RGB", (40, 24)))


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    models = models_folder(tmp_path_factory.mktemp("models"))
    with studio_at(tmp_path_factory.mktemp("data"), models) as studio:
        yield studio


def test_faces_come_back_as_boxes_and_a_hint_as_a_picture_of_the_same_size(studio):
    seen = studio.desk.look("faces", PICTURE, ANNA).result(60)
    assert [face["score"] for face in seen.found["faces"]] == [0.9]
    hint = studio.desk.look("hint:canny", PICTURE, ANNA).result(60)
    assert images.read(hint.blobs["picture"]).size == (40, 24)


def test_looks_and_jobs_take_turns(studio):
    submitted = studio.submit({"prompt": "ms=20", "steps": 10, "width": 64, "height": 64}, ANNA, 3)
    looks = [studio.desk.look("faces", PICTURE, BERTA) for _ in range(2)]
    assert all(look.result(60).found["faces"] for look in looks)
    states = [event.kind for event in studio.desk.events(submitted.group, ANNA)]
    assert states.count("done") == 3


def test_a_look_stores_nothing(studio):
    before = sorted(path for path in studio.settings.data.rglob("*") if path.suffix in (".png", ".json"))
    studio.desk.look("faces", PICTURE, ANNA).result(60)
    assert before == sorted(
        path for path in studio.settings.data.rglob("*") if path.suffix in (".png", ".json")
    )


@pytest.mark.parametrize("kind", ["", "souls", "hint", "hint:", "hint:../canny"])
def test_an_unknown_way_of_looking_is_refused_in_words(studio, kind):
    with pytest.raises(UnknownName, match="There are"):
        studio.desk.look(kind, PICTURE, ANNA)


def test_what_is_no_picture_is_refused_before_the_worker_sees_it(studio):
    with pytest.raises(BadPicture):
        studio.desk.look("faces", b"GIF89a", ANNA)


def test_painters_are_served_by_turns_and_none_may_fill_the_line():
    looks = Looks(lambda: None)
    for _ in range(WAITING):
        looks.put("faces", PICTURE, ANNA)
    with pytest.raises(LimitReached):
        looks.put("faces", PICTURE, ANNA)
    looks.put("faces", PICTURE, BERTA)
    assert [looks.take().painter for _ in range(3)] == [ANNA, BERTA, ANNA]


def test_who_has_gone_is_not_looked_for_and_closing_answers_everybody():
    looks = Looks(lambda: None)
    gone, waits = looks.put("faces", PICTURE, ANNA), looks.put("faces", PICTURE, BERTA)
    gone.cancel()
    looks.close()
    assert waits.result(0) is None
    assert looks.take() is None
    assert looks.put("faces", PICTURE, ANNA).result(0) is None
