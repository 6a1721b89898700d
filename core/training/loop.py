"""The training loop as an iterator: it yields Progress and touches no file; `core.training.run` saves and logs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from core.data import IN_FRAME, PERIODIC, Batches
from core.keys import key
from core.training.ema import Ema
from core.training.game import DTYPES, Game
from core.training.guards import NanGuard, NotFinite
from core.training.precision import resolve
from core.training.schemes import SCHEMES, Optimistic
from core.types import Array, Preset, Problem, Progress, TrainConfig

State = dict[str, Tensor]


class Trainer:
    """Networks, optimisers and scheme of one run; `state()` and `restore()` are exact."""

    def __init__(
        self,
        problem: Problem,
        preset: Preset,
        config: TrainConfig,
        images: Array | None,
        calibration: Array | None = None,
        device: torch.device | str = "cpu",
        fit: bool = True,
    ) -> None:
        """`images` (n, H, W) train the game; the generator first reads its statistics from `calibration` (default
        `images`)."""
        config = resolve(config, device).apply(config)
        dtype = DTYPES[config.precision]
        torch.manual_seed(key(config.seed, "initial weights") % 2**63)
        self.config, self.device = config, torch.device(device)
        generator: Any = preset.generator()
        if fit and images is not None:
            labels = torch.from_numpy(images if calibration is None else calibration)
            generator.fit(labels, [key(config.seed, "calibration", i) for i in range(len(labels))])
        place: Any = {"device": self.device, "memory_format": torch.channels_last}
        self.generator = generator.to(dtype=dtype, **place)
        self.critic = (
            preset.critic().to(dtype).to(**place)
            if preset.critic and (images is not None or problem.training.make_game)
            else None
        )
        moves = () if not problem.field.mirrored else PERIODIC if problem.field.periodic else IN_FRAME
        batches = None if images is None else Batches(images, config.seed, moves, self.device)
        self.game: Game = (problem.training.make_game or Game)(
            problem, preset, config, self.generator, self.critic, batches, self.device
        )
        self.ema = Ema(self.generator, config.ema)
        self.scheme = SCHEMES[config.scheme]()
        self.guard = NanGuard()
        self.optimisers = list({id(p.optimiser): p.optimiser for p in self.game.players}.values())
        self.rates = [[group["lr"] for group in o.param_groups] for o in self.optimisers]
        self.done = 0

    def step(self) -> tuple[dict[str, float], str]:
        """One step of the scheme: logged values and a note (empty, or why the update was skipped)."""
        scale = schedule(self.config, self.done)
        for optimiser, rates in zip(self.optimisers, self.rates, strict=True):
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * scale
        self.game.progress_share = self.done / self.config.steps
        logs, note = {}, ""
        try:
            logs = self.scheme.step(self.game.players, self.guard.watch(self.game.gradients), self.done)
            self.guard.good()
        except NotFinite as skipped:
            note = str(skipped)
        self.ema.update(self.generator, self.done)
        self.done += 1
        return logs, note

    def networks(self) -> dict[str, nn.Module]:
        """The networks by name."""
        networks = {"generator": self.generator, "ema": self.ema.module}
        return networks | ({"critic": self.critic} if self.critic is not None else {})

    def state(self) -> State:
        """Everything that the next step depends on, as flat tensors (copies)."""
        out: State = {"step": torch.tensor(self.done)}
        for name, network in self.networks().items():
            out |= {f"{name}.{k}": v.detach().cpu().clone() for k, v in network.state_dict().items()}
        for number, optimiser in enumerate(self.optimisers):
            for index, slots in optimiser.state_dict()["state"].items():
                out |= {f"optimiser{number}.{index}.{k}": torch.as_tensor(v).cpu().clone() for k, v in slots.items()}
        if isinstance(self.scheme, Optimistic):
            for player, grads in self.scheme.memory.items():
                out |= {f"memory.{player}.{i}": g.cpu().clone() for i, g in enumerate(grads)}
        return out

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Put a saved state back; `ValueError` when it is of another run (shapes or names differ)."""
        try:
            for name, network in self.networks().items():
                network.load_state_dict(_under(state, f"{name}."))
            for number, optimiser in enumerate(self.optimisers):
                slots: dict[int, dict[str, Tensor]] = {}
                for path, value in _under(state, f"optimiser{number}.").items():
                    index, slot = path.split(".")
                    slots.setdefault(int(index), {})[slot] = value
                optimiser.load_state_dict({"state": slots, "param_groups": optimiser.state_dict()["param_groups"]})
            if isinstance(self.scheme, Optimistic):
                self.scheme.memory = _memory(_under(state, "memory."), self.device)
            self.done = int(state["step"])
        except (RuntimeError, KeyError, ValueError) as error:
            raise ValueError(
                f"The saved training state does not fit this run: {error}. Delete it to start afresh."
            ) from None


def schedule(config: TrainConfig, step: int) -> float:
    """Factor on the learning rates at a step: linear warm-up, constant, linear fall over the last `decay` of the
    steps."""
    warm = min(1.0, (step + 1) / max(1, config.warmup))
    return warm * (min(1.0, max(0.0, 1 - step / config.steps) / config.decay) if config.decay else 1.0)


def _under(state: Mapping[str, Tensor], prefix: str) -> State:
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def _memory(flat: Mapping[str, Tensor], device: torch.device) -> dict[str, list[Tensor]]:
    """Remembered gradients by player, in order."""
    by_player: dict[str, list[tuple[int, Tensor]]] = {}
    for path, value in flat.items():
        player, index = path.split(".")
        by_player.setdefault(player, []).append((int(index), value.to(device)))
    return {player: [v for _, v in sorted(items, key=lambda item: item[0])] for player, items in by_player.items()}


def fit(trainer: Trainer, steps: int | None = None) -> Iterator[Progress]:
    """Train to `steps` (default: the configuration's), yielding Progress after every step; stop by leaving the loop."""
    total = trainer.config.steps if steps is None else steps
    residual_names: Sequence[str] = [i.name for i in trainer.game.problem.invariances]
    while trainer.done < total:
        start = time.perf_counter()
        logs, note = trainer.step()
        seconds = time.perf_counter() - start
        residuals = {n: v for n in residual_names for k, v in logs.items() if k in (f"projection.{n}", f"{n}.{n}")}
        losses = {k: v for k, v in logs.items() if k.split(".")[-1] not in residual_names}
        rate = trainer.config.batch / seconds
        yield Progress(
            trainer.done, total, losses, residuals, seconds, rate, trainer.state, trainer.done == total, note
        )
