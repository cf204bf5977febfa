"""PyTorch on text and numbers, first layer 200 wide: one-hot columns, or an embedding bag that adds a level's row.

`first` is `onehot`, `bag` (exact Adam) or `sparse_bag` (SparseAdam, which moves only the rows a batch touched).
"""

import numpy as np
import reading
import torch
from answer import answer
from torch_training import Loop, adam, begin, binary_loss, layers

WIDTH = 200


class Bag(torch.nn.Module):
    def __init__(self, levels: int, numbers: int, sparse: bool):
        super().__init__()
        self.bag = torch.nn.EmbeddingBag(levels, WIDTH, mode="sum", sparse=sparse)
        self.numbers = torch.nn.Linear(numbers, WIDTH)
        self.rest = torch.nn.Sequential(torch.nn.ReLU(), layers([WIDTH, WIDTH, 1]))

    def forward(self, codes: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        return self.rest(self.bag(codes) + self.numbers(numbers))


def measure(given: dict) -> dict:
    begin(given)
    codes, levels, values, y = reading.codes_and_numbers(given["train"], given["rows"])
    target = torch.from_numpy(y).float()
    if given["first"] == "onehot":
        inputs = [torch.from_numpy(one_hot(codes, levels, values))]
        net = layers([inputs[0].shape[1], WIDTH, WIDTH, 1])
        optimizers = [adam(net.parameters())]
    else:
        sparse = given["first"] == "sparse_bag"
        inputs = [torch.from_numpy(codes), torch.from_numpy(values)]
        net = Bag(levels, values.shape[1], sparse)
        if sparse:
            dense = [*net.numbers.parameters(), *net.rest.parameters()]
            optimizers = [torch.optim.SparseAdam(net.bag.parameters(), lr=1e-3), adam(dense)]
        else:
            optimizers = [adam(net.parameters())]
    return Loop(inputs, target, given["batch"], binary_loss(net), optimizers).rate(given["samples"])


def one_hot(codes: np.ndarray, levels: int, values: np.ndarray) -> np.ndarray:
    x = np.zeros((len(codes), levels + values.shape[1]), np.float32)
    np.put_along_axis(x, codes, 1.0, axis=1)
    x[:, levels:] = values
    return x


answer(measure)
