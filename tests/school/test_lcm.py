import torch
from diffusers import LCMScheduler

from studio.school.course import load_reading, load_unet, load_vae, open_latents
from studio.school.lcm import add_lora, lcm_task, load_lora, save_lora, skip_and_out
from studio.school.unet import SCHEDULER

CPU = torch.device("cpu")


def _student(school):
    unet = load_unet(school)
    return unet, add_lora(unet, school.plan.lora_rank)


def test_the_student_learns_from_its_own_teacher(school, learn):
    unet, parameters = _student(school)
    before = {k: v.clone() for k, v in unet.state_dict().items() if "lora" not in k}
    sets = [latents for latents, _ in open_latents(school, "latents256")]
    task = lcm_task(school.plan, unet, parameters, sets, load_reading(school), load_vae(school), CPU)
    noise = torch.Generator().manual_seed(5)
    with torch.no_grad():  # led astray first: a student without a change of its own has little to learn
        for p in parameters:
            p.add_(0.3 * torch.randn(p.shape, generator=noise))
    first, best = learn(task, 60, rate=1e-2, best=True)  # its target is its own past, and moves with it
    assert best < 0.9 * first
    assert all(torch.equal(v, unet.state_dict()[k]) for k, v in before.items())


def test_a_saved_lora_comes_back_and_another_size_does_not(school, tmp_path):
    unet, parameters = _student(school)
    with torch.no_grad():
        for p in parameters:
            p.copy_(torch.randn_like(p).half())
    save_lora(unet, tmp_path)
    other, loaded = _student(school)
    assert load_lora(other, tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(parameters, loaded, strict=True))
    third = load_unet(school)
    add_lora(third, school.plan.lora_rank + 1)
    assert not load_lora(third, tmp_path)


def test_the_consistency_function_is_the_schedulers():
    theirs = LCMScheduler.from_config(SCHEDULER).get_scalings_for_boundary_condition_discrete(499)
    ours = skip_and_out(torch.tensor([499]))
    assert all(abs(float(a) - float(b)) < 1e-6 for a, b in zip(ours, theirs, strict=True))
