"""The exported file, run the way the Rust side runs it: ONNX Runtime, ids and mask in, named heads out."""

import numpy as np
import onnxruntime as ort

import data
import tokens
from model import HEADS


class Runtime:
    def __init__(self, path, threads=2):
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(self, batch):
        ids, mask = data.pad(batch)
        names = [name for name, _, _ in HEADS]
        return dict(zip(names, self.session.run(names, {"input_ids": ids, "attention_mask": mask})))

    def predict(self, texts, tokenizer, size=1):
        """All heads for all texts, in order. One text a run by default, as in production: dynamic quantisation takes
        its scale from the whole batch, so a batch of many is not quite the same model."""
        ids = [tokens.cut(e.ids) for e in tokenizer.encode_batch(texts)]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        out = {name: np.zeros((len(ids), width), dtype=np.float32) for name, width, _ in HEADS}
        for n in range(0, len(order), size):
            some = order[n : n + size]
            for name, values in self.run([ids[i] for i in some]).items():
                out[name][some] = values
        return out
