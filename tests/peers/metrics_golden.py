"""The golden numbers of `shared/model/src/metric/tests/golden.rs`, by scikit-learn. Run by hand; prints them as Rust.

Rows come from one recurrence, which the tests repeat, so that no predictions need be stored:

    x' = x * 6364136223846793005 + 1442695040888963407 (mod 2^64), x = 1 at first; a draw is (x' >> 40) / 2^24.

All scores are multiples of a power of two, exact in 32-bit floats. Needs numpy, scikit-learn; made with 2.4.6, 1.9.1.
"""

import numpy as np
from scipy.stats import ks_2samp
from sklearn import metrics as m

ROWS = 300


class Draws:
    def __init__(self):
        self.x = 1

    def next(self):
        self.x = (self.x * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.x >> 40) / 2**24


def binomial(step):
    """Logits on a grid of `step`, classes that follow them loosely, weights of 0, 1/4 ... 7/4."""
    draws, z, y, w = Draws(), [], [], []
    for _ in range(ROWS):
        score = draws.next()
        z.append((np.floor(score * 256) - 128) * step)
        y.append(int(draws.next() < 0.15 + 0.6 * score))
        w.append(np.floor(draws.next() * 8) / 4)
    return np.array(z), np.array(y), np.array(w)


def multinomial(classes=12):
    draws, z, y, w = Draws(), [], [], []
    for _ in range(ROWS):
        own = int(draws.next() * classes)
        row = [draws.next() for _ in range(classes)]
        row[own] += 0.25
        # Distinct within a row: ties would be a matter of taste.
        z.append([np.floor(score * 1024) * 16 + at for at, score in enumerate(row)])
        y.append(own)
        w.append(np.floor(draws.next() * 8) / 4)
    return np.array(z) / 4096, np.array(y), np.array(w)


def regression():
    draws, predicted, actual, w = Draws(), [], [], []
    for _ in range(ROWS):
        value = draws.next() * 100
        actual.append(np.floor(value * 16) / 16)
        predicted.append(np.floor((value + draws.next() * 20 - 8) * 16) / 16)
        w.append(np.floor(draws.next() * 8) / 4)
    return np.array(predicted), np.array(actual), np.array(w)


def best(metric, z):
    """The largest value over all thresholds, and the highest threshold that has it (infinite: above all rows)."""
    tried = [np.inf, *sorted(set(z), reverse=True)]
    values = [metric((z >= t).astype(int)) for t in tried]
    at = int(np.argmax(values))
    return values[at], 1 / (1 + np.exp(-tried[at]))


def gains(z, y, w):
    """H2O's table: (data fraction, threshold, response rate, lift, cumulative lift, cumulative capture rate) a group."""
    percents, rows = [1, 2, 3, 4, 5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90, 100], []
    before = np.zeros(2)
    for t in sorted(set(z[w > 0]), reverse=True):
        so_far = np.array([w[(z >= t) & (y == k)].sum() for k in (0, 1)])
        reached = [p for p in percents if so_far.sum() * 100 >= p * w.sum()]
        if not reached:
            continue
        percents = percents[len(reached) :]
        own, prior = so_far - before, w[y == 1].sum() / w.sum()
        rate, total = own[1] / own.sum(), so_far[1] / so_far.sum()
        rows.append((so_far.sum() / w.sum(), 1 / (1 + np.exp(-t)), rate, rate / prior, total / prior, so_far[1] / w[y == 1].sum()))
        before = so_far
    return rows



def floats(values):
    return ", ".join(repr(float(value)) for value in values)


def of_classes(step, weighted):
    z, y, w = binomial(step)
    w = w if weighted else np.ones(ROWS)
    p, hat, sw = 1 / (1 + np.exp(-z)), (z >= 0).astype(int), {"sample_weight": w}
    at = (z >= -0.5).astype(int)
    print(f"// binomial, step {step}, weighted {weighted}")
    print("scalars:", floats([m.log_loss(y, p, **sw), m.roc_auc_score(y, z, **sw), m.average_precision_score(y, z, **sw)]))
    print(
        "half:",
        floats(
            [m.accuracy_score(y, hat, **sw), m.f1_score(y, hat, **sw), m.matthews_corrcoef(y, hat, **sw)]
            + [1 - m.balanced_accuracy_score(y, hat, **sw)]
        ),
    )
    for name, metric in {
        "f1": lambda hat: m.f1_score(y, hat, zero_division=0, **sw),
        "f2": lambda hat: m.fbeta_score(y, hat, beta=2, zero_division=0, **sw),
        "f0_5": lambda hat: m.fbeta_score(y, hat, beta=0.5, zero_division=0, **sw),
        "accuracy": lambda hat: m.accuracy_score(y, hat, **sw),
        "mcc": lambda hat: m.matthews_corrcoef(y, hat, **sw),
        "ks": lambda hat: abs(m.recall_score(y, hat, **sw) - (1 - m.recall_score(1 - y, 1 - hat, **sw))),
    }.items():
        print(f"best {name}:", floats(best(metric, z)))
    if not weighted:
        print("ks of scipy:", ks_2samp(z[y == 1], z[y == 0]).statistic)
    print("at z = -0.5:", m.confusion_matrix(y, at, **sw).ravel().tolist(), floats(
        [m.accuracy_score(y, at, **sw), m.precision_score(y, at, **sw), m.recall_score(y, at, **sw)]
        + [m.recall_score(1 - y, 1 - at, **sw), m.f1_score(y, at, **sw), m.matthews_corrcoef(y, at, **sw)]
    ))  # fmt: skip
    for row in gains(z, y, w):
        print(f"    [{floats(row)}],")


def main():
    for step in (1 / 64, 1 / 16384):
        for weighted in (False, True):
            of_classes(step, weighted)
    z, y, w = multinomial()
    for name, sw in {"plain": np.ones(ROWS), "weighted": w}.items():
        hits = [m.top_k_accuracy_score(y, z, k=k, labels=range(12), sample_weight=sw) for k in range(1, 11)]
        hat = z.argmax(axis=1)
        print(f"// multinomial {name}")
        print(floats([m.accuracy_score(y, hat, sample_weight=sw), 1 - m.balanced_accuracy_score(y, hat, sample_weight=sw)]))
        print(f"    [{floats(hits)}],")
    predicted, actual, w = regression()
    for name, sw in {"plain": np.ones(ROWS), "weighted": w}.items():
        print(f"// regression {name}: mse, rmse, mae, r2, rmsle (of both raised by 8)")
        sw = {"sample_weight": sw}
        print(floats([
            m.mean_squared_error(actual, predicted, **sw), m.root_mean_squared_error(actual, predicted, **sw),
            m.mean_absolute_error(actual, predicted, **sw), m.r2_score(actual, predicted, **sw),
            m.root_mean_squared_log_error(actual + 8, predicted + 8, **sw),
        ]))  # fmt: skip


if __name__ == "__main__":
    main()
