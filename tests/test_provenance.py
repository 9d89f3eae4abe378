import json
from xml.etree import ElementTree

import pytest

from studio import provenance

IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
TC260 = "{http://www.tc260.org.cn/ns/AIGC/1.0/}AIGC"


def packet(label, composite=False):
    return ElementTree.fromstring(
        provenance.xmp(label, composite).decode().split("?>", 1)[1].rsplit("<?", 1)[0]
    )


@pytest.mark.parametrize(
    ("composite", "kind"),
    [(False, "trainedAlgorithmicMedia"), (True, "compositeWithTrainedAlgorithmicMedia")],
)
def test_the_packet_says_how_the_picture_was_made(composite, kind):
    said = packet(provenance.aigc(), composite).find(f".//{IPTC}").text
    assert said == f"http://cv.iptc.org/newscodes/digitalsourcetype/{kind}"


def test_the_label_says_made_by_a_model_under_a_number_of_its_own():
    labels = [json.loads(provenance.aigc()) for _ in range(2)]
    assert all(label["Label"] == "1" and label["ContentProducer"].startswith("Inkstone") for label in labels)
    assert labels[0]["ProduceID"] != labels[1]["ProduceID"]
    text = json.dumps(labels[0])
    assert packet(text).find(f".//{TC260}").text == text


def test_a_label_of_any_signs_leaves_the_packet_well_formed():
    text = """<a href="x">&amp; ]]> '</a>"""
    assert packet(text).find(f".//{TC260}").text == text


@pytest.mark.parametrize(
    ("told", "public"),
    [
        ("/home/ann/models/a.safetensors is old", "a.safetensors is old"),
        ("C:\\Users\\ann\\b.ckpt", "b.ckpt"),
        ("\\\\server\\share\\c.pt", "c.pt"),
        ("D:/models/d.bin", "d.bin"),
        ("ink/wash, 1/2, https://example.org/a/b", "ink/wash, 1/2, https://example.org/a/b"),
        ("landscapes/old/one", "landscapes/old/one"),
    ],
)
def test_of_a_path_only_the_last_name_is_public(told, public):
    assert provenance.public({"warnings": [told], "model": {"title": told}}) == {
        "model": {"title": public},
        "warnings": [public],
    }


def test_only_what_is_named_is_public_and_the_painters_template_stays_as_written():
    facts = {
        "painter": "ann",
        "host": "box",
        "folder": "/home",
        "template": "/a/{b|c}/d",
        "seconds": {"load": 1.0},
    }
    assert provenance.public(facts) == {"template": "/a/{b|c}/d", "seconds": {"load": 1.0}}


def test_the_recipes_that_a_picture_was_made_by_before_stay_as_written():
    told = {"history": [{"prompt": "/a/b/c"}]}
    assert provenance.public(told) == told
