"""What the sandbox says: verse for those who ask for a haiku, else a short answer that says what it is."""

from __future__ import annotations

from typing import Final

Texts = tuple[str, ...]

ROUTING_HAIKU: Final[Texts] = (
    "Packets seek their way;\neach row a quiet signpost:\nlongest prefix wins.",
    "Ten thousand small rows;\na lost address asks the way.\nOne line knows the hop.",
    "A link falls silent.\nThe table learns a new road;\nthe packets walk on.",
)
HAIKU: Final[Texts] = (
    "Morning on the wire:\na question crosses the dark\nand answers come home.",
    "One small request sent;\nthe long road folds into light:\ntokens fall like rain.",
    "First frost on the pond.\nThe heron lifts one slow foot\nand thinks of nothing.",
)
GREETINGS: Final[Texts] = (
    "Hello. This is Pylo's sandbox, which stands in for Kimi K2.6. Ask for a haiku, or to count to 20.",
    "Hi. This is Pylo's sandbox, not Kimi K2.6: no model runs here, but all that lies between us is real.",
)
ANSWERS: Final[Texts] = (
    """\
This is a sandbox answer: no model ran. Your message went the whole way through Pylo, from the key check to the \
routing, the stream and the meter, and the answer came back token by token. Configure a real upstream, and Kimi K2.6 \
answers here instead.""",
    """\
You have reached Pylo's sandbox, which answers in place of Kimi K2.6. It does not know much, but what it streams is \
metered and billed exactly as a real answer would be. This request will be on your usage page in a moment.""",
    """\
No model is behind this answer. The sandbox stands in for Kimi K2.6, so that keys, streaming, usage and invoices can \
be tried without an account anywhere. Ask for a haiku, or to count to 20, to watch the tokens come.""",
)
TOOL_ANSWER: Final = """\
The tool has answered, and here Kimi K2.6 would put its result into words. This is the sandbox: it only confirms that \
the result arrived."""
HAIKU_THOUGHTS: Final[Texts] = (
    "The user wants a haiku. Three lines: five, seven and five syllables. One image, a turn, and a plain last line.",
    "A haiku, then. Count the syllables: five, seven, five. Keep it concrete and let the last line land.",
)
THOUGHTS: Final[Texts] = (
    "The user has sent a message. I am the sandbox, so I should say so and answer briefly.",
    "Let me see what is asked. No model runs here; a short and honest answer is best.",
)
TOOL_THOUGHTS: Final[Texts] = ("There is a tool for this. I will call it with fitting arguments.",)
