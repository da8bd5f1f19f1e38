"""A BERT encoder, a pooled vector, and one linear map that holds all heads.

Written out plainly: the fused attention kernel's backward is five times slower on a CPU, and export.py writes the same
graph by hand from these weights. The pooling is attention with one learned query that starts from zero, so it starts
as the mean; a felt sentence in a long report is then not diluted by the rest.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

import tokens

HIDDEN, HEADS_PER_LAYER, INNER, EPS = 384, 12, 1536, 1e-12
LAYERS = 6  # of the pretrained encoder and the teacher
VOCABULARY = 30_522  # of the same
DROPOUT = 0.1
MASKED = -1e4

POLARITY = ["negative", "neutral", "positive"]
EMOTION = ["anger", "frustration", "disappointment", "sadness", "worry", "confusion", "gratitude", "joy", "surprise",
           "none"]
GOEMOTIONS = ["admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity", "desire",
              "disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear", "gratitude", "grief",
              "joy", "love", "nervousness", "optimism", "pride", "realization", "relief", "remorse", "sadness",
              "surprise", "neutral"]
TARGET = ["none", "situation", "bot"]

# name, width, what bounds the outputs (None: logits)
HEADS = [("polarity", 3, None), ("valence", 1, "Tanh"), ("affect", 1, "Sigmoid"), ("emotion", 10, None),
         ("goemotions", 28, None), ("target", 3, None), ("danger", 1, None)]
WIDTH = sum(width for _, width, _ in HEADS)
BOUNDS = {"Tanh": torch.tanh, "Sigmoid": torch.sigmoid}
EMBED = 96  # numbers of a sentence embedding

# The weights of the recorded run have two more heads, whose rows were licensed for research only.
RECORDED_HEADS = [("polarity", 3), ("valence", 1), ("affect", 1), ("emotion", 10), ("goemotions", 28),
                    ("intensity", 4), ("target", 3), ("irony", 1), ("danger", 1)]


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(HIDDEN, 3 * HIDDEN)
        self.out = nn.Linear(HIDDEN, HIDDEN)
        self.norm1 = nn.LayerNorm(HIDDEN, EPS)
        self.up = nn.Linear(HIDDEN, INNER)
        self.down = nn.Linear(INNER, HIDDEN)
        self.norm2 = nn.LayerNorm(HIDDEN, EPS)

    def forward(self, x, bias, dropout):
        batch, seq, _ = x.shape
        q, k, v = self.qkv(x).view(batch, seq, 3, HEADS_PER_LAYER, -1).permute(2, 0, 3, 1, 4)
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2) + bias
        attended = scores.softmax(-1).to(v.dtype) @ v
        attended = self.out(attended.transpose(1, 2).reshape(batch, seq, HIDDEN))
        x = self.norm1(x + F.dropout(attended, dropout))
        return self.norm2(x + F.dropout(self.down(F.gelu(self.up(x))), dropout))


class Model(nn.Module):
    """`forward` returns {head: f32 [batch, width]}, with the bounds applied, and `embedding` where there is one."""

    def __init__(self, layers=LAYERS, vocabulary=VOCABULARY, embed=False):
        super().__init__()
        self.words = nn.Embedding(vocabulary, HIDDEN)
        self.positions = nn.Parameter(torch.zeros(tokens.MAX_TOKENS, HIDDEN))
        self.norm = nn.LayerNorm(HIDDEN, EPS)
        self.layers = nn.ModuleList(Layer() for _ in range(layers))
        self.pool = nn.Parameter(torch.zeros(HIDDEN))
        self.heads = nn.Linear(HIDDEN, WIDTH)
        self.embed = nn.Linear(HIDDEN, EMBED, bias=False) if embed else None

    @property
    def dropout(self):
        return DROPOUT if self.training else 0.0

    def encode(self, ids, bias):
        x = self.norm(self.words(ids) + self.positions[: ids.shape[1]])
        x = F.dropout(x, self.dropout)
        for layer in self.layers:
            x = layer(x, bias[:, None, None, :], self.dropout)
        return x.float()

    def forward(self, ids, mask):
        bias = (1.0 - mask.float()) * MASKED
        x = self.encode(ids, bias)
        share = ((x @ self.pool) * HIDDEN**-0.5 + bias).softmax(1)
        pooled = (x * share[:, :, None]).sum(1)
        values = self.heads(F.dropout(pooled, self.dropout)).float()
        out = {}
        for (name, _, bound), value in zip(HEADS, values.split([width for _, width, _ in HEADS], dim=1)):
            out[name] = BOUNDS[bound](value) if bound else value
        if self.embed is not None:
            out["embedding"] = F.normalize(self.embed(mean(x, mask)).float(), dim=1)
        return out

    def sentence(self, ids, mask):
        """The plain mean of the encoder's outputs, of length one: what the pretrained encoder was made for."""
        bias = (1.0 - mask.float()) * MASKED
        return F.normalize(mean(self.encode(ids, bias), mask), dim=1)


def mean(x, mask):
    counted = mask.float()[:, :, None]
    return (x * counted).sum(1) / counted.sum(1)


@torch.no_grad()
def pretrained(names):
    """all-MiniLM-L6-v2 with new heads. `names`: of the tokens it does not know, the ids of the words they mean."""
    source = load_file(tokens.PACKAGE / "model.safetensors")
    model = Model()
    words = source["embeddings.word_embeddings.weight"].clone()
    for i, name in names.items():
        words[i] = words[name].mean(0)
    model.words.weight.copy_(words)
    # The token type is always 0, so its embedding is folded into the positions.
    positions = source["embeddings.position_embeddings.weight"][: tokens.MAX_TOKENS]
    model.positions.copy_(positions + source["embeddings.token_type_embeddings.weight"][0])
    model.norm.weight.copy_(source["embeddings.LayerNorm.weight"])
    model.norm.bias.copy_(source["embeddings.LayerNorm.bias"])
    parts = {"out": "attention.output.dense", "norm1": "attention.output.LayerNorm", "up": "intermediate.dense",
             "down": "output.dense", "norm2": "output.LayerNorm"}
    for n, layer in enumerate(model.layers):
        theirs = f"encoder.layer.{n}"
        for kind in ("weight", "bias"):
            qkv = [source[f"{theirs}.attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
            getattr(layer.qkv, kind).copy_(torch.cat(qkv))
            for part, name in parts.items():
                getattr(getattr(layer, part), kind).copy_(source[f"{theirs}.{name}.{kind}"])
    nn.init.normal_(model.heads.weight, std=0.05)
    nn.init.zeros_(model.heads.bias)
    return model


@torch.no_grad()
def student(teacher, picked_layers, old_ids):
    """A model that starts from some layers and some words of the teacher."""
    small = Model(len(picked_layers), len(old_ids), embed=True)
    small.words.weight.copy_(teacher.words.weight[old_ids])
    small.positions.copy_(teacher.positions)
    small.norm.load_state_dict(teacher.norm.state_dict())
    small.pool.copy_(teacher.pool)
    small.heads.load_state_dict(teacher.heads.state_dict())
    for layer, picked in zip(small.layers, picked_layers):
        layer.load_state_dict(teacher.layers[picked].state_dict())
    return small


def from_recorded(state):
    """The state dict in f32, of tensors or of numpy arrays, with the rows of the heads that are left."""
    names = [name for name, _, _ in HEADS]
    rows = [name for name, width in RECORDED_HEADS for _ in range(width)]
    found = state["heads.weight"].shape[0]
    if found not in (WIDTH, len(rows)):
        raise ValueError(f"{found} rows of heads; expected {WIDTH}, or {len(rows)} of the recorded run")
    keep = [i for i, name in enumerate(rows) if name in names] if found == len(rows) else list(range(WIDTH))
    result = {}
    for name, value in state.items():
        if name in ("heads.weight", "heads.bias"):
            value = value[keep]
        result[name] = value.astype(np.float32) if isinstance(value, np.ndarray) else value.float()
    return result


def load(path):
    """The model whose weights lie in a .pt or a .safetensors file, ours or the recorded run's."""
    state = load_file(path) if Path(path).suffix == ".safetensors" else torch.load(path)
    state = from_recorded(state)
    layers = {name.split(".")[1] for name in state if name.startswith("layers.")}
    model = Model(len(layers), state["words.weight"].shape[0], embed="embed.weight" in state)
    model.load_state_dict(state)
    return model
