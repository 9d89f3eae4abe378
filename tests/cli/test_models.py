import tiny

from studio import cli


def test_the_models_are_listed_with_what_cannot_be_used_and_why(models, tmp_path, capsys):
    extra = tmp_path / "other"
    (extra / "Lora").mkdir(parents=True)
    (extra / "Lora" / "page.safetensors").write_bytes(b"<html>")
    gone = str(tmp_path / "gone")
    words = ["models", "--models", str(models), "--extra-models", str(extra), "--extra-models", gone]
    assert cli.main(words) == 0
    said = capsys.readouterr()
    rows = {line.split()[0]: line for line in said.out.splitlines()}
    assert "starter" in rows["checkpoint"]
    assert "web page" in rows["lora"]
    assert gone in said.err


def test_a_file_is_inspected_or_refused_with_a_sentence(models, tmp_path, capsys):
    lora = tiny.kohya_lora(tmp_path / "one.safetensors")
    own = tiny.controlnet_folder(tmp_path / "own", "starter")
    for path, kind, family in ((lora, "lora", "sd15"), (own, "controlnet", "starter")):
        assert cli.main(["models", "inspect", str(path), "--models", str(models)]) == 0
        assert capsys.readouterr().out.startswith(f"{kind}, family {family}")
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(lora.read_bytes()[:-10])
    evil = tmp_path / "evil.ckpt"
    evil.write_bytes(b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00exit\x85R.")
    for path, word in ((cut, "cut short"), (tmp_path / "none", "not there"), (evil, "refused")):
        assert cli.main(["models", "inspect", str(path)]) == 2
        told = capsys.readouterr().err
        assert word in told
        assert len(told.splitlines()) == 1
    assert cli.main(["models", "inspect"]) == 2
    assert "Say which file" in capsys.readouterr().err
