#!/usr/bin/env python3
"""Losses of PyTorch on fixed weights and batches: the golden numbers of `learn`'s trial tests.

    pip install torch; python3 tests/golden/torch_losses.py

Prints a Rust table. Made with torch 2.15.0. Inputs and weights are small dyadic fractions made from their indices, so
both sides start from the same bits; they then differ by the order of sums, within the tolerance the test states.
"""
import torch

ROWS, NUMERIC, SLOTS, STEPS = 8, 4, 3, 10


def batch(step, classes):
    x = torch.zeros(ROWS, NUMERIC + SLOTS)
    y = torch.zeros(ROWS)
    for r in range(ROWS):
        i = step * ROWS + r
        for j in range(NUMERIC):
            x[r, j] = ((i * 7 + j * 13 + i * j) % 17) / 8 - 1
        x[r, NUMERIC + i * 5 % SLOTS] = 1
        y[r] = (i * 3 + i // 4) % classes if classes else ((i * 11) % 13) / 4 - 1.5
    return x, y


def network(activation, outputs):
    sizes = [NUMERIC + SLOTS, 5, 3, outputs]
    modules = []
    for l, (k, n) in enumerate(zip(sizes, sizes[1:])):
        layer = torch.nn.Linear(k, n)
        with torch.no_grad():
            for o in range(n):
                layer.bias[o] = ((o * 3 + l) % 5 - 2) / 16
                for i in range(k):
                    layer.weight[o, i] = ((o * 5 + i * 3 + o * i + l) % 11 - 5) / 16
        modules += [layer, activation()]
    return torch.nn.Sequential(*modules[:-1])


def losses(activation, classes, make_optimizer):
    outputs = {0: 1, 2: 1}.get(classes, classes)
    net = network(activation, outputs)
    optimizer = make_optimizer(net.parameters())
    found = []
    for step in range(STEPS):
        x, y = batch(step, classes)
        z = net(x)
        if classes == 0:
            loss = (0.5 * (z[:, 0] - y) ** 2).mean()
        elif classes == 2:
            loss = torch.nn.functional.binary_cross_entropy_with_logits(z[:, 0], y)
        else:
            loss = torch.nn.functional.cross_entropy(z, y.long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


def main():
    torch.set_num_threads(1)
    print(f"// torch {torch.__version__}")
    adam = lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.9, 0.999), eps=1e-8)
    sgd = lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9)
    for name, activation in [("Rectifier", torch.nn.ReLU), ("Tanh", torch.nn.Tanh)]:
        for classes in [0, 2, 4]:
            for optimizer, make in [("ADAM", adam), ("SGD", sgd)]:
                values = ", ".join(f"{x:.7}" for x in losses(activation, classes, make))
                print(f"(Activation::{name}, {classes}, {optimizer}, [{values}]),")


if __name__ == "__main__":
    main()
