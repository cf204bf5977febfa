"""What a task is given: where things are, how large and how often; and peers to run."""

import json
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from bench import child
from bench.aquifer import Aquifer, Settings
from bench.rounds import Contender, Measured, run_rounds
from bench.sets import Sets

CONTENDERS = Path(__file__).resolve().parent.parent / "contenders"


@dataclass(frozen=True)
class Bench:
    aquifer: Aquifer
    sets: Sets
    repeat: int
    scratch: Path
    allowance: child.Allowance

    @property
    def rows(self) -> int:
        return self.sets.rows

    def rounds(self, contenders: list[Contender]) -> dict[str, Measured]:
        return run_rounds(contenders, self.repeat)

    def own(self, name: str, folder: Path, settings: Settings, *more: object) -> Contender:
        """A training of Aquifer on a set; `more` stands in place of `--threads N`."""
        settings = {"task": "classification"} | settings
        words = self.aquifer.train_words(folder / "train", settings, *more, test=folder / "test")
        return Contender(name, lambda: self.aquifer.train(words), self.shown(words))

    def peer(self, name: str, script: str, **given: object) -> Contender:
        """A program of `contenders/`: one JSON object in, one out."""
        given = {key: str(value) if isinstance(value, Path) else value for key, value in given.items()}
        words = json.dumps(given | {"threads": self.allowance.threads})

        def run() -> dict:
            out = child.run([sys.executable, CONTENDERS / script, words], self.allowance)
            # A library may have written lines of its own.
            return json.loads([line for line in out.splitlines() if line.startswith("{")][-1])

        return Contender(name, run, f"python tests/peers/contenders/{script} {shlex.quote(self.short(words))}")

    def shown(self, words: list) -> str:
        """A command as the report has it, without paths of one machine."""
        return self.short(shlex.join(["aquifer", *map(str, words)]))

    def short(self, text: str) -> str:
        return text.replace(str(self.scratch), "TMP").replace(str(self.sets.folder), "DATA")
