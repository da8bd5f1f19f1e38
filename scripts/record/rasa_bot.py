"""Rasa's REST channel without a model behind it: `python rasa_bot.py PORT`. The channel and the events are Rasa's own, and they are
put together as rasa/core/run.py and rasa/core/processor.py do it; what is answered depends on words in the user's turn."""

import asyncio
import sys

from rasa.core.channels.channel import UserMessage, register
from rasa.core.channels.rest import RestInput
from rasa.shared.core.events import BotUttered
from sanic import Sanic
from sanic_cors import CORS

LEFT = "Order 1042 left the warehouse on Tuesday and is due on Friday between 9:00 and 12:00."
GUSHING = (
    "What a fantastic question, and I'm so incredibly excited to help you with it! "
    "The address can be changed until the parcel leaves, under My orders."
)
BUTTONS = [
    {"title": "By courier", "payload": '/return{"how": "courier"}'},
    {"title": "In a shop", "payload": '/return{"how": "shop"}'},
]
COURIER = {"type": "map", "order": 1042, "position": {"latitude": 52.5, "longitude": 13.25}}
# The channel makes two messages of a text with an empty line in it.
COUNTER = "The café closed at 17:30 – the counter in 3/5 Market Street is open until 20:00 ☕.\n\nNo booking is needed."
# The responses that one turn leads to, and seconds that pass between them.
ANSWERS = [
    ("change the address", [{"text": GUSHING}]),
    ("both parcels", [{"text": "One is at the depot."}, {"text": "The other left the warehouse on Tuesday."}]),
    ("return", [{"text": "Your return is free. How shall it come back to us?", "buttons": BUTTONS}]),
    ("medication", [{"image": "https://shop.example/parcels/1042.png"}, {"text": LEFT}]),
    ("map", [{"custom": COURIER}]),
    ("listening", []),
    ("café", [{"text": COUNTER}]),
    ("second time", [{"text": "Let me look that up."}, 0.5, {"text": LEFT}]),
]
OTHERWISE = [{"text": LEFT}]


class Agent:
    """In place of Rasa's, which has a model."""

    async def handle_message(self, message: UserMessage) -> None:
        for response in next((answer for words, answer in ANSWERS if words in message.text), OTHERWISE):
            if isinstance(response, float):
                await asyncio.sleep(response)
            else:
                uttered = BotUttered(response.get("text"), response)
                await message.output_channel.send_response(message.sender_id, uttered.message())


app = Sanic("rasa_core_no_api", configure_logging=False)
# As configure_cors in rasa/server.py, which cannot be imported without everything that Rasa depends on.
app.config.CORS_AUTOMATIC_OPTIONS = True
app.config.CORS_SUPPORTS_CREDENTIALS = True
app.config.CORS_EXPOSE_HEADERS = "filename"
CORS(app, resources={r"/*": {"origins": ""}}, automatic_options=True)
app.ctx.agent = Agent()
register([RestInput()], app, route="/webhooks/")

if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(sys.argv[1]), workers=1)
