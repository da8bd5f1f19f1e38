"""Whole, or sentence by sentence? Scores turns of more than 40 words both ways: long_turns.py DATA [MODEL]

On hard_dev (its kinds long1, a felt sentence in a report, and longplain, a report without), and on graded turns put among
matter-of-fact sentences: held-out training turns, and turns_dev three times over. MODEL is ../models/minilm-l3.
"""

import json
import sys
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

import augment
import calibrate
import data
from runtime import LONG, Runtime

SEED = 3
CALM_CEILING = 0.1  # the raw affect above which a task turn is no company for a graded one


def is_long(text):
    return len(text.split()) > LONG


def sets(folder, runtime):
    """{name: [(text, affect 0 to 3)]}"""
    held, rng = calibrate.held_out(folder), np.random.default_rng(SEED)
    felt = runtime.whole([r.text for r in held["task_turns"]])["affect"][:, 0]
    calm = [r for r, affect in zip(held["task_turns"], felt) if affect <= CALM_CEILING]
    dev = [data.Row("turns", r["text"], data.turn_targets(r)) for r in data.read(folder / "turns_dev.tsv")]
    hard = data.read(folder / "hard_dev.tsv")
    return {
        "hard_dev: long1": [(r["text"], int(r["affect"])) for r in hard if r["set"] == "long1"],
        "hard_dev: longplain": [(r["text"], int(r["affect"])) for r in hard if r["set"] == "longplain"],
        **{name: [(r.text, round(3 * r.targets["affect"])) for r in augment.compose(rows, calm, rng, copies)]
           for name, rows, copies in (("held-out turns, composed", held["graded"], 1),
                                      ("turns_dev, composed", dev, 3))},
    }


def line(name, way, weight, affect):
    calm, felt = weight[affect == 0], weight[affect >= 2]
    r = f"{np.corrcoef(weight, affect)[0, 1]:.3f}" if affect.std() else ""
    over = f"{100 * (calm >= 0.3).mean():.1f} %" if len(calm) else ""
    cold = f"{100 * (felt < 0.3).mean():.1f} %" if len(felt) else ""
    return f"| {name} | {len(affect)} | {way} | {r} | {np.abs(weight - affect / 3).mean():.3f} | {over} | {cold} |"


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__.strip())
    folder = Path(sys.argv[1])
    model = Path(sys.argv[2]) if len(sys.argv) == 3 else Path(__file__).parent.parent / "models/minilm-l3"
    runtime = Runtime(model / "model.onnx", Tokenizer.from_file(str(model / "tokenizer.json")))
    points = json.loads((model / "calibration.json").read_text())["affect"]["knots"]
    print("| turns of more than 40 words | rows | read | r | MAE | affect 0 at >= .3 | affect 2, 3 below .3 |")
    print("| --- | ---: | --- | ---: | ---: | ---: | ---: |")
    for name, rows in sets(folder, runtime).items():
        texts, affect = zip(*[row for row in rows if is_long(row[0])])
        for way, read in (("whole", runtime.whole), ("by sentence", runtime.predict)):
            weight = calibrate.weight(read(texts)["affect"][:, 0], points)
            print(line(name, way, weight, np.array(affect)))


if __name__ == "__main__":
    main()
