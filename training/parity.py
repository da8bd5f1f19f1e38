"""Records what the model says of some texts, in the training framework (f32) and as shipped (int8), for the Rust tests
that hold tokenizer and engines to it.

The texts were written for this file. None is from a dataset.
"""

import json

import numpy as np
import torch

import data

# How far the exported f32 graph may lie from the training framework, in any number.
F32 = 1e-4

LONG = ("I set the router up in the hall as the leaflet said, plugged the white cable into the left socket, waited for "
        "the light to go from amber to green, and then opened the app on my phone to name the network. It asked for the "
        "serial number, which I typed twice, and then for the code on the sticker. ")

TEXTS = [
    "",
    " ",
    "ok",
    "What time do you close on Sunday?",
    "My parcel has not arrived. The number is 4471-B.",
    "the app logs me out each time i open it, bit annoying",
    "I am so fed up with this, third time this week!!",
    "This is an outrage. You have ruined our wedding day and nobody there even cares",
    "I'm really worried, the money has left my account and the rent is due tomorrow",
    "We lost our dog last night and I can't stop crying",
    "I don't understand, which of the two forms do you mean?",
    "Thank you so much, you saved my holiday!",
    "yesss it finally works, best day ever 🎉🎉",
    "great😡 just great",
    "❤️ 👍🏽 👨‍👩‍👧",
    "WHERE IS MY REFUND",
    "OK",
    "this is the THIRD time I ask, STILL NOTHING, NOT A WORD. Order KX7TRD, my ID is 4471-B",
    "PLEASE SEND IT TO 14 HIGH STREET, thanks",
    "the US/UK adapter, model_XL and A/B: WHY NOT?! Über ALLES",
    "ÇA FAIT TROIS SEMAINES QUE J'ATTENDS",
    "10 m² FOR ½ THE PRICE",
    "how do I type ⇧⌘4 when ⇪ is on",
    "I can't breathe properly and my chest hurts",
    "that is NOT what I asked, you useless bot 🤬",
    "Ça fait trois semaines que j'attends, c'est inadmissible.",
    "Das Gerät ist kaputt, ich bin sehr enttäuscht.",
    "もう三日も待っています。まだですか?",
    "Naïve façade, Ångström, smörgåsbord: can you spell these on the label?",
    "<p>Hello,</p> <b>please</b> cancel order #10023 &amp; confirm</p>\n\n- thanks\n\t* J.",
    "see https://example.org/a/b?c=d and mail me at someone@example.org :-(",
    LONG * 3 + "After all that it still says offline and I have had enough of it.",
    "I am furious, so read this to the end. " + LONG * 4,
]


def record(model, runtime):
    """`model`: the weights in the training framework; `runtime`: the int8 file."""
    cases = []
    for text, ids in zip(TEXTS, runtime.ids(TEXTS)):
        cases.append({"text": text, "ids": ids, "f32": rounded(framework(model, ids)), "int8": rounded(runtime.run([ids]))})
    return {"cases": cases}


def rounded(outputs):
    return {head: [round(float(value), 6) for value in values[0]] for head, values in outputs.items()}


@torch.no_grad()
def framework(model, ids):
    row, mask = map(torch.from_numpy, data.pad([ids]))
    return {head: value.numpy() for head, value in model.eval()(row, mask).items()}


def largest_difference(model, runtime):
    """Between the training framework and an exported f32 graph, over all texts, heads and numbers."""
    worst = 0.0
    for ids in runtime.ids(TEXTS):
        ours, theirs = framework(model, ids), runtime.run([ids])
        worst = max(worst, *(float(np.abs(ours[head] - theirs[head]).max()) for head in theirs))
    return worst


def write(path, model, runtime):
    path.write_text(json.dumps(record(model, runtime), ensure_ascii=False, indent=None, separators=(",", ":")) + "\n", encoding="utf-8")
