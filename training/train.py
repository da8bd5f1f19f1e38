"""Trains the model in two phases and leaves the weights in WORK/weights.pt.

Phase `broad`: everything mixed. Phase `graded`: the graded turns several times over, among enough of the rest that
nothing is forgotten; task turns join as weak "matter-of-fact" examples, but only those which the model, as it stands
after the first phase, does not itself think strongly felt.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import data
import model as m
import tokens

SEED = 20
TRAIN_TOKENS = 64  # most rows are shorter; the positions after it keep what pretraining gave them
SIZE = 64
LOSS_WEIGHT = {"polarity": 1.0, "valence": 4.0, "affect": 2.0, "emotion": 0.7, "goemotions": 14.0, "intensity": 12.0}
# How often a source's rows are seen in an epoch of each phase, and how much each row counts.
REPEATS = {"broad": {"polarity": 1, "valence": 1, "intensity": 1, "emotions": 1, "turns": 2, "task_turns": 0},
           "graded": {"polarity": 0.12, "valence": 0.12, "intensity": 0.25, "emotions": 0.12, "turns": 4, "task_turns": 0.25}}
EPOCHS = {"broad": 2, "graded": 2}
RATE = {"broad": 1e-4, "graded": 5e-5}
TASK_WEIGHT, TASK_CEILING = 0.3, 0.3  # a task turn's weight; the affect above which it is no matter-of-fact example


def class_weights(rows, head, size, power):
    """Rarer classes count more: the figures that matter are means over classes."""
    counts = np.bincount([r.targets[head] for r in rows if head in r.targets], minlength=size)
    w = counts.astype(float) ** -power
    return torch.tensor(w / (w * counts).sum() * counts.sum(), dtype=torch.float32)


def loss_of(out, rows, balance):
    """The weighted sum of each head's loss over the rows that have a target for it, divided by the batch."""
    total = 0.0
    for head, weight in LOSS_WEIGHT.items():
        having = [i for i, r in enumerate(rows) if head in r.targets]
        if not having:
            continue
        o, target = out[head][having], [rows[i].targets[head] for i in having]
        if head in balance:
            each = F.cross_entropy(o, torch.tensor(target), weight=balance[head], reduction="none")
        elif head == "goemotions":
            hot = torch.zeros_like(o)
            for i, labels in enumerate(target):
                hot[i, labels] = 1.0
            each = F.binary_cross_entropy_with_logits(o, hot, reduction="none").mean(1)
        elif head == "intensity":
            which, value = zip(*target)
            each = (o[range(len(which)), list(which)] - torch.tensor(value)) ** 2
        elif head == "affect":
            each = F.binary_cross_entropy(o.squeeze(1), torch.tensor(target), reduction="none")
        else:
            each = (o.squeeze(1) - torch.tensor(target)) ** 2
        total = total + weight * (each * torch.tensor([rows[i].weight for i in having])).sum()
    return total / len(rows)


def mix(sources, phase, rng):
    """An epoch's rows. A fractional repeat draws that share of a source afresh."""
    rows = []
    for source, times in REPEATS[phase].items():
        whole, part = divmod(times, 1)
        rows += sources[source] * int(whole)
        rows += [sources[source][i] for i in rng.permutation(len(sources[source]))[: int(part * len(sources[source]))]]
    return rows


def optimiser(model):
    """The heads start from nothing and learn five times as fast; embeddings, norms and biases do not decay."""
    groups = {"heads": [], "matrices": [], "rest": []}
    for name, p in model.named_parameters():
        matrix = p.ndim == 2 and name not in ("words.weight", "positions")
        groups["heads" if name.startswith("heads") else "matrices" if matrix else "rest"].append(p)
    return torch.optim.AdamW([{"params": groups["heads"], "weight_decay": 0.01, "times": 5},
                              {"params": groups["matrices"], "weight_decay": 0.01, "times": 1},
                              {"params": groups["rest"], "weight_decay": 0.0, "times": 1}], lr=0.0, fused=True)


@torch.no_grad()
def affect_of(model, rows):
    model.eval()
    order = sorted(range(len(rows)), key=lambda i: len(rows[i].ids))
    scores = np.zeros(len(rows))
    for n in range(0, len(order), 256):
        some = order[n : n + 256]
        ids, mask = map(torch.from_numpy, data.pad([rows[i].ids for i in some]))
        with torch.autocast("cpu", torch.bfloat16):
            scores[some] = model(ids, mask)["affect"].squeeze(1).numpy()
    return scores


def phase(model, name, sources, balance, args, log):
    rng = np.random.default_rng([SEED, len(name)])
    plan = [b for _ in range(EPOCHS[name]) for b in data.batches(mix(sources, name, rng), SIZE, rng)]
    plan = plan[: args.steps] if args.steps else plan
    warm, opt, mean = max(1, len(plan) // 16), optimiser(model), None
    model.train()
    start = time.time()
    for step, rows in enumerate(plan):
        rate = RATE[name] * min((step + 1) / warm, (len(plan) - step) / (len(plan) - warm + 1))
        for group in opt.param_groups:
            group["lr"] = rate * group["times"]
        ids, mask = map(torch.from_numpy, data.pad([r.ids for r in rows]))
        with torch.autocast("cpu", torch.bfloat16):
            out = model(ids, mask)
        loss = loss_of(out, rows, balance)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        mean = loss.item() if mean is None else 0.98 * mean + 0.02 * loss.item()
        if step % 50 == 0 or step + 1 == len(plan):
            log({"phase": name, "step": step + 1, "of": len(plan), "loss": round(mean, 4),
                 "s_per_step": round((time.time() - start) / (step + 1), 3)})
        if step % 500 == 499:
            torch.save(model.state_dict(), args.work / f"{name}.pt")
    torch.save(model.state_dict(), args.work / f"{name}.pt")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("data", type=Path)
    p.add_argument("--work", type=Path, required=True)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--steps", type=int, help="stop each phase after so many steps (to try the pipeline)")
    p.add_argument("--from-broad", action="store_true", help="start from WORK/broad.pt, skip the first phase")
    args = p.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    torch.set_num_threads(args.threads)
    start = time.time()

    def log(entry):
        entry["minutes"] = round((time.time() - start) / 60, 2)
        print(json.dumps(entry), flush=True)

    tokenizer, emoji = tokens.build()
    sources = {s: data.load(args.data, s)[0] for s in REPEATS["broad"]}
    for rows in sources.values():
        data.encode(rows, tokenizer, lambda ids: tokens.cut(ids, TRAIN_TOKENS))
    every = [r for rows in sources.values() for r in rows]
    balance = {"polarity": class_weights(sources["polarity"], "polarity", 3, 1.0),
               "emotion": class_weights(sources["turns"] + sources["emotions"], "emotion", len(m.EMOTION), 0.5)}
    log({"rows": {s: len(rows) for s, rows in sources.items()}, "total": len(every)})

    model = m.pretrained(emoji)
    if args.from_broad:
        model.load_state_dict(torch.load(args.work / "broad.pt"))
    else:
        phase(model, "broad", sources, balance, args, log)

    felt = affect_of(model, sources["task_turns"])
    log({"task turns": len(felt), "too strongly felt": int((felt > TASK_CEILING).sum())})
    sources["task_turns"] = [r for r, f in zip(sources["task_turns"], felt) if f <= TASK_CEILING]
    for r in sources["task_turns"]:
        r.weight = TASK_WEIGHT
    phase(model, "graded", sources, balance, args, log)
    torch.save(model.state_dict(), args.work / "weights.pt")
    log({"done": True})


if __name__ == "__main__":
    main()
