"""The exported file, run the way the Rust side runs it: ONNX Runtime, ids and mask in, named heads out, and a long turn
one sentence at a time."""

import re

import numpy as np
import onnxruntime as ort

import data
import tokens
from model import EMBED, HEADS

OUTPUTS = [*((name, width) for name, width, _ in HEADS), ("embedding", EMBED)]
LONG = 40  # words; a turn of more is read sentence by sentence (src/sentiment/sentences.rs)


def sentences(text):
    if len(text.split()) <= LONG:
        return [text]
    return [s for s in re.split(r"(?<=[.!?…])\s|\n", text) if s.strip()]


class Runtime:
    def __init__(self, path, tokenizer, threads=2):
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.tokenizer = tokenizer

    def ids(self, texts):
        return [tokens.cut(e.ids) for e in self.tokenizer.encode_batch([tokens.mark(t) for t in texts])]

    def run(self, batch):
        """{head: [rows, width]} of rows of ids, padded to the longest."""
        ids, mask = data.pad(batch)
        names = [name for name, _ in OUTPUTS]
        return dict(zip(names, self.session.run(names, {"input_ids": ids, "attention_mask": mask})))

    def whole(self, texts):
        """All heads for all texts, in order. One text a run, as in production: dynamic quantisation takes its scale from
        the whole batch, so a batch of many is not quite the same model."""
        rows = self.ids(texts)
        out = {name: np.zeros((len(rows), width), dtype=np.float32) for name, width in OUTPUTS}
        for i, row in enumerate(rows):
            for name, values in self.run([row]).items():
                out[name][i] = values[0]
        return out

    def predict(self, texts):
        """As `whole`, but a long turn is read by sentences: as strong as the one that expresses most, danger in any of
        them counts, and in all else they weigh as much as they express (src/sentiment/reading.rs)."""
        parts = [sentences(text) for text in texts]
        out = self.whole([sentence for part in parts for sentence in part])
        ends = np.cumsum([len(part) for part in parts])
        turns = [list(range(end - len(part), end)) for end, part in zip(ends, parts)]
        return {name: np.stack([over(name, values[turn], out["affect"][turn]) for turn in turns])
                for name, values in out.items()}


def over(name, values, affect):
    """What the numbers of a head come to over the sentences of a turn."""
    if name in ("affect", "danger"):
        return values.max(0)
    if name == "goemotions":
        return values[affect.argmax()]
    weights = affect + 1e-3
    return (weights * values).sum(0) / weights.sum()
