"""PyTorch's training loop as its users write it when speed matters: tensors in memory, an index gather a batch, fused
Adam, no DataLoader. Everything that is timed of PyTorch goes through it."""

import time
from collections.abc import Callable

import torch

WARM_UP_STEPS = 30  # first steps allocate and choose kernels


class Loop:
    """`inputs` are tensors with a row for each of `target`'s; `loss_of(batch inputs, batch target)` is minimised."""

    def __init__(self, inputs: list, target: torch.Tensor, batch: int, loss_of: Callable, optimizers: list):
        self.inputs, self.target, self.batch = inputs, target, batch
        self.loss_of, self.optimizers = loss_of, optimizers
        self.order, self.at = torch.randperm(len(target)), 0

    def step(self) -> int:
        """Rows that it learned from. A new order begins when the old one is used up."""
        if self.at >= len(self.order):
            self.order, self.at = torch.randperm(len(self.target)), 0
        index = self.order[self.at : self.at + self.batch]
        self.at += self.batch
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        self.loss_of([part[index] for part in self.inputs], self.target[index]).backward()
        for optimizer in self.optimizers:
            optimizer.step()
        return len(index)

    def pass_over(self, samples: int) -> tuple[int, float]:
        """(rows, seconds) of steps until so many rows are passed."""
        done, start = 0, time.perf_counter()
        while done < samples:
            done += self.step()
        return done, time.perf_counter() - start

    def rate(self, samples: int) -> dict:
        for _ in range(WARM_UP_STEPS):
            self.step()
        done, seconds = self.pass_over(samples)
        return {"rows_per_second": done / seconds, "seconds": seconds, "samples": done}


def layers(sizes: list[int]) -> torch.nn.Sequential:
    """Linear layers of these sizes, ReLU between."""
    parts = []
    for a, b in zip(sizes, sizes[1:]):
        parts += [torch.nn.Linear(a, b), torch.nn.ReLU()]
    return torch.nn.Sequential(*parts[:-1])


def adam(parameters, learning_rate: float = 1e-3) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, lr=learning_rate, fused=True)


def binary_loss(net: Callable) -> Callable:
    loss = torch.nn.BCEWithLogitsLoss()
    return lambda inputs, target: loss(net(*inputs).squeeze(1), target)


def begin(given: dict) -> None:
    torch.set_num_threads(given["threads"])
    torch.manual_seed(1)
