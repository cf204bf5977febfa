"""The virtual environment that peers live in: made and filled once, then the program starts again inside it.

Needs only Python's own library, as nothing else is there yet. A package that cannot be installed is said and left out:
what needs it becomes a row `not run`.
"""

import os
import subprocess
import sys
from pathlib import Path

# Name at the package index -> name to import.
PACKAGES = {
    "numpy": "numpy",
    "pyarrow": "pyarrow",
    "torch": "torch",
    "h2o": "h2o",
    "keras": "keras",
    "scikit-learn": "sklearn",
    "vowpalwabbit": "vowpalwabbit",
    "onnx": "onnx",
    "onnxruntime": "onnxruntime",
}


def enter(folder: Path) -> None:
    """Returns inside the environment; outside of it, starts this very command again within."""
    if Path(sys.prefix).resolve() == folder.resolve():
        return
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"making a virtual environment in {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    for package in missing(python):
        print(f"installing {package}", file=sys.stderr)
        done = subprocess.run([python, "-m", "pip", "install", "--quiet", package], check=False)
        if done.returncode != 0:
            print(f"{package} cannot be installed; what needs it is not run", file=sys.stderr)
    os.execv(python, [str(python), *sys.argv])


def missing(python: Path) -> list[str]:
    look = "import importlib.util as u, sys; print(*[n for n in sys.argv[1:] if u.find_spec(n) is None])"
    done = subprocess.run([python, "-c", look, *PACKAGES.values()], check=True, capture_output=True, text=True)
    absent = done.stdout.split()
    return [package for package, module in PACKAGES.items() if module in absent]
