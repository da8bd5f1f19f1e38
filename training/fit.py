"""What teacher and student share: the loss from labels, the optimiser, and a training loop that survives being killed.

Everything that takes long leaves a file in WORK, written in one rename: a finished step NAME.pt, a step that is going
on NAME.checkpoint.pt, a model's outputs NAME-KEY.pt. Started again, what is there is not done again.
"""

import argparse
import hashlib
import json
import os
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import data
from model import EMOTION, POLARITY, TARGET

SIZE = 64  # rows of a batch
LOSS = {"polarity": 1.0, "valence": 4.0, "affect": 2.0, "emotion": 0.7, "goemotions": 14.0, "target": 0.7,
        "danger": 1.0}
SMOOTHING = 0.05  # of the class labels
DANGER_TIMES = 20  # how much a row of danger counts: there are few
WARM = 1 / 16  # the share of the steps over which the rate rises
CHECKPOINT_EVERY = 300  # steps
LOG_EVERY = 100
# Half precision pays where the CPU has instructions for it (AVX-512); elsewhere it is emulated, many times slower.
HALF = torch.ops.mkldnn._is_mkldnn_bf16_supported()


def parser(description):
    """What every step is told: the data, where it works, and on how many threads."""
    p = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("data", type=Path, help="folder of the TSV files")
    p.add_argument("--work", type=Path, required=True, help="folder for weights, checkpoints and outputs")
    p.add_argument("--threads", type=int, default=2)
    return p


def logger():
    """Prints one JSON object a line, with the minutes since the start."""
    start = time.time()

    def log(**entry):
        print(json.dumps({**entry, "minutes": round((time.time() - start) / 60, 2)}), flush=True)
    return log


def balance_of(rows, head, size, power):
    """Weights of the classes: rarer ones count more, for the figures that matter are means over classes."""
    counts = np.bincount([r.targets[head] for r in rows if head in r.targets], minlength=size)
    weights = np.maximum(counts, 1).astype(float) ** -power
    return torch.tensor(weights / (weights * counts).sum() * counts.sum(), dtype=torch.float32)


def balances(sources):
    turns, emotions = sources["turns"], sources["emotions"]
    return {"polarity": balance_of(emotions + sources["valence"] + turns, "polarity", len(POLARITY), 1.0),
            "emotion": balance_of(turns + emotions, "emotion", len(EMOTION), 0.5),
            "target": balance_of(turns, "target", len(TARGET), 0.5)}


def head_loss(head, out, targets, balance):
    """One number a row."""
    if head in balance:
        return F.cross_entropy(out, torch.tensor(targets), weight=balance[head], reduction="none",
                               label_smoothing=SMOOTHING)
    if head == "goemotions":
        hot = torch.zeros_like(out)
        for i, labels in enumerate(targets):
            hot[i, labels] = 1.0
        return F.binary_cross_entropy_with_logits(out, hot, reduction="none").mean(1)
    out, truth = out.squeeze(1), torch.tensor(targets, dtype=torch.float32)
    if head == "danger":
        each = F.binary_cross_entropy_with_logits(out, truth, reduction="none")
        return each * (1 + (DANGER_TIMES - 1) * truth)
    if head == "affect":
        return F.binary_cross_entropy(out, truth, reduction="none")
    return (out - truth) ** 2


def loss_of(out, rows, balance):
    """The weighted sum of each head's loss over the rows that have a target for it, divided by the batch."""
    total = 0.0
    for head, weight in LOSS.items():
        having = [i for i, r in enumerate(rows) if head in r.targets]
        if not having:
            continue
        each = head_loss(head, out[head][having], [rows[i].targets[head] for i in having], balance)
        total = total + weight * (each * torch.tensor([rows[i].weight for i in having])).sum()
    return total / len(rows)


def optimiser(model, head_times):
    """The heads learn `head_times` as fast, for they start from little; embeddings, norms and biases do not decay."""
    groups = {"heads": [], "matrices": [], "rest": []}
    for name, p in model.named_parameters():
        if name.startswith(("heads", "pool", "embed")):
            groups["heads"].append(p)
        elif p.ndim == 2 and name not in ("words.weight", "positions"):
            groups["matrices"].append(p)
        else:
            groups["rest"].append(p)
    return torch.optim.AdamW([{"params": groups["heads"], "weight_decay": 0.01, "times": head_times},
                              {"params": groups["matrices"], "weight_decay": 0.01, "times": 1},
                              {"params": groups["rest"], "weight_decay": 0.0, "times": 1}], lr=0.0, fused=True)


def ask(forward, rows):
    """`forward` of the rows, padded."""
    ids, mask = map(torch.from_numpy, data.pad([r.ids for r in rows]))
    with torch.autocast("cpu", torch.bfloat16, enabled=HALF):
        return forward(ids, mask)


@torch.no_grad()
def outputs(model, rows, forward=None, size=128):
    """{head: f32 [rows, width]} of `forward(ids, mask)`, by default the model's own, in the order of the rows."""
    model.eval()
    order = sorted(range(len(rows)), key=lambda i: len(rows[i].ids))
    result = {}
    for n in range(0, len(order), size):
        some = order[n : n + size]
        for head, values in ask(forward or model, [rows[i] for i in some]).items():
            if head not in result:
                result[head] = torch.zeros(len(rows), values.shape[1])
            result[head][some] = values.float()
    return result


def save(value, path):
    part = path.with_name(f".{path.name}.part")
    torch.save(value, part)
    os.replace(part, path)


def remembered(work, name, weights, rows, make):
    """What `make` returns, kept in WORK under a key of the weights' bytes and the rows' texts."""
    key = hashlib.sha256(weights.read_bytes())
    key.update("\n".join(r.text for r in rows).encode())
    path = work / f"{name}-{key.hexdigest()[:12]}.pt"
    if not path.exists():
        save(make(), path)
    return torch.load(path)


class Training:
    """What a checkpoint holds, and how one is made and gone on from."""

    def __init__(self, path, model, head_times, average, settings):
        self.path, self.model, self.settings = path, model, settings
        self.optimiser = optimiser(model, head_times)
        self.average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(average)) if average else None
        self.step, self.loss = 0, None

    def save(self):
        save({"settings": self.settings, "step": self.step, "loss": self.loss, "model": self.model.state_dict(),
              "optimiser": self.optimiser.state_dict(), "random": torch.get_rng_state(),
              "average": self.average.state_dict() if self.average else None}, self.path)

    def restore(self):
        """Leaves everything as it is if there is no checkpoint, or one of other settings."""
        if not self.path.exists():
            return
        saved = torch.load(self.path)
        if saved["settings"] != self.settings:
            return
        self.step, self.loss = saved["step"], saved["loss"]
        self.model.load_state_dict(saved["model"])
        self.optimiser.load_state_dict(saved["optimiser"])
        if self.average:
            self.average.load_state_dict(saved["average"])
        torch.set_rng_state(saved["random"])

    def learn(self, loss, rate):
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["times"]
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        if self.average:
            self.average.update_parameters(self.model)
        self.loss = loss.item() if self.loss is None else 0.98 * self.loss + 0.02 * loss.item()
        self.step += 1


def run(name, model, plan, step_loss, rate, work, log, seed, head_times=5, average=None):
    """Trains `model` on the batches of `plan` with `step_loss(out, rows)` and leaves the weights in WORK/name.pt.

    The rate rises to `rate` and falls to nothing in straight lines. With `average`, a decay, the weights that are left
    are the moving average of those of all steps. `plan` must come out the same when the step is started again.
    """
    finished, checkpoint = work / f"{name}.pt", work / f"{name}.checkpoint.pt"
    if finished.exists():
        model.load_state_dict(torch.load(finished))
        log(phase=name, found=str(finished))
        return
    torch.manual_seed(seed)
    settings = {"steps": len(plan), "rate": rate, "seed": seed, "head_times": head_times, "average": average}
    training = Training(checkpoint, model, head_times, average, settings)
    training.restore()
    model.train()
    warm, first, start = max(1, int(len(plan) * WARM)), training.step, time.time()
    for rows in plan[first:]:
        step = training.step
        loss = step_loss(ask(model, rows), rows)
        training.learn(loss, rate * min((step + 1) / warm, (len(plan) - step) / (len(plan) - warm + 1)))
        if training.step % LOG_EVERY == 0 or training.step == len(plan):
            seconds = (time.time() - start) / (training.step - first)
            log(phase=name, step=training.step, of=len(plan), loss=round(training.loss, 4), seconds=round(seconds, 3))
        if training.step % CHECKPOINT_EVERY == 0:
            training.save()
    if average:
        model.load_state_dict(training.average.module.state_dict())
    save(model.state_dict(), finished)
    checkpoint.unlink(missing_ok=True)
