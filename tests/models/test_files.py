"""Headers and configs that were made to hurt: each becomes a note in the list, and none ends the look."""

import json
import struct
from pathlib import Path

import pytest
import tiny

from studio.models.identify import identify
from studio.models.library import Library

INDEX = '{"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}'
MANY = ",".join(["9" * 4000] * 400)  # multiplied out, a number of millions of digits


def table(path: Path, header: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(struct.pack("<Q", len(header)) + header.encode() + bytes(4))


@pytest.mark.parametrize(
    "entry",
    [
        '{"dtype": "F32", "shape": [1e999], "data_offsets": [0, 4]}',
        '{"dtype": "F32", "shape": [1], "data_offsets": [0, 1e999]}',
        f'{{"dtype": "F99", "shape": [1], "data_offsets": [0, {"9" * 400}]}}',
        f'{{"dtype": "F32", "shape": [{MANY}], "data_offsets": [0, 4]}}',
        '{"dtype": "F32", "shape": [true], "data_offsets": [0, 4]}',
        '{"dtype": "F32", "shape": "1", "data_offsets": [0, 4]}',
        '{"dtype": [], "shape": [1], "data_offsets": [0, 4]}',
    ],
)
def test_a_table_of_impossible_numbers_is_damaged(tmp_path: Path, entry: str):
    table(tmp_path / "loras" / "x.safetensors", f'{{"a": {entry}}}')
    (found,) = Library(tmp_path).scan()
    assert "damaged" in found.note


@pytest.mark.parametrize(
    ("place", "config"),
    [
        ("controlnet/x/config.json", '{"_class_name": "ControlNetModel", "cross_attention_dim": "wide"}'),
        ("controlnet/x/config.json", '{"_class_name": "ControlNetModel", "cross_attention_dim": [768]}'),
        ("controlnet/x/config.json", '{"_class_name": "ControlNetModel", "cross_attention_dim": 1e999}'),
        ("checkpoints/x/model_index.json", '{"_class_name": "StableDiffusionPipeline", "a": [["b"], "c"]}'),
        ("checkpoints/x/model_index.json", '{"_class_name": {"a": 1}, "b": ["diffusers", ["c"]]}'),
    ],
)
def test_a_config_of_the_wrong_types_is_a_note(tmp_path: Path, place: str, config: str):
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_text(config)
    (found,) = Library(tmp_path).scan()
    assert found.note
    assert not found.family


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('model:\n  params:\n    parameterization: "v"\n', "v_prediction"),
        ("model: {params: {parameterization: v}}", "v_prediction"),
        ("model:\n  params:\n    linear_start: 0.1  # parameterization: v\n", "epsilon"),
        ("nothing: here", ""),
        ("[" * 5000, ""),
        ("a: [" + "1," * 10**6 + "1]", ""),
    ],
)
def test_the_yaml_beside_a_checkpoint_is_searched_and_not_parsed(tmp_path: Path, text: str, said: str):
    silent = tiny.sd21_file(tmp_path / "two.safetensors", words=600, v_pred=False)
    silent.with_suffix(".yaml").write_text(text)
    assert identify(silent).prediction == said


def test_free_text_of_a_few_megabytes_is_still_a_header(tmp_path: Path):
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    header = {"__metadata__": {"ss_tag_frequency": "x" * 4 * 2**20}, "a": entry}
    table(tmp_path / "upscalers" / "x.safetensors", json.dumps(header))
    (found,) = Library(tmp_path).scan()
    assert not found.note
