"""The tasks in the order they run. A task is a module with `run(bench) -> Section`; the first line of its head is what
`--list` shows."""

from types import ModuleType

from tasks import (
    airlines,
    assembly,
    auc845,
    gradient,
    h2o,
    large,
    logistic,
    memory,
    onepass,
    outofcore,
    predict,
    search,
    step32,
    step256,
    workers,
)

TASKS: dict[str, ModuleType] = {
    "step256": step256,
    "step32": step32,
    "h2o": h2o,
    "auc845": auc845,
    "gradient": gradient,
    "large": large,
    "logistic": logistic,
    "airlines": airlines,
    "assembly": assembly,
    "workers": workers,
    "memory": memory,
    "outofcore": outofcore,
    "predict": predict,
    "search": search,
    "onepass": onepass,
}
