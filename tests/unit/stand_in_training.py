"""Stands in for ``python -m wbc_core`` where tests need no network: keeps to a run folder's contract, fails as told.

The recipe's note says how to behave: ``wait N`` waits in epoch N until a file ``go`` lies in the run folder, ``deaf``
hears no SIGTERM, ``slow`` takes its time, ``refuse``, ``crash`` and ``greedy`` end it in their ways. Its validation
loss is the lower, the less dropout the recipe has.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

from wbc_core.recipes.spec import read_recipe
from wbc_core.runs.folder import EXPORT, append_log, write_history
from wbc_core.runs.reporter import Reporter

STEPS = 3
asked = False


def main(spec: Path, run_dir: Path) -> int:
    recipe = read_recipe(spec)
    with Reporter(run_dir) as reporter:
        words = recipe.note.split()
        if "refuse" in words:
            reporter.report("failed", message="The data set nothing is not there.", hint="Import it.")
            return 1
        if "crash" in words:
            raise RuntimeError("the network took fright")
        gate = int(words[words.index("wait") + 1]) if "wait" in words else None
        kept = run_dir / "kept.json"
        history = json.loads(kept.read_text()) if kept.exists() else []
        for epoch in range(len(history), recipe.epochs):
            for step in range(STEPS):
                reporter.report("running", epoch=epoch, epochs=recipe.epochs, step=step, steps=STEPS, eta_s=1.0)
                if "slow" in words:
                    time.sleep(0.3)  # long enough for a search on a busy machine to see the epoch
                if "greedy" in words:
                    os.kill(os.getpid(), signal.SIGKILL)
                while epoch == gate and step == 1 and not (run_dir / "go").exists() and not asked:
                    time.sleep(0.01)
                if asked:
                    reporter.report("cancelled", message="The run was stopped.")
                    return 3
            row = {
                "epoch": epoch,
                "val_accuracy": 0.5,
                "loss": 1 / (recipe.seed + epoch + 1),
                "val_loss": 2 / (epoch + 1) + recipe.network.dropout,
            }
            history.append(row)
            kept.write_text(json.dumps(history))
            write_history(run_dir, history)
            append_log(run_dir, f"epoch {epoch} done")
            reporter.report("running", epoch=epoch + 1, step=0)
        if "--no-export" not in sys.argv:
            reporter.report("exporting")
            (run_dir / EXPORT).mkdir(exist_ok=True)
        reporter.report("finished")
    return 0


def ask(number: int, frame: object) -> None:
    global asked
    asked = True


if __name__ == "__main__":
    command, spec_path, _, folder, *_ = sys.argv[1:]
    assert command == "train"
    if "deaf" in Path(spec_path).read_text():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, ask)
    sys.exit(main(Path(spec_path), Path(folder)))
