"""Canonical text: one spelling for all strings that a reader can't tell apart.

Two rows with the same canonical text are the same row, whatever invisible characters, wide forms,
accents or look-alike letters were used to make them differ. Canonical text is for comparing and
hashing, never for showing.

Source: Unicode Standard Annex 15 (NFKC), Unicode core specification section 3.13 (casefold);
the skeleton follows the idea of Unicode Technical Standard 39, with a small table of our own.
"""

import re
import unicodedata

_WORD = re.compile(r"[^\W_]+")
_SPACE = re.compile(r"\s+")
_NOT_ASCII = re.compile(rb"[^\x00-\x7f]")
_BETWEEN = re.compile(rb"[ \n]")

# What becomes of the 128 characters of ASCII when only words are wanted: controls that are not
# white space go away, letters become small, and all that is no letter or digit becomes a space.
_ASCII_CONTROLS = bytes(c for c in range(128) if not (chr(c).isprintable() or chr(c).isspace()))
_ASCII_WORDS = bytes(ord(chr(c).lower()) if chr(c).isalnum() else 32 for c in range(128)) * 2

# Letters of other scripts (and unusual Latin ones) that pass for a Latin letter, by that letter.
# Capitals stand here in their own right: once casefolded, Cyrillic "В" no longer resembles "B".
_LOOK_ALIKES = {
    "a": "аɑαᴀᎪΑА",
    "b": "ЬьʙВΒᏴƄ",
    "c": "сϲᴄСϹᏟⅽ",
    "d": "ԁɗđᴅᎠԀ",
    "e": "еҽєᴇЕΕᎬɛ",
    "f": "ƒꜰϜ",
    "g": "ɡցɢᏀԌԍ",
    "h": "һհʜНΗᎻħ",
    "i": "іιɩıɪІΙΪᎥӀ|",
    "j": "јϳᴊЈᎫʝ",
    "k": "кκᴋКΚᏦ",
    "l": "ӏłʟᏞⅼǀ",
    "m": "мᴍМΜᎷϺ",
    "n": "ոпηɴΝռ",
    "o": "оοσօᴏОΟՕøо",
    "p": "рρᴘРΡᏢþ",
    "q": "ԛզԚ",
    "r": "гʀᎡᏒɍ",
    "s": "ѕꜱЅᏚՏʂ",
    "t": "тτᴛТΤᎢŧ",
    "u": "υսᴜՍц",
    "v": "νѵᴠᏙѴ",
    "w": "ԝωᴡᎳԜѡ",
    "x": "хχХΧҳ",
    "y": "уүγʏУΥҮ",
    "z": "ᴢΖᏃʐ",
}
_SKELETON = {
    ord(other): latin
    for latin, others in _LOOK_ALIKES.items()
    for other in others
    if not other.isascii()
}

# Letters and marks that draw nothing though they are not in the category Cf.
_BLANK = {0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, *range(0xFE00, 0xFE10)}


def canonical_text(text: str) -> str:
    """Fold `text` to the form in which rows are compared and hashed. Idempotent.

    Compatibility forms, letter case, accents, invisible characters and look-alike letters are
    folded; runs of white space become one space; the ends are trimmed.
    """
    if text.isascii():
        # White space in ASCII is the same to `split` and to the pattern.
        return " ".join(_without_controls(text).split()).lower()
    folded = _fold(text)
    while (again := _fold(folded)) != folded:
        folded = again
    return folded


def words(text: str) -> list[str]:
    """The words of the canonical form of `text`: runs of letters and digits, in order."""
    if text.isascii():
        return text.encode().translate(_ASCII_WORDS, _ASCII_CONTROLS).decode().split()
    return [word.decode() for word in word_bytes(text)]


def word_bytes(text: str) -> list[bytes]:
    """`words(text)`, each in UTF-8."""
    return spaced_words(text).split()


def spaced_words(text: str) -> bytes:
    """`words(text)` in UTF-8, apart by one space or several, of which some may stand at the ends.

    White space is never folded away, so a text may be divided at it: what stands between two white
    spaces and is not ASCII is folded by itself, and all before and after in one go.
    """
    raw = text.encode("utf-8", "surrogatepass")
    found: list[bytes] = []
    at = 0
    while part := _NOT_ASCII.search(raw, at):
        start = max(raw.rfind(b" ", at, part.start()), raw.rfind(b"\n", at, part.start())) + 1
        end = _BETWEEN.search(raw, part.end())
        stop = end.start() if end else len(raw)
        if start:
            found.append(raw[at:start].translate(_ASCII_WORDS, _ASCII_CONTROLS))
        odd = raw[max(at, start) : stop].decode("utf-8", "surrogatepass")
        found += [word.encode() for word in _WORD.findall(canonical_text(odd))]
        at = stop
    return b" ".join([*found, raw[at:].translate(_ASCII_WORDS, _ASCII_CONTROLS)])


def _fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    visible = "".join(character for character in decomposed if not _is_invisible(character))
    folded = visible.translate(_SKELETON).casefold().translate(_SKELETON)
    return _SPACE.sub(" ", unicodedata.normalize("NFKC", folded)).strip()


def _is_invisible(character: str) -> bool:
    code = ord(character)
    if 0x300 <= code <= 0x36F or code in _BLANK or 0xE0100 <= code <= 0xE01EF:
        return True
    return unicodedata.category(character) in ("Cf", "Cc") and not character.isspace()


def _without_controls(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c for c in text if c.isprintable() or c.isspace())
