"""Secrets that must never be shown: whoever reads one registers it, and every sentence leaves without it.

    register(key_file.read_text())      at the place that reads a credential
    redact(text)                        at the doors: errors, what a run prints, what it records

Nothing of a short text is masked (`no` would be everywhere), so a secret has at least `SHORTEST` characters.
"""

from __future__ import annotations

SHORTEST = 6
PIECE = 8  # characters of a part that is masked by itself: a line of a key, a value of a JSON credential
SHOWN = "[secret]"

_forms: dict[str, None] = {}


def register(secret: str | bytes) -> None:
    """From now on `redact` masks this secret, plain or encoded: base64, percent, JSON's escapes; and its pieces.

    Pieces are the lines of a text and the values of a JSON object, so that half a key in a message is masked too.
    """
    text = secret.decode("utf-8", "replace") if isinstance(secret, bytes) else secret
    whole = text.strip()
    parts = [whole] if len(whole) >= SHORTEST else []
    parts += [part for part in _pieces(whole) if len(part) >= PIECE]
    forms = {form for part in parts for form in _encoded(part)} | set(_forms)
    _forms.clear()
    # The longest first: masked inside out, a secret would leave its rest standing.
    _forms.update(dict.fromkeys(sorted(forms, key=lambda form: (-len(form), form))))


def redact(text: str) -> str:
    """`text` with every registered secret as `[secret]`."""
    for form in _forms:
        if form in text:
            text = text.replace(form, SHOWN)
    return text


def _pieces(text: str) -> list[str]:
    import json

    try:
        values = list(_texts(json.loads(text)))
    except (ValueError, RecursionError):
        values = []
    return [line.strip() for value in (text, *values) for line in value.splitlines()] + values


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in _texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [value] if isinstance(value, str) and not _public(value) else []


def _public(value: str) -> bool:
    """What every credential of its kind has, such as the address of the token's issuer."""
    return value.startswith("https://") or value in ("service_account", "authorized_user", "googleapis.com")


def _encoded(text: str) -> list[str]:
    import json
    from base64 import b64encode
    from urllib.parse import quote

    forms = [text, quote(text, safe=""), quote(text)]
    forms += [json.dumps(text, ensure_ascii=escaped)[1:-1] for escaped in (True, False)]
    data = text.encode("utf-8", "surrogatepass")
    for before in range(3):  # within a longer text base64 looks different at each of three positions
        # Only whole groups of three bytes: the signs at either end depend on the neighbours too.
        inner = data[-before % 3 :]
        inner = inner[: len(inner) // 3 * 3]
        if len(inner) >= PIECE:
            encoded = b64encode(inner).decode()
            forms += [encoded, encoded.replace("+", "-").replace("/", "_")]
    return forms
