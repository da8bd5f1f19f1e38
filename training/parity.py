"""Records what the shipped model says of some texts, for the Rust tests that hold both engines to it.

The texts were written for this file. None is from a dataset.
"""

import json

import tokens
from runtime import Runtime

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
    "Ça fait trois semaines que j'attends, c'est inadmissible.",
    "Das Gerät ist kaputt, ich bin sehr enttäuscht.",
    "もう三日も待っています。まだですか?",
    "Naïve façade, Ångström, smörgåsbord: can you spell these on the label?",
    "<p>Hello,</p> <b>please</b> cancel order #10023 &amp; confirm</p>\n\n- thanks\n\t* J.",
    "see https://example.org/a/b?c=d and mail me at someone@example.org :-(",
    LONG * 3 + "After all that it still says offline and I have had enough of it.",
    "I am furious, so read this to the end. " + LONG * 4,
]


def record(model_path, tokenizer):
    runtime, cases = Runtime(model_path), []
    for text in TEXTS:
        ids = tokens.cut(tokenizer.encode(text).ids)
        out = {head: [round(float(v), 6) for v in values[0]] for head, values in runtime.run([ids]).items()}
        cases.append({"text": text, "ids": ids, "outputs": out})
    return {"max_tokens": tokens.MAX_TOKENS, "cases": cases}


def write(path, model_path, tokenizer):
    path.write_text(json.dumps(record(model_path, tokenizer), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
