"""More rows out of the graded ones: long messages with one felt sentence in them, and texts as people type them."""

import random
import re

import data

KEPT = ("affect", "emotion", "target", "danger")  # what matter-of-fact company does not change; it does dilute valence
COMPOSED_WEIGHT = 0.7


def compose(turns, calm, rng, copies=1):
    """A graded turn among one to five matter-of-fact sentences keeps its affect: length must not dilute feeling."""
    rows = []
    for turn in turns * copies:
        parts = [calm[i].text for i in rng.integers(0, len(calm), rng.integers(1, 6))]
        parts.insert(rng.integers(0, len(parts) + 1), turn.text)
        text = " ".join(closed(part.strip(), rng) for part in parts)
        targets = {head: value for head, value in turn.targets.items() if head in KEPT}
        rows.append(data.Row("long", text, targets, COMPOSED_WEIGHT))
    return rows


def closed(part, rng):
    """The sentence with an end to it: two in three a full stop, otherwise a comma."""
    if not part or part.endswith((".", "!", "?")):
        return part
    # Through Python's generator, as when the recorded student's vocabulary was counted: the same texts come out again.
    return part + random.Random(int(rng.integers(1 << 30))).choice([".", ".", ","])


def noisy(text, rng):
    """Typing as people type: dropped, doubled, swapped letters, stretched vowels, no punctuation."""
    letters = list(text)
    for _ in range(max(1, len(letters) // 25)):
        i = int(rng.integers(0, max(1, len(letters) - 1)))
        kind = rng.integers(0, 4)
        if i >= len(letters) or not letters[i].isalpha():
            continue
        if kind == 0:
            letters[i] = ""
        elif kind == 1:
            letters[i] *= 2
        elif kind == 2 and letters[i + 1 : i + 2] and letters[i + 1].isalpha():
            letters[i], letters[i + 1] = letters[i + 1], letters[i]
        elif letters[i].lower() in "aeiou":
            letters[i] *= int(rng.integers(2, 5))
    typed = "".join(letters)
    return re.sub(r"[.,!?']", "", typed) if rng.random() < 0.3 else typed
