import json
from pathlib import Path

import pytest
import tiny

from studio.errors import BadInput
from studio.models.elsewhere import FILE, MOST, forget, layout, remember, remembered
from studio.models.library import Library

PROGRAMS = {
    "A1111": ("webui.py", "models/Stable-diffusion", "models/Lora", "extensions/sd-webui-controlnet/models"),
    "Forge": ("modules_forge/", "models/Stable-diffusion", "models/Lora", "models/ControlNet"),
    "ComfyUI": ("comfy/", "models/checkpoints", "models/loras", "models/controlnet"),
}


def program(root: Path, name: str) -> Path:
    """A folder laid out as that program's, with a LoRA, a ControlNet and an embedding."""
    mark, _, loras, nets = PROGRAMS[name]
    for inner in PROGRAMS[name][1:]:
        (root / inner).mkdir(parents=True)
    (root / mark).mkdir() if mark.endswith("/") else (root / mark).write_text("")
    tiny.kohya_lora(root / loras / "ink.safetensors")
    tiny.controlnet_file(root / nets / "lines.safetensors")
    below = root / ("models/embeddings" if name == "ComfyUI" else "embeddings")
    tiny.embedding_file(below / "mist.safetensors")
    return root


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_models_of_other_programs_are_found_from_wherever_one_points(tmp_path: Path, name: str):
    whole = tmp_path / "package"
    root = program(whole / ("ComfyUI" if name == "ComfyUI" else "webui"), name)
    for pointed in (root, root / "models", whole):
        found = layout(pointed)
        assert (found.program, found.folder) == (name, root.resolve())
    models = tmp_path / "own"
    library = Library(models)
    assert not library.scan()
    remember(models, root)
    assert {(file.kind, file.id) for file in library.scan()} == {
        ("lora", "ink"),
        ("controlnet", "lines"),
        ("embedding", "mist"),
    }
    forget(models, root / "models")
    assert not library.scan()
    assert (root / "models").is_dir()


def test_a_bare_folder_of_models_will_do(tmp_path: Path):
    tiny.kohya_lora(tmp_path / "disk" / "models" / "loras" / "ink.safetensors")
    for pointed in (tmp_path / "disk", tmp_path / "disk" / "models"):
        assert layout(pointed).folder == pointed.resolve()


def test_a_folder_is_remembered_once_and_only_if_models_lie_in_it(tmp_path: Path):
    models, theirs = tmp_path / "own", program(tmp_path / "forge", "Forge")
    remember(models, theirs)
    remember(models, theirs / "models")
    assert remembered(models) == ((theirs.resolve(),), ())
    (tmp_path / "empty").mkdir()
    for wrong in (tmp_path / "empty", tmp_path / "none"):
        with pytest.raises(BadInput, match="folder of A1111, Forge or"):
            remember(models, wrong)
    with pytest.raises(BadInput, match="not one of the remembered"):
        forget(models, tmp_path / "empty")
    (models / "loras").mkdir()
    with pytest.raises(BadInput, match="own models folder"):
        remember(models, models)


@pytest.mark.parametrize(
    "text", ["", "[1]", '{"folders": 3}', '{"folders": [3]}', "[" * 9999, "x" * 2**17, "\0"]
)
def test_a_damaged_list_is_a_warning_and_stops_nothing(tmp_path: Path, text: str):
    (tmp_path / FILE).write_text(text)
    tiny.kohya_lora(tmp_path / "loras" / "ink.safetensors")
    library = Library(tmp_path)
    assert [file.id for file in library.scan()] == ["ink"]
    assert FILE in library.warnings[0]


def test_a_long_list_is_read_to_a_point_and_a_folder_that_is_gone_is_named(tmp_path: Path):
    gone = [str(tmp_path / f"gone{n}") for n in range(MOST + 5)]
    (tmp_path / FILE).write_text(json.dumps({"folders": gone}))
    library = Library(tmp_path)
    assert not library.scan()
    assert len(library.warnings) == MOST
    with pytest.raises(BadInput, match="forget one first"):
        remember(tmp_path, program(tmp_path / "forge", "Forge"))
