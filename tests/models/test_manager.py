import gc
import random
import threading
import time
import weakref
from pathlib import Path

import pytest
import tiny
import torch
from diffusers import AutoencoderKL
from safetensors.torch import save_file

from studio.errors import BrokenWeights, OutOfMemory
from studio.models.budget import STREAM_BYTES, Rung
from studio.models.device import Mover, Placed, best_dtype
from studio.models.identify import identify
from studio.models.load import load_component
from studio.models.manager import Entry, Key, Models, is_out_of_memory

MB = 2**20


class Counting(Mover):
    """A device of so many bytes that only counts what is put on it."""

    def __init__(self, capacity: int) -> None:
        super().__init__(torch.device("meta"))
        self.capacity, self.taken, self.log = capacity, 0, []

    def free(self) -> int:
        return self.capacity - self.taken

    def up(self, module: torch.nn.Module, rung: Rung) -> Placed:
        size = {"fp8": 0.55, "resident": 1.0}.get(rung, 0) * weight(module) or min(
            STREAM_BYTES, weight(module)
        )
        if self.taken + size > self.capacity and rung != "stream":
            raise torch.OutOfMemoryError("the counted device is out of memory")
        self.taken += int(size)
        self.log.append(("up", module.name, rung))
        return Placed(module, rung, int(size))

    def down(self, placed: Placed) -> None:
        self.taken -= placed.bytes
        self.log.append(("down", placed.module.name, placed.rung))


def weight(module: torch.nn.Module) -> int:
    return sum(p.nbytes for p in module.parameters())


def block(name: str, megabytes: int) -> torch.nn.Module:
    module = torch.nn.Module()
    module.weight = torch.nn.Parameter(torch.empty(megabytes * MB, dtype=torch.uint8), requires_grad=False)
    module.name = name
    return module


def lent(models: Models, name: str, megabytes: int) -> Entry:
    return models.get(Key(name, "unet", "x"), lambda: block(name, megabytes))


# ---- memory ----


def test_eight_who_ask_at_once_cause_one_load():
    models, loads = Models("cpu"), []

    def load() -> torch.nn.Module:
        time.sleep(0.05)
        loads.append(1)
        return block("a", 1)

    found: list[Entry] = []
    threads = [
        threading.Thread(target=lambda: found.append(models.get(Key("a", "u", "x"), load))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1
    assert len({id(entry) for entry in found}) == 1


def test_what_was_used_longest_ago_is_forgotten_first():
    models = Models("cpu", ram_bytes=10 * MB)
    a, b = lent(models, "a", 4), lent(models, "b", 4)
    gone = weakref.ref(b.value)
    del b
    assert lent(models, "a", 4) is a
    lent(models, "c", 4)
    gc.collect()
    assert gone() is None
    assert lent(models, "a", 4) is a
    assert models.memory()["ram_bytes"] == 8 * MB


def test_what_is_lent_is_never_forgotten():
    models = Models("cpu", ram_bytes=5 * MB)
    a = lent(models, "a", 4)
    with models.use(a) as (module,):
        lent(models, "b", 4)
        assert module is a.value
        assert lent(models, "a", 4) is a
        assert models.memory()["components"] == 2
    assert models.memory()["ram_bytes"] <= 5 * MB


def test_room_is_made_before_something_large_is_loaded():
    models = Models("cpu", ram_bytes=10 * MB)
    lent(models, "a", 8)

    def load() -> torch.nn.Module:
        assert models.memory()["components"] == 0
        return block("b", 8)

    models.get(Key("b", "unet", "x"), load, expected=8 * MB)


def test_a_load_that_fails_leaves_the_old_models_working():
    models = Models("cpu")
    a = lent(models, "a", 1)

    def broken() -> torch.nn.Module:
        raise BrokenWeights("cut short")

    for _ in range(3):
        with pytest.raises(BrokenWeights):
            models.get(Key("b", "unet", "x"), broken)
    assert lent(models, "a", 1) is a
    assert lent(models, "b", 1).value.name == "b"


def test_unloading_keeps_what_is_in_use():
    models = Models("cpu")
    a, b = lent(models, "a", 1), lent(models, "b", 1)
    with models.use(a):
        models.unload()
        assert models.memory()["components"] == 1
    assert b.pins == 0
    models.unload()
    assert models.memory()["components"] == 0


# ---- the device ----


def test_models_stay_on_the_device_while_there_is_room():
    device = Counting(20 * MB)
    models = Models(mover=device)
    text, unet = lent(models, "text", 4), lent(models, "unet", 8)
    for _ in range(3):
        with models.use(text):
            pass
        with models.use(unet, work_bytes=4 * MB):
            pass
    assert device.log == [("up", "text", "resident"), ("up", "unet", "resident")]
    assert models.plan([4 * MB, 8 * MB], 4 * MB) == "resident"


def test_one_leaves_when_the_other_needs_the_room():
    device = Counting(10 * MB)
    models = Models(mover=device)
    text, unet = lent(models, "text", 4), lent(models, "unet", 8)
    assert models.plan([4 * MB, 8 * MB], MB) == "swap"
    for _ in range(2):
        with models.use(text):
            pass
        with models.use(unet, work_bytes=MB):
            assert text.placed is None
    assert [entry[:2] for entry in device.log] == [
        *(("up", "text"), ("down", "text"), ("up", "unet"), ("down", "unet")),
        *(("up", "text"), ("down", "text"), ("up", "unet")),
    ]


def test_nobody_is_sent_away_for_a_model_that_shrinks_instead():
    device = Counting(10 * MB)
    models = Models(mover=device)
    unet = lent(models, "unet", 12)
    assert models.plan([12 * MB], MB) == "fp8"
    with models.use(unet, work_bytes=MB):
        assert unet.placed is not None
        assert unet.placed.rung == "fp8"
    huge = lent(models, "huge", 600)
    assert models.plan([600 * MB], MB) == "stream"
    with models.use(huge, work_bytes=MB):
        assert huge.placed is not None
        assert huge.placed.rung == "stream"


def test_a_shrunk_model_grows_again_when_there_is_room():
    device = Counting(10 * MB)
    models = Models(mover=device)
    unet = lent(models, "unet", 12)
    with models.use(unet):
        assert unet.placed.rung == "fp8"
    device.capacity = 20 * MB
    with models.use(unet):
        assert unet.placed.rung == "resident"
    assert device.taken == 12 * MB


def test_a_budget_is_kept_though_the_device_has_more():
    models = Models(device_bytes=10 * MB, mover=Counting(1000 * MB))
    a, b = lent(models, "a", 8), lent(models, "b", 8)
    with models.use(a):
        pass
    with models.use(b):
        assert a.placed is None
    assert models.memory()["device_bytes"] == 8 * MB


def test_what_is_forgotten_leaves_the_device_too():
    device = Counting(100 * MB)
    models = Models(ram_bytes=10 * MB, mover=device)
    with models.use(lent(models, "a", 8)):
        pass
    lent(models, "b", 8)
    assert device.taken == 0


# ---- out of memory ----


def test_one_retry_a_rung_lower_saves_the_job():
    device = Counting(100 * MB)
    models = Models(mover=device)
    text, unet, rungs = lent(models, "text", 4), lent(models, "unet", 8), []
    with models.use(text):
        pass

    def job() -> str:
        with models.use(models.get(unet.key, lambda: block("unet", 8))) as (module,):
            rungs.append((device.log[-1][2], device.taken))
            if device.taken > 8 * MB:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return module.name

    assert models.retry_lower(job) == "unet"
    assert rungs == [("resident", 12 * MB), ("resident", 8 * MB)]
    with models.use(
        models.get(text.key, lambda: block("text", 4)), models.get(unet.key, lambda: block("unet", 8))
    ):
        assert device.taken == 12 * MB


def test_alone_on_the_device_the_retry_is_in_eight_bits():
    device = Counting(100 * MB)
    models, rungs = Models(mover=device), []

    def job() -> None:
        with models.use(lent(models, "unet", 8)):
            rungs.append(device.log[-1][2])
            if len(rungs) == 1:
                raise torch.OutOfMemoryError("CUDA out of memory")

    models.retry_lower(job)
    assert rungs == ["resident", "fp8"]


def test_when_nothing_helps_there_are_words_and_no_tensors_left():
    models = Models("cpu")
    alive: list[weakref.ref[torch.Tensor]] = []

    def job() -> None:
        assert all(reference() is None for reference in alive)
        tensor = torch.zeros(1000)
        alive.append(weakref.ref(tensor))
        with models.use(lent(models, "a", 1)):
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    with pytest.raises(OutOfMemory, match="smaller"):
        models.retry_lower(job)
    assert len(alive) == 2
    assert alive[1]() is None
    assert models.retry_lower(lambda: 7) == 7


def test_other_errors_are_not_retried():
    runs: list[int] = []

    def job() -> None:
        runs.append(1)
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        Models("cpu").retry_lower(job)
    assert len(runs) == 1
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(ValueError("out of memory"))


# ---- real modules ----


def call(net: torch.nn.Module) -> torch.Tensor:
    torch.manual_seed(0)
    with torch.no_grad():
        return net(torch.randn(1, 4, 8, 8), torch.tensor(5), torch.randn(1, 7, 768)).sample


@pytest.mark.parametrize("rung", ["resident", "fp8", "stream"])
def test_a_real_network_works_on_every_rung_and_comes_back_as_it_was(rung: Rung):
    net, mover = tiny.unet().requires_grad_(False), Mover(torch.device("cpu"))
    before, state = call(net), {key: value.clone() for key, value in net.state_dict().items()}
    placed = mover.up(net, rung)
    there = call(net)
    assert net.dtype == torch.float32
    if rung == "fp8":
        stored = {p.dtype for p in net.parameters()}
        assert stored == {torch.float32, torch.float8_e4m3fn}
        error = (there - before).norm() / before.norm()
        assert 0 < error < 0.2
    else:
        assert torch.equal(there, before)
    mover.down(placed)
    assert torch.equal(call(net), before)
    assert all(torch.equal(value, state[key]) for key, value in net.state_dict().items())
    assert not any(layer._forward_pre_hooks for layer in net.modules())


def test_the_precision_follows_the_hardware(monkeypatch: pytest.MonkeyPatch):
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    for able, wanted in (({"avx512_bf16": True}, torch.bfloat16), ({"avx2": True}, torch.float32)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda able=able: able)
        assert best_dtype(cpu) == wanted
    for capability, wanted in (((8, 6), torch.bfloat16), ((7, 5), torch.float16)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _, capability=capability: capability)
        assert best_dtype(cuda) == wanted
    models = Models(mover=Mover(torch.device("mps")))
    assert models.dtype("unet") == torch.float16
    assert models.dtype("vae") == torch.float32


def test_a_hundred_switches_with_faults_always_give_the_model_that_was_asked_for(
    models: Path, tmp_path: Path
):
    config = models / "configs" / "sd15"
    files, wanted = {}, {}
    for seed in range(3):
        path = tmp_path / f"{seed}.safetensors"
        save_file(tiny.original_vae(AutoencoderKL(**tiny.vae_config("sd15")).to(torch.float32)), path)
        files[seed] = identify(path)
        wanted[seed] = load_component(files[seed], "vae", "AutoencoderKL", config, torch.float32).state_dict()
    size = wanted[0]["decoder.conv_in.weight"].nbytes * 40
    cache, dice = Models("cpu", ram_bytes=size), random.Random(0)
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(files[0].path.read_bytes()[:-8])

    def broken() -> torch.nn.Module:
        return load_component(files[0].but(path=cut), "vae", "AutoencoderKL", config, torch.float32)

    for turn in range(100):
        seed = dice.randrange(3)
        if dice.random() < 0.3:
            with pytest.raises(BrokenWeights, match="cut short"):
                cache.get(Key(f"broken {turn}", "vae", "float32"), broken)
        entry = cache.get(
            Key(files[seed].source, "vae", "float32"),
            lambda seed=seed: load_component(files[seed], "vae", "AutoencoderKL", config, torch.float32),
        )
        with cache.use(entry) as (vae,):
            assert all(torch.equal(value, wanted[seed][key]) for key, value in vae.state_dict().items())
    assert cache.memory()["components"] <= 2
