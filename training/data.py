"""Reading the TSV files, turning rows into targets, and cutting batches of similar length.

Every row carries targets for some heads only. Of each training file a part is held out (whole ladders for the graded
turns) to fit the calibration; the dev files are read by evaluate.py alone. No row that is licensed for research only
is read, so polarity is taught by the sign of a valence, by GoEmotions' own groups and by the graded turns.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import tokens
from model import EMOTION, GOEMOTIONS, POLARITY, TARGET

SOURCES = ("valence", "emotions", "turns", "task_turns", "hard")
RESEARCH_ONLY = "vreg"  # the rows of the valence file that come from SemEval's tweets

# GoEmotions labels that say one thing of the conversational set. The rest (admiration, amusement, approval, caring,
# curiosity, desire, disapproval, disgust, embarrassment, love, optimism, pride, realization, relief, remorse) could
# go two ways and teach the `goemotions` head only. A row with labels of two classes teaches no class.
EMOTION_OF = {
    "anger": "anger", "annoyance": "frustration", "disappointment": "disappointment",
    "sadness": "sadness", "grief": "sadness", "fear": "worry", "nervousness": "worry",
    "confusion": "confusion", "gratitude": "gratitude", "joy": "joy", "excitement": "joy",
    "surprise": "surprise", "neutral": "none",
}
# GoEmotions' own grouping by sentiment (Demszky et al. 2020). The four that it calls ambiguous teach no polarity.
POLARITY_GROUPS = {
    "positive": ["admiration", "amusement", "approval", "caring", "desire", "excitement", "gratitude", "joy", "love",
                 "optimism", "pride", "relief"],
    "negative": ["anger", "annoyance", "disappointment", "disapproval", "disgust", "embarrassment", "fear", "grief",
                 "nervousness", "remorse", "sadness"],
    "neutral": ["neutral"],
}
GROUP_OF = {label: group for group, labels in POLARITY_GROUPS.items() for label in labels}
SIGN = {"neg": -1.0, "neu": 0.0, "pos": 1.0}
POLARITY_OF = {"neg": "negative", "neu": "neutral", "pos": "positive"}
NEUTRAL_BELOW = 0.15  # the |valence| under which a row of the valence file counts as neutral
HELD_OUT = {"turns": 0.12, "hard": 0.1, "emotions": 0.06}  # share of a training file; 0.04 elsewhere


@dataclass
class Row:
    source: str
    text: str
    targets: dict = field(default_factory=dict)  # head -> value
    weight: float = 1.0
    ids: list = field(default_factory=list)


def read(path):
    lines = Path(path).read_text(encoding="utf-8").rstrip("\n").split("\n")
    names = lines[0].split("\t")
    return [dict(zip(names, line.split("\t"))) for line in lines[1:]]


def common(labels, table):
    """What the table makes of all the labels, if that is one thing; otherwise None."""
    mapped = {table.get(label) for label in labels}
    return mapped.pop() if len(mapped) == 1 else None


def valence_targets(r):
    valence = float(r["valence"])
    polarity = "neutral" if abs(valence) < NEUTRAL_BELOW else "positive" if valence > 0 else "negative"
    return {"valence": valence, "polarity": POLARITY.index(polarity)}


def emotions_targets(r):
    labels = r["labels"].split(",")
    targets = {"goemotions": [GOEMOTIONS.index(label) for label in labels]}
    polarity, emotion = common(labels, GROUP_OF), common(labels, EMOTION_OF)
    if polarity is not None:
        targets["polarity"] = POLARITY.index(polarity)
    if emotion is not None:
        targets["emotion"] = EMOTION.index(emotion)
    return targets


def turn_targets(r):
    affect = int(r["affect"]) / 3
    targets = {"affect": affect, "emotion": EMOTION.index(r["emotion"]), "valence": SIGN[r["valence"]] * affect,
               "polarity": POLARITY.index(POLARITY_OF[r["valence"]]), "danger": float(r.get("danger", 0))}
    if r.get("target"):
        targets["target"] = TARGET.index(r["target"])
    return targets


def task_targets(_):
    """No labels: matter-of-fact until a model says otherwise (teach.py, distil.py)."""
    return {"affect": 0.0, "emotion": EMOTION.index("none"), "target": TARGET.index("none"), "danger": 0.0}


TARGETS = {"valence": valence_targets, "emotions": emotions_targets, "turns": turn_targets, "hard": turn_targets,
           "task_turns": task_targets}


def load(folder, source):
    """Returns (train rows, held-out rows). The choice hangs on the text (or the ladder), not on the order."""
    train, held = [], []
    for r in read(Path(folder) / f"{source}_train.tsv"):
        if source == "valence" and r["source"] == RESEARCH_ONLY:
            continue
        ladder = r.get("ladder", "-")
        key = r["text"] if ladder == "-" else ladder
        share = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") / 2**32
        row = Row(source, r["text"], TARGETS[source](r))
        (held if share < HELD_OUT.get(source, 0.04) else train).append(row)
    return train, held


def encode(rows, tokenizer, limit=tokens.MAX_TOKENS):
    for row, encoded in zip(rows, tokenizer.encode_batch([tokens.mark(r.text) for r in rows])):
        row.ids = tokens.cut(encoded.ids, limit)


def pad(batch):
    width = max(len(ids) for ids in batch)
    ids, mask = np.zeros((2, len(batch), width), dtype=np.int64)
    for i, row in enumerate(batch):
        ids[i, : len(row)], mask[i, : len(row)] = row, 1
    return ids, mask


def batches(rows, size, rng):
    """Shuffled, then sorted by length within pools of fifty batches: little padding, still well mixed."""
    order = rng.permutation(len(rows))
    out = []
    for start in range(0, len(rows), size * 50):
        pool = sorted(order[start : start + size * 50], key=lambda i: len(rows[i].ids))
        out += [[rows[i] for i in pool[n : n + size]] for n in range(0, len(pool), size)]
    return [out[i] for i in rng.permutation(len(out))]
