"""Several texts in one picture: AND, and texts that change from step to step.

diffusers' pipelines know one text and one negative. While `composed` holds, every call of the UNet
(and of the ControlNets before it) is answered for the negative and every part at once, and handed back
as the two predictions a pipeline expects: ε_u and ε_u + Σ wᵢ (ε_i - ε_u) (composable diffusion,
arXiv 2206.01714, as A1111 weighs it). Nothing is hooked when there is nothing to compose.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from studio.families.encode import Conditioning, Moment, Words

if TYPE_CHECKING:
    from torch import Tensor, nn

    Call = tuple[tuple[Any, ...], dict[str, Any]]


@contextmanager
def composed(
    unet: nn.Module, controlnets: Sequence[nn.Module], conditioning: Conditioning
) -> Generator[None]:
    """While inside, `unet` and `controlnets` follow the conditioning, one of its steps a UNet call."""
    if conditioning.is_plain:
        yield
        return
    score = _Score(conditioning)
    handles = [
        *(net.register_forward_pre_hook(score.before, with_kwargs=True) for net in controlnets),
        unet.register_forward_pre_hook(score.before, with_kwargs=True),
        unet.register_forward_hook(score.after),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class _Score:
    """Counts the UNet's calls and rewrites them for what is said at that moment."""

    def __init__(self, conditioning: Conditioning) -> None:
        self.conditioning = conditioning
        self.calls = 0
        self.guided = True

    @property
    def moment(self) -> Moment:
        return self.conditioning.at(self.calls + 1)

    def before(self, _module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        """The call with one row for the negative and one for each part (pre-hook)."""
        import torch

        sample: Tensor = args[0]
        texts = self._texts(guided=sample.shape[0] == 2 or bool(kwargs.get("guess_mode")))
        if kwargs.get("guess_mode"):  # such a ControlNet looks at the positive text alone
            texts = texts[1:2]
        else:
            self.guided = sample.shape[0] == 2
        rows = [0] + [-1] * (len(texts) - 1) if texts[0] is self.moment.negative else [-1] * len(texts)
        rewritten = {k: _rows(v, rows) for k, v in kwargs.items() if k in _ROWED and v is not None}
        rewritten["encoder_hidden_states"] = torch.cat([t.embeds for t in texts]).to(sample)
        added = kwargs.get("added_cond_kwargs")
        if added:
            pooled = torch.cat([t.pooled for t in texts if t.pooled is not None]).to(sample)
            times = _rows(added["time_ids"], rows)
            rewritten["added_cond_kwargs"] = {**added, "text_embeds": pooled, "time_ids": times}
        return (sample[rows], *args[1:]), {**kwargs, **rewritten}

    def after(self, _module: nn.Module, _args: tuple[Any, ...], output: tuple[Tensor, ...]) -> tuple[Tensor]:
        """The pipeline's two predictions out of all of them (hook)."""
        import torch

        weights = [weight for weight, _ in self.moment.parts]
        predicted = output[0]
        self.calls += 1
        if weights == [1.0]:
            return (predicted,)
        base, parts = predicted[:1], predicted[1:]
        scale = torch.tensor(weights, dtype=base.dtype, device=base.device).view(-1, 1, 1, 1)
        whole = base + (scale * (parts - base)).sum(dim=0, keepdim=True)
        return (torch.cat([base, whole]) if self.guided else whole,)

    def _texts(self, *, guided: bool) -> list[Words]:
        moment = self.moment
        parts = [words for _, words in moment.parts]
        alone = [weight for weight, _ in moment.parts] == [1.0] and not guided
        return parts if alone else [moment.negative, *parts]


_ROWED = (
    "controlnet_cond",
    "timestep_cond",
    "down_block_additional_residuals",
    "mid_block_additional_residual",
)


def _rows(value: Any, rows: list[int]) -> Any:
    """The first row for the negative and the last for each part, unless they are already as many."""
    if isinstance(value, list | tuple):
        return type(value)(_rows(v, rows) for v in value)
    return value if value.shape[0] == len(rows) else value[rows]
