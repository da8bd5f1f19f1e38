"""Trains the student, three layers and 16,000 tokens, from labels and from what the teacher says: WORK/student.pt.

It sees all texts, the graded turns also in long messages and with typing noise, and learns beside the labels the
teacher's outputs, and a sentence embedding: the pretrained encoder's, cut to its first principal components. Layers and
words come from the teacher; with --start and --tokenizer, a student that exists is trained on instead.

17 minutes on two cores with AVX-512: 4 for the teacher's outputs, which are kept in WORK, then 4,300 steps of
0.19 s. Killed and started again, it goes on where it was. WORK/tokenizer.json is the student's tokenizer.
"""

import os
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

import augment
import data
import fit
import model as m
import tokens

SEED = 7
LAYERS = (0, 2, 5)  # of the teacher
SHORT = 64  # tokens of most rows before the teacher
RATE, HEAD_TIMES = 3e-4, 2  # the heads come from the teacher
# How much each of the teacher's outputs counts. Not `danger`: labels are all there is to learn of it.
DISTIL = {"polarity": 1.0, "valence": 6.0, "affect": 8.0, "emotion": 1.0, "goemotions": 20.0, "target": 0.7}
CLASSES = ("polarity", "emotion", "target")
LABELS = 0.6  # how much the labels count
TASK_WEIGHT, TASK_CEILING = 0.3, 0.3  # a task turn's weight; the affect above which it has no labels
CALM_CEILING = 0.2  # the affect above which a task turn is no company for a felt one
CALM_TIMES = 8  # the graded turns of affect 0 are few beside the task turns
TURN_TOKENS = 60  # longer turns make no part of a long message
COPIES = 3  # long messages made of each graded turn
NOISY = 8000  # task turns, and rows of GoEmotions, with typing noise
COMPONENTS_FROM = 20_000  # sentences that the principal components are taken from


def teacher_affect(teacher, args, rows):
    felt = fit.remembered(args.work, "felt", args.teacher, rows, lambda: fit.outputs(teacher, rows)["affect"])
    return felt.squeeze(1).tolist()


def judge_tasks(tasks, felt):
    """Task turns have no labels of their own: those which the teacher thinks felt lose the assumed ones."""
    for row, affect in zip(tasks, felt):
        row.weight = TASK_WEIGHT
        if affect > TASK_CEILING:
            row.targets = {}


def widened(sources, felt, tokenizer, rng):
    """All rows of an epoch: the sources, the graded turns several times over, long messages, typing noise."""
    turns, hard, tasks, emotions = (sources[source] for source in ("turns", "hard", "task_turns", "emotions"))
    calm = [r for r, affect in zip(tasks, felt) if affect <= CALM_CEILING]
    calm += [r for r in turns if r.targets["affect"] == 0] * CALM_TIMES
    long = augment.compose([r for r in turns + hard if len(r.ids) < TURN_TOKENS], calm, rng, COPIES)
    typed = turns * 2 + hard * 2
    typed += [tasks[i] for i in rng.permutation(len(tasks))[:NOISY]]
    typed += [emotions[i] for i in rng.permutation(len(emotions))[:NOISY]]
    noise = [data.Row("noisy", augment.noisy(r.text, rng), dict(r.targets), r.weight) for r in typed]
    data.encode(long, tokenizer)
    data.encode(noise, tokenizer, SHORT)
    return [r for rows in sources.values() for r in rows] + turns * 2 + hard * 4 + long + noise


def components(sentences):
    """The first principal components of the sentences' embeddings, of length one again."""
    centred = sentences - sentences.mean(0)
    picked = np.random.default_rng(SEED).permutation(len(sentences))[:COMPONENTS_FROM]
    _, _, axes = torch.linalg.svd(centred[picked], full_matrices=False)
    return F.normalize(centred @ axes[: m.EMBED].T, dim=1)


def lessons(teacher, names, rows):
    """What there is to learn of each row: the teacher's outputs and the sentence embedding, in half precision."""
    plain = m.pretrained(names)
    sentences = fit.outputs(plain, rows, lambda ids, mask: {"sentence": plain.sentence(ids, mask)})["sentence"]
    taught = {**fit.outputs(teacher, rows), "embedding": components(sentences)}
    return {name: values.half() for name, values in taught.items()}


def turned(embeddings, towards):
    """Principal components come out with any sign, and near-equal ones mixed. This turns them towards what a student
    says of the first rows already (orthogonal Procrustes); the angles between sentences stay as they are."""
    left, _, right = torch.linalg.svd(embeddings[: len(towards)].float().T @ towards)
    return (embeddings.float() @ (left @ right)).half()


def distil_loss(out, taught, embedding=1.0):
    total = embedding * (1 - (out["embedding"] * taught["embedding"]).sum(1)).mean()
    for head, weight in DISTIL.items():
        ours, theirs = out[head], taught[head]
        if head in CLASSES:
            loss = F.kl_div(F.log_softmax(ours, 1), F.softmax(theirs, 1), reduction="batchmean")
        elif head == "goemotions":
            loss = F.binary_cross_entropy_with_logits(ours, theirs.sigmoid())
        else:
            loss = F.mse_loss(ours, theirs)
        total = total + weight * loss
    return total


def begin(args, teacher, tokenizer, texts):
    """The student before its first step, and its tokenizer, which is also left in WORK."""
    if args.start:
        small, text = m.load(args.start), args.tokenizer.read_text(encoding="utf-8")
        own = Tokenizer.from_str(text)
        ours, theirs = small.words.num_embeddings, own.get_vocab_size()
        if ours != theirs:
            raise SystemExit(f"{args.start} has {ours} tokens, {args.tokenizer} {theirs}")
        if small.embed is None:
            raise SystemExit(f"{args.start} is no student: it has no sentence embedding")
    else:
        own, old_ids = tokens.shrink(tokenizer, texts, tokens.VOCABULARY)
        small, text = m.student(teacher, LAYERS, old_ids), own.to_str(pretty=True)
    part = args.work / ".tokenizer.json.part"
    part.write_text(text, encoding="utf-8")
    os.replace(part, args.work / "tokenizer.json")
    return small, own


def arguments():
    p = fit.parser(__doc__)
    p.add_argument("--teacher", type=Path, required=True, help="its weights, .pt or .safetensors")
    p.add_argument("--epochs", type=int, default=2)
    p.add_argument("--rate", type=float, default=RATE)
    p.add_argument("--average", type=float, metavar="DECAY", help="keep the moving average of the weights, e.g. 0.999")
    p.add_argument("--start", type=Path, help="weights of a student to train on; needs --tokenizer")
    p.add_argument("--tokenizer", type=Path, help="the tokenizer.json of --start")
    args = p.parse_args()
    if (args.start is None) != (args.tokenizer is None):
        p.error("--start and --tokenizer go together")
    return args


def main():
    args = arguments()
    args.work.mkdir(parents=True, exist_ok=True)
    log = fit.logger()
    if (args.work / "student.pt").exists():
        log(found=str(args.work / "student.pt"))
        return
    torch.set_num_threads(args.threads)
    torch.manual_seed(SEED)

    tokenizer, names = tokens.build()
    sources = {source: data.load(args.data, source)[0] for source in data.SOURCES}
    for source, rows in sources.items():
        data.encode(rows, tokenizer, tokens.MAX_TOKENS if source == "hard" else SHORT)
    teacher = m.load(args.teacher)
    felt = teacher_affect(teacher, args, sources["task_turns"])
    judge_tasks(sources["task_turns"], felt)
    rows = widened(sources, felt, tokenizer, np.random.default_rng(SEED))
    by_text = {}
    for r in rows:
        by_text.setdefault(r.text, r)
    unique = list(by_text.values())
    place = {text: i for i, text in enumerate(by_text)}
    log(rows=len(rows), texts=len(unique))
    taught = fit.remembered(args.work, "lessons", args.teacher, unique, lambda: lessons(teacher, names, unique))
    log(taught=list(taught))

    student, own = begin(args, teacher, tokenizer, [r.text for r in rows])
    data.encode(rows, own)
    log(tokens_per_row=round(float(np.mean([len(r.ids) for r in rows])), 2))
    if args.start:
        said = fit.outputs(student, unique[:4096])["embedding"]
        taught["embedding"] = turned(taught["embedding"], said)
    balance = fit.balances(sources)

    def step_loss(out, batch):
        at = [place[r.text] for r in batch]
        part = {name: values[at].float() for name, values in taught.items()}
        return LABELS * fit.loss_of(out, batch, balance) + distil_loss(out, part)

    rng = np.random.default_rng(SEED)
    plan = [batch for _ in range(args.epochs) for batch in data.batches(rows, fit.SIZE, rng)]
    fit.run("student", student, plan, step_loss, args.rate, args.work, log, SEED, HEAD_TIMES, args.average)
    log(done="student")


if __name__ == "__main__":
    main()
