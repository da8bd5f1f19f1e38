"""Trains a student a little further, with a teacher, on a mix with more graded turns in it: WORK/polished.pt.

The student has seen everything twice; what undertone lives by is the graded turns, alone, in long messages and with typing
noise. It sees those again, two rows in five, among enough of the rest that nothing is forgotten. It learns the labels beside the mean of
the teacher's outputs and its own (two models that err differently), and keeps its own sentence embedding.

An hour on two cores without AVX-512, beside other work: half of it for the outputs, which are kept in WORK, then 2,074
steps of 0.93 s. Killed and started again, it goes on where it was.
"""

from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

import augment
import data
import distil
import fit
import model as m
import tokens

SEED = 11
RATE, HEAD_TIMES, EPOCHS = 1.5e-4, 2, 2
EMBEDDING = 4.0  # how much it counts that the embedding stays
COPIES = 2  # long messages made of each graded turn
ROWS = {"emotions": 14_000, "valence": 12_000, "task_turns": 12_000}  # of the rest
NOISY = 3000  # task turns with typing noise


def widened(sources, felt, rng):
    turns, hard, tasks = (sources[source] for source in ("turns", "hard", "task_turns"))
    calm = [r for r, affect in zip(tasks, felt) if affect <= distil.CALM_CEILING]
    calm += [r for r in turns if r.targets["affect"] == 0] * distil.CALM_TIMES
    long = augment.compose([r for r in turns + hard if len(r.ids) < distil.TURN_TOKENS], calm, rng, COPIES)

    def some(source, count):
        return [sources[source][i] for i in rng.permutation(len(sources[source]))[:count]]

    typed = turns + hard + some("task_turns", NOISY)
    noise = [data.Row("noisy", augment.noisy(r.text, rng), dict(r.targets), r.weight) for r in typed]
    rest = [r for source, count in ROWS.items() for r in some(source, count)]
    return rest + turns * 2 + hard * 3 + long + noise


def main():
    p = fit.parser(__doc__)
    p.add_argument("--student", type=Path, required=True, help="its weights, .pt or .safetensors")
    p.add_argument("--tokenizer", type=Path, required=True, help="its tokenizer.json")
    p.add_argument("--teacher", type=Path, required=True, help="the teacher's weights, .pt or .safetensors")
    args = p.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    log = fit.logger()
    if (args.work / "polished.pt").exists():
        log(found=str(args.work / "polished.pt"))
        return
    torch.set_num_threads(args.threads)

    small, (big, _) = Tokenizer.from_file(str(args.tokenizer)), tokens.build()
    student, teacher = m.load(args.student), m.load(args.teacher)
    sources = {source: data.load(args.data, source)[0] for source in data.SOURCES}
    for source, rows in sources.items():
        data.encode(rows, small, distil.SHORT if source == "task_turns" else tokens.MAX_TOKENS)

    def kept(name, model, path, rows):
        return fit.remembered(args.work, name, path, rows, lambda: fit.outputs(model, rows))

    felt = kept("student-felt", student, args.student, sources["task_turns"])["affect"].squeeze(1).tolist()
    distil.judge_tasks(sources["task_turns"], felt)
    rows = widened(sources, felt, np.random.default_rng(SEED))
    unique = list({r.text: r for r in reversed(rows)}.values())
    place = {r.text: i for i, r in enumerate(unique)}
    log(rows=len(rows), texts=len(unique))
    data.encode(unique, big)
    taught = kept("teacher-says", teacher, args.teacher, unique)
    data.encode(rows, small)
    said = kept("student-says", student, args.student, unique)
    taught = {head: (values + said[head]) / 2 for head, values in taught.items()} | {"embedding": said["embedding"]}
    balance = fit.balances(sources)

    def step_loss(out, batch):
        at = [place[r.text] for r in batch]
        part = {head: values[at] for head, values in taught.items()}
        labels = distil.LABELS * fit.loss_of(out, batch, balance)
        return labels + distil.distil_loss(out, part, EMBEDDING)

    rng = np.random.default_rng(SEED)
    plan = [batch for _ in range(EPOCHS) for batch in data.batches(rows, fit.SIZE, rng)]
    fit.run("polished", student, plan, step_loss, RATE, args.work, log, SEED, HEAD_TIMES)
    log(done="student")


if __name__ == "__main__":
    main()
