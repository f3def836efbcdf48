"""What an alert says: the words for people, and the event for programs.

A template is text with ``{names}`` in braces and nothing else: no expression, no tag, no attribute. What comes out is
handed on as plain text, and whoever shows it escapes it for its own medium.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from engine.words import price as price_text

FIELDS = (
    "rule", "symbol", "score", "direction", "advice", "confidence", "consensus", "price", "time", "preset",
    "timeframes", "source",
)  # fmt: skip
TITLE = "{symbol} {advice} {score}"
TEXT = (
    "{symbol} at {price}: score {score} ({direction}, {advice}), confidence {confidence}, consensus {consensus}\n"
    "{timeframes}\n{time}, preset {preset}, market {source}, rule {rule}"
)
LISTED = 50  # alerts that the text of a digest names one by one

_FIELD = re.compile(r"\{([^{}]*)\}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def template_problem(template: str) -> str | None:
    """Return what is wrong with a template, or None."""
    if _CONTROL.search(template):
        return "holds a control character"
    if "{%" in template or "{{" in template or "}}" in template:
        return f"{{{{ … }}}} and {{% … %}} are no part of a template: write {{symbol}}; known are {', '.join(FIELDS)}"
    unknown = [name for name in _FIELD.findall(template) if name not in FIELDS]
    if unknown:
        return f"{{{unknown[0][:40]}}} is unknown; known are {', '.join(FIELDS)}"
    if "{" in _FIELD.sub("", template) or "}" in _FIELD.sub("", template):
        return "has a brace without its other half"
    return None


def words_of(event: dict[str, Any]) -> dict[str, str]:
    """Return what each name in braces stands for."""
    at = datetime.fromtimestamp(event["ts"] / 1000, UTC)
    return {
        "rule": event["rule"],
        "symbol": event["symbol"],
        "score": f"{event['score']:.3f}",
        "direction": event["direction"],
        "advice": event["advice"],
        "confidence": f"{event['confidence']:.0%}",
        "consensus": f"{event['consensus']:.0%}",
        "price": price_text(event["price"]),
        "time": f"{at:%Y-%m-%d %H:%M} UTC",
        "preset": event["preset"],
        "timeframes": ", ".join(f"{t} {score:.3f}" for t, score in event["timeframes"].items()),
        "source": event["source"].upper() if event["source"] in ("simulated", "replay") else event["source"],
    }


def fill(template: str, words: dict[str, str]) -> str:
    """Put ``words`` in the place of the names in braces, once: what a word holds is never read as a template."""
    return _FIELD.sub(lambda found: words[found[1]], template)


def told(event: dict[str, Any], title: str, text: str) -> tuple[str, str]:
    """Return title and text of one alert. What is not the real market says so in both, whatever the template."""
    words = words_of(event)
    mark = "" if words["source"] == event["source"] else f"[{words['source']}] "
    return mark + fill(title or TITLE, words), mark + fill(text or TEXT, words)


def digest(titles: Sequence[str], texts: Sequence[str]) -> tuple[str, str]:
    """Return title and text of several alerts in one message, oldest first."""
    if len(titles) == 1:
        return titles[0], texts[0]
    lines = list(titles[:LISTED])
    if len(titles) > LISTED:
        lines.append(f"and {len(titles) - LISTED} more")
    return f"{len(titles)} alerts", "\n".join(lines)
