"""Writes the ONNX graph by hand: a traced Hugging Face module runs at half the speed (mask expansion, shape juggling).

    input_ids, attention_mask: int64 [batch, seq], seq <= 128
    polarity, valence, affect, emotion, goemotions, target, danger, embedding: f32 [batch, width]

int8 is onnxruntime's dynamic quantisation of the encoder's MatMuls and of the word embeddings; pooling, heads and
embedding, a thousandth of the work, stay f32.
"""

import logging
import os
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from model import EMBED, EPS, HEADS, HEADS_PER_LAYER, HIDDEN, MASKED

OPSET = 20
FULL_PRECISION = ["pool.matmul", "pooled.matmul", "mean.matmul", "embed.matmul", "heads.matmul"]


class Graph:
    def __init__(self, state):
        self.state = state
        self.nodes, self.consts = [], {}

    def const(self, name, value):
        self.consts.setdefault(name, numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def ints(self, *values):
        return self.const("ints_" + "_".join(map(str, values)), np.array(values, dtype=np.int64))

    def scalar(self, value):
        return self.const(f"f32_{value}", np.array(value, dtype=np.float32))

    def op(self, kind, *inputs, name=None, outputs=1, **attributes):
        name = name or f"{kind}_{len(self.nodes)}"
        outs = [name] if outputs == 1 else [f"{name}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), outs, name=name, **attributes))
        return outs[0] if outputs == 1 else outs

    def matmul(self, x, weight, value):
        return self.op("MatMul", x, self.const(f"{weight}.weight", value), name=f"{weight}.matmul")

    def linear(self, x, weight, scale=None):
        w, b = self.state[f"{weight}.weight"], self.state[f"{weight}.bias"]
        if scale is not None:
            w, b = w * scale[:, None], b * scale
        return self.op("Add", self.matmul(x, weight, w.T), self.const(f"{weight}.bias", b))

    def norm(self, x, name):
        scale, bias = (self.const(f"{name}.{k}", self.state[f"{name}.{k}"]) for k in ("weight", "bias"))
        return self.op("LayerNormalization", x, scale, bias, axis=-1, epsilon=EPS)

    def weighted(self, weights, x, name):
        """[batch, 1, seq] times [batch, seq, hidden], without the middle axis."""
        return self.op("Squeeze", self.op("MatMul", weights, x, name=name), self.ints(1))


def layer(g, x, mask, name):
    size = HIDDEN // HEADS_PER_LAYER
    scale = np.ones(3 * HIDDEN, dtype=np.float32)
    scale[:HIDDEN] = size**-0.5  # 1/sqrt(d) folded into the queries
    parts = g.op("Split", g.linear(x, f"{name}.qkv", scale), axis=2, num_outputs=3, outputs=3)
    q, k, v = (g.op("Transpose", g.op("Reshape", p, g.ints(0, 0, HEADS_PER_LAYER, size)), perm=perm)
               for p, perm in zip(parts, [(0, 2, 1, 3), (0, 2, 3, 1), (0, 2, 1, 3)]))
    a = g.op("Softmax", g.op("Add", g.op("MatMul", q, k), mask), axis=-1)
    a = g.op("Transpose", g.op("MatMul", a, v), perm=(0, 2, 1, 3))
    a = g.linear(g.op("Reshape", a, g.ints(0, 0, HIDDEN)), f"{name}.out")
    x = g.norm(g.op("Add", a, x), f"{name}.norm1")
    inner = g.op("Gelu", g.linear(x, f"{name}.up"))
    return g.norm(g.op("Add", g.linear(inner, f"{name}.down"), x), f"{name}.norm2")


def encoder(g, bias):
    seq = g.op("Slice", g.op("Shape", "input_ids"), g.ints(1), g.ints(2))
    words = g.op("Gather", g.const("words", g.state["words.weight"]), "input_ids", name="words.gather")
    places = g.op("Slice", g.const("positions", g.state["positions"]), g.ints(0), seq, g.ints(0))
    x = g.norm(g.op("Add", words, places), "norm")
    mask = g.op("Unsqueeze", bias, g.ints(1, 2))
    for n in range(1 + max(int(k.split(".")[1]) for k in g.state if k.startswith("layers."))):
        x = layer(g, x, mask, f"layers.{n}")
    return x


def pooled(g, x, bias):
    """Attention with one learned query; 1/sqrt(d) is folded into it."""
    score = g.matmul(x, "pool", (g.state["pool"] * HIDDEN**-0.5)[:, None])  # [batch, seq, 1]
    score = g.op("Transpose", g.op("Add", score, g.op("Unsqueeze", bias, g.ints(2))), perm=(0, 2, 1))
    return g.weighted(g.op("Softmax", score, axis=-1), x, "pooled.matmul")


def embedding(g, x, mask):
    """From the plain mean, of length 1."""
    share = g.op("Unsqueeze", g.op("Div", mask, g.op("ReduceSum", mask, g.ints(1), keepdims=1)), g.ints(1))
    vector = g.matmul(g.weighted(share, x, "mean.matmul"), "embed", g.state["embed.weight"].T)
    length = g.op("Max", g.op("ReduceL2", vector, g.ints(1), keepdims=1), g.scalar(1e-12))
    g.op("Div", vector, length, name="embedding")


def build(state):
    """`state`: the student's weights as numpy arrays, named as in model.py."""
    g = Graph(state)
    mask = g.op("Cast", "attention_mask", to=TensorProto.FLOAT)
    bias = g.op("Mul", g.op("Sub", g.scalar(1.0), mask), g.scalar(MASKED))
    x = encoder(g, bias)
    widths = g.ints(*(width for _, width, _ in HEADS))
    outs = g.op("Split", g.linear(pooled(g, x, bias), "heads"), widths, axis=1, outputs=len(HEADS))
    for (name, _, bound), out in zip(HEADS, outs):
        g.op(bound or "Identity", out, name=name)
    embedding(g, x, mask)
    outputs = [*((name, width) for name, width, _ in HEADS), ("embedding", EMBED)]
    graph = helper.make_graph(
        g.nodes, "undertone",
        [helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", "seq"]) for n in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", width]) for n, width in outputs],
        list(g.consts.values()))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10,
                              producer_name="undertone")
    onnx.checker.check_model(model, full_check=True)
    return model


def write(state, folder):
    """Writes model.fp32.onnx and model.onnx (int8) into `folder`, each in one rename."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    fp32, int8 = folder / "model.fp32.onnx", folder / "model.onnx"
    onnx.save(build(state), f"{fp32}.part")
    os.replace(f"{fp32}.part", fp32)
    logging.getLogger().setLevel(logging.ERROR)  # onnxruntime advises a preprocessing that the graph does not need
    quantize_dynamic(fp32, f"{int8}.part", op_types_to_quantize=["MatMul", "Gather"], weight_type=QuantType.QInt8,
                     per_channel=True, reduce_range=True, nodes_to_exclude=FULL_PRECISION)
    os.replace(f"{int8}.part", int8)
    return fp32, int8
