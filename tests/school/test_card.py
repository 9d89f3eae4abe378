import json

from studio.school.captions import concepts


def test_the_card_says_plainly_what_the_starter_is_and_how_it_was_made(school):
    card = (school.out / "README.md").read_text("utf-8")
    assert "It paints landscapes only" in card
    assert "license: apache-2.0" in card
    assert "| unet256 |" in card
    assert "Not measured yet" in card


def test_words_json_lists_every_concept_in_both_languages(school):
    words = json.loads((school.out / "words.json").read_text("utf-8"))
    listed = {entry["concept"]: entry for entry in words["concepts"]}
    assert set(listed) == set(concepts())
    assert "pine" in " ".join(listed["tree:pine"]["en"])
    assert "松" in "".join(listed["tree:pine"]["zh"])
