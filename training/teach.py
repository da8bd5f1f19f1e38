"""Trains the teacher, a six-layer model with the whole vocabulary, in two phases: WORK/broad.pt, then WORK/graded.pt.

Phase `broad`: everything mixed. Phase `graded`: the graded turns several times over, alone and in long messages, among
enough of the rest that nothing is forgotten; task turns join as weak "matter-of-fact" examples, but only those which
the model, as it stands after the first phase, does not itself think felt.

27 minutes on two cores with AVX-512: 3,090 and 1,480 steps of 0.32 s. Killed and started again, it goes on where it
was.
"""

import numpy as np
import torch

import augment
import data
import fit
import model as m
import tokens

SEED = 20
SHUFFLE = {"broad": 5, "graded": 6}  # a second number to the seed, so that the phases do not share an order
SHORT = 64  # tokens of most sources' rows: few are longer, and a step's time grows with the longest
# How often a source's rows are seen in an epoch of each phase.
REPEATS = {"broad": {"valence": 1, "emotions": 1, "turns": 2, "task_turns": 0, "long": 0, "hard": 2},
           "graded": {"valence": 0.25, "emotions": 0.25, "turns": 4, "task_turns": 0.25, "long": 1, "hard": 4}}
EPOCHS = {"broad": 3, "graded": 2}
RATE = {"broad": 1e-4, "graded": 5e-5}
TASK_WEIGHT, TASK_CEILING = 0.3, 0.3  # a task turn's weight; the affect above which it is no matter-of-fact example
COPIES = 2  # long messages made of each graded turn
CALM_TIMES = 8  # the graded turns of affect 0 are few beside the task turns
TURN_TOKENS, CALM_TOKENS = 60, 40  # longer ones make no part of a long message


def sources_of(folder, tokenizer):
    sources = {source: data.load(folder, source)[0] for source in data.SOURCES}
    for source, rows in sources.items():
        data.encode(rows, tokenizer, tokens.MAX_TOKENS if source == "hard" else SHORT)
    return sources


def mix(sources, phase, rng):
    """An epoch's rows. A fractional repeat draws that share of a source afresh."""
    rows = []
    for source, times in REPEATS[phase].items():
        whole, part = divmod(times, 1)
        of = sources[source]
        rows += of * int(whole)
        rows += [of[i] for i in rng.permutation(len(of))[: int(part * len(of))]]
    return rows


def phase(name, model, sources, balance, work, log):
    rng = np.random.default_rng([SEED, SHUFFLE[name]])
    plan = [batch for _ in range(EPOCHS[name]) for batch in data.batches(mix(sources, name, rng), fit.SIZE, rng)]
    fit.run(name, model, plan, lambda out, rows: fit.loss_of(out, rows, balance), RATE[name], work, log, SEED)


def long_messages(sources, tokenizer):
    """Graded turns among task turns and graded turns of affect 0."""
    graded = sources["turns"] + sources["hard"]
    still = [r for r in graded if r.targets["affect"] == 0 and r.targets["danger"] == 0 and len(r.ids) < CALM_TOKENS]
    turns = [r for r in graded if len(r.ids) < TURN_TOKENS]
    calm = sources["task_turns"] + still * CALM_TIMES
    rows = augment.compose(turns, calm, np.random.default_rng(SEED), COPIES)
    data.encode(rows, tokenizer)
    return rows


def main():
    p = fit.parser(__doc__)
    args = p.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    log = fit.logger()
    if (args.work / "graded.pt").exists():
        log(found=str(args.work / "graded.pt"))
        return
    torch.set_num_threads(args.threads)
    torch.manual_seed(SEED)

    tokenizer, names = tokens.build()
    sources = {**sources_of(args.data, tokenizer), "long": []}
    balance = fit.balances(sources)
    log(rows={source: len(rows) for source, rows in sources.items()})
    model = m.pretrained(names)
    phase("broad", model, sources, balance, args.work, log)

    tasks = sources["task_turns"]
    felt = fit.remembered(args.work, "felt", args.work / "broad.pt", tasks, lambda: fit.outputs(model, tasks)["affect"])
    sources["task_turns"] = [r for r, affect in zip(tasks, felt.squeeze(1).tolist()) if affect <= TASK_CEILING]
    for r in sources["task_turns"]:
        r.weight = TASK_WEIGHT
    log(task_turns=len(tasks), felt=len(tasks) - len(sources["task_turns"]))
    sources["long"] = long_messages(sources, tokenizer)
    phase("graded", model, sources, balance, args.work, log)
    log(done="teacher")


if __name__ == "__main__":
    main()
