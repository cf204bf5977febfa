"""PyTorch: seconds of training until the test AUC is first as asked, at one of the given passes.

Evaluations are not counted, and the first steps are: they are part of a training.
"""

import reading
import torch
from answer import answer
from torch_training import Loop, adam, begin, binary_loss, layers


def measure(given: dict) -> dict:
    begin(given)
    x, y = reading.numbers(given["train"])
    x_test, y_test = reading.numbers(given["test"])
    mean, deviation = x.mean(0), x.std(0)
    x, x_test = (torch.from_numpy((part - mean) / deviation) for part in (x, x_test))
    net = layers([x.shape[1], 200, 200, 1])
    optimizer = adam(net.parameters(), given["learning_rate"])
    loop = Loop([x], torch.from_numpy(y).float(), given["batch"], binary_loss(net), [optimizer])
    samples, seconds, best = 0, 0.0, 0.0
    for passes in given["passes"]:
        more = loop.pass_over(max(1, round(passes * len(x)) - samples))
        samples, seconds = samples + more[0], seconds + more[1]
        with torch.no_grad():
            score = torch.cat([net(part).squeeze(1) for part in x_test.split(8192)]).numpy()
        test_auc = reading.auc(y_test, score)
        best = max(best, test_auc)
        if test_auc >= given["auc"]:
            return {"seconds": seconds, "passes": passes, "test_auc": test_auc}
    return {"seconds": None, "passes": given["passes"][-1], "test_auc": best}


answer(measure)
