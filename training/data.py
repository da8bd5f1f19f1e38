"""Reading the TSV files, turning rows into targets, and cutting batches of similar length.

Every row carries targets for some heads only. Of each training file a part is held out (whole ladders for the graded
turns) to fit the calibration; the dev files are read by evaluate.py alone.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from model import EMOTION, GOEMOTIONS, INTENSITY, POLARITY

# GoEmotions labels that say one thing of the conversational set. The rest (admiration, amusement, approval, caring,
# curiosity, desire, disapproval, disgust, embarrassment, love, optimism, pride, realization, relief, remorse) could
# go two ways and teach the `goemotions` head only. A row with labels of two classes teaches no class.
EMOTION_OF = {
    "anger": "anger", "annoyance": "frustration", "disappointment": "disappointment",
    "sadness": "sadness", "grief": "sadness", "fear": "worry", "nervousness": "worry",
    "confusion": "confusion", "gratitude": "gratitude", "joy": "joy", "excitement": "joy",
    "surprise": "surprise", "neutral": "none",
}
SIGN = {"neg": -1.0, "neu": 0.0, "pos": 1.0}
POLARITY_OF = {"neg": "negative", "neu": "neutral", "pos": "positive"}
HELD_OUT = {"turns": 0.12, "emotions": 0.06}  # share of a training file; 0.04 elsewhere


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


def conversational(labels):
    mapped = {EMOTION_OF.get(label) for label in labels}
    return EMOTION.index(mapped.pop()) if len(mapped) == 1 and None not in mapped else None


def to_row(source, r):
    t = {}
    if source == "polarity":
        t["polarity"] = POLARITY.index(r["label"])
    elif source == "valence":
        t["valence"] = float(r["valence"])
    elif source == "intensity":
        t["intensity"] = (INTENSITY.index(r["emotion"]), float(r["intensity"]))
    elif source == "emotions":
        labels = r["labels"].split(",")
        t["goemotions"] = [GOEMOTIONS.index(label) for label in labels]
        emotion = conversational(labels)
        if emotion is not None:
            t["emotion"] = emotion
    elif source == "turns":
        affect = int(r["affect"]) / 3
        t["affect"], t["emotion"] = affect, EMOTION.index(r["emotion"])
        t["valence"], t["polarity"] = SIGN[r["valence"]] * affect, POLARITY.index(POLARITY_OF[r["valence"]])
    elif source == "task_turns":  # no labels: matter-of-fact until a model says otherwise (train.py)
        t["affect"], t["emotion"] = 0.0, EMOTION.index("none")
    return Row(source, r["text"], t)


def load(folder, source):
    """Returns (train rows, held-out rows). The choice hangs on the text (or the ladder), not on the order."""
    train, held = [], []
    for r in read(Path(folder) / f"{source}_train.tsv"):
        ladder = r.get("ladder", "-")
        key = r["text"] if ladder == "-" else ladder
        share = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") / 2**32
        (held if share < HELD_OUT.get(source, 0.04) else train).append(to_row(source, r))
    return train, held


def encode(rows, tokenizer, cut):
    for row, e in zip(rows, tokenizer.encode_batch([r.text for r in rows])):
        row.ids = cut(e.ids)


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
