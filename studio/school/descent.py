"""How parameters are moved: Muon for matrices and convolutions, AdamW for everything else.

Muon (Jordan et al. 2024) orthogonalises the momentum of a matrix before it steps; a convolution counts as the
matrix (out, in * height * width). On two cores the autoencoder was as good after a tenth of the samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn
from torch.optim import AdamW, Muon, Optimizer

from studio.school.pace import Pace

_NARROWEST = 8  # rows or columns; less are a picture's or a latent's own channels, which AdamW moves


class Descent:
    """The optimizers of one group of parameters, at one learning rate, with one clipped gradient."""

    def __init__(self, parameters: Sequence[nn.Parameter], pace: Pace) -> None:
        wide = [p for p in parameters if pace.orthogonal and p.ndim >= 2 and _narrow_side(p) >= _NARROWEST]
        others = [p for p in parameters if all(p is not w for w in wide)]
        self._parameters, self._clip = list(parameters), pace.clip
        # The same storage seen as matrices: torch's Muon takes nothing else.
        self._wide = [(p, nn.Parameter(p.data.view(p.shape[0], -1))) for p in wide]
        self._optimizers: dict[str, Optimizer] = {}
        if others:
            self._optimizers["adam"] = AdamW(
                others, lr=pace.rate, betas=pace.betas, weight_decay=pace.weight_decay
            )
        if wide:
            self._optimizers["muon"] = Muon(
                [matrix for _, matrix in self._wide],
                lr=pace.rate,
                weight_decay=pace.weight_decay,
                adjust_lr_fn="match_rms_adamw",  # so that one rate serves both
            )

    def forget(self) -> None:
        """Drop the gradients."""
        for parameter in self._parameters:
            parameter.grad = None

    def step(self, rate: float) -> None:
        """Move the parameters against their gradients; nothing moves if a gradient is not finite."""
        norm = nn.utils.clip_grad_norm_(self._parameters, self._clip)
        if not bool(norm.isfinite()):
            return
        for parameter, matrix in self._wide:
            grad = parameter.grad
            matrix.grad = None if grad is None else grad.reshape(matrix.shape)
        for optimizer in self._optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()

    def state(self) -> dict[str, Tensor]:
        """What the optimizers remember, as `kind.number.slot`."""
        return {
            f"{kind}.{n}.{slot}": value
            for kind, optimizer in self._optimizers.items()
            for n, slots in optimizer.state_dict()["state"].items()
            for slot, value in slots.items()
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take over what `state` gave; of another kind of optimizer nothing is taken."""
        for kind, optimizer in self._optimizers.items():
            slots: dict[int, dict[str, Tensor]] = {}
            for name, value in state.items():
                owner, number, slot = name.split(".")
                if owner == kind:
                    slots.setdefault(int(number), {})[slot] = value
            if slots:
                groups = optimizer.state_dict()["param_groups"]
                optimizer.load_state_dict({"state": slots, "param_groups": groups})


def _narrow_side(parameter: nn.Parameter) -> int:
    rows = parameter.shape[0]
    return min(rows, parameter.numel() // rows)
