"""What came of a boot in words: whether it became ready, whose fault it is if not, the error. Decides nothing anew."""

from __future__ import annotations

from hil.report.reading import Record, inner, number, text, texts

_WORDS = {
    "ready": ("Ready", "all that is expected of it holds"),
    "failed": ("Failed", "the machine, or what it was given to boot, is at fault: the bench worked"),
    "broken": ("The bench failed", "the bench is at fault: this says nothing of the image"),
    "interrupted": ("Interrupted", "nobody waited for it any longer: this says nothing of the image"),
    "running": ("Running", "it was still running, or its bench was killed, when this was written"),
}
_UNKNOWN = ("No verdict", "its record does not say what came of it")


def judged(boot: Record) -> dict[str, object]:
    """The verdict of a boot.json, its headline, what that means, seconds to ready, and the error.

    Args:
        boot: the record, or an empty one.
    """
    verdict = text(boot.get("verdict"))
    headline, meaning = _WORDS.get(verdict, _UNKNOWN)
    return {
        "verdict": verdict if verdict in _WORDS else "unknown",
        "headline": headline,
        "meaning": meaning,
        "seconds_to_ready": number(boot.get("seconds_to_ready")),
        "error": _error(inner(boot.get("error"))),
        "stopped": text(inner(boot.get("readiness")).get("stopped")),
    }


def _error(error: Record) -> dict[str, object] | None:
    if not error:
        return None
    return {
        "kind": text(error.get("kind")),
        "message": text(error.get("message")),
        "hint": text(error.get("hint")),
        "evidence": texts(error.get("evidence")),
    }
