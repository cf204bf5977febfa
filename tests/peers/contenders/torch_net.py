"""PyTorch: rows a second of a net on numeric columns. `hidden` [] is logistic regression."""

import reading
import torch
from answer import answer
from torch_training import Loop, adam, begin, binary_loss, layers


def measure(given: dict) -> dict:
    begin(given)
    x, y = reading.numbers(given["train"])
    x = torch.from_numpy(reading.standardised(x))
    classes = int(y.max()) + 1
    net = layers([x.shape[1], *given["hidden"], 1 if classes == 2 else classes])
    if classes == 2:
        target, loss_of = torch.from_numpy(y).float(), binary_loss(net)
    else:
        target, loss = torch.from_numpy(y).long(), torch.nn.CrossEntropyLoss()
        loss_of = lambda inputs, target: loss(net(*inputs), target)  # noqa: E731
    return Loop([x], target, given["batch"], loss_of, [adam(net.parameters())]).rate(given["samples"])


answer(measure)
