"""The encoder (a plain BERT, written out so that the exporter can name every weight) and its heads.

One linear layer on the mean-pooled embedding gives all the heads at once; HEADS cuts its output.
"""

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

import tokens

LAYERS, HIDDEN, HEADS_PER_LAYER, INNER, EPS = 6, 384, 12, 1536, 1e-12

POLARITY = ["negative", "neutral", "positive"]
EMOTION = ["anger", "frustration", "disappointment", "sadness", "worry", "confusion", "gratitude", "joy", "surprise", "none"]
GOEMOTIONS = ["admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity", "desire",
              "disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear", "gratitude", "grief",
              "joy", "love", "nervousness", "optimism", "pride", "realization", "relief", "remorse", "sadness",
              "surprise", "neutral"]
INTENSITY = ["anger", "fear", "joy", "sadness"]

# Name, width and what bounds the output (None: logits).
HEADS = [("polarity", 3, None), ("valence", 1, "Tanh"), ("affect", 1, "Sigmoid"), ("emotion", 10, None),
         ("goemotions", 28, None), ("intensity", 4, "Sigmoid")]
WIDTH = sum(width for _, width, _ in HEADS)


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(HIDDEN, 3 * HIDDEN)
        self.out = nn.Linear(HIDDEN, HIDDEN)
        self.norm1 = nn.LayerNorm(HIDDEN, EPS)
        self.up = nn.Linear(HIDDEN, INNER)
        self.down = nn.Linear(INNER, HIDDEN)
        self.norm2 = nn.LayerNorm(HIDDEN, EPS)

    def forward(self, x, mask, dropout):
        b, s, _ = x.shape
        q, k, v = self.qkv(x).view(b, s, 3, HEADS_PER_LAYER, -1).permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        a = self.out(a.transpose(1, 2).reshape(b, s, HIDDEN))
        x = self.norm1(x + F.dropout(a, dropout))
        return self.norm2(x + F.dropout(self.down(F.gelu(self.up(x))), dropout))


class Model(nn.Module):
    """`positions` has the token-type embedding folded in: a turn is always one segment."""

    def __init__(self, dropout=0.1):
        super().__init__()
        self.words = nn.Embedding(30522, HIDDEN)
        self.positions = nn.Parameter(torch.zeros(tokens.MAX_TOKENS, HIDDEN))
        self.norm = nn.LayerNorm(HIDDEN, EPS)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.heads = nn.Linear(HIDDEN, WIDTH)
        self.dropout = dropout

    def forward(self, ids, mask):
        p = self.dropout if self.training else 0.0
        x = F.dropout(self.norm(self.words(ids) + self.positions[: ids.shape[1]]), p)
        allowed = mask.bool()[:, None, None, :]
        for layer in self.layers:
            x = layer(x, allowed, p)
        weights = mask.to(x.dtype)[:, :, None]
        pooled = (x * weights).sum(1) / weights.sum(1)
        out = self.heads(F.dropout(pooled, p)).float().split([w for _, w, _ in HEADS], dim=1)
        return {name: getattr(torch, bound.lower())(o) if bound else o for (name, _, bound), o in zip(HEADS, out)}


def pretrained(emoji_names):
    """The encoder as it comes from the package; heads fresh; emoji rows are the mean of their names' words."""
    src = load_file(tokens.PACKAGE / "model.safetensors")
    model = Model()
    emb, enc = "embeddings.", "encoder.layer."
    with torch.no_grad():
        words = src[emb + "word_embeddings.weight"].clone()
        for i, name in emoji_names.items():
            words[i] = words[name].mean(0)
        model.words.weight.copy_(words)
        model.positions.copy_(src[emb + "position_embeddings.weight"][: tokens.MAX_TOKENS]
                              + src[emb + "token_type_embeddings.weight"][0])
        model.norm.weight.copy_(src[emb + "LayerNorm.weight"])
        model.norm.bias.copy_(src[emb + "LayerNorm.bias"])
        names = [("out", "attention.output.dense"), ("norm1", "attention.output.LayerNorm"),
                 ("up", "intermediate.dense"), ("down", "output.dense"), ("norm2", "output.LayerNorm")]
        for n, layer in enumerate(model.layers):
            for kind in ("weight", "bias"):
                parts = [src[f"{enc}{n}.attention.self.{p}.{kind}"] for p in ("query", "key", "value")]
                getattr(layer.qkv, kind).copy_(torch.cat(parts))
                for ours, theirs in names:
                    getattr(getattr(layer, ours), kind).copy_(src[f"{enc}{n}.{theirs}.{kind}"])
        nn.init.normal_(model.heads.weight, std=0.05)
        nn.init.zeros_(model.heads.bias)
    return model
