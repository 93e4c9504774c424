"""English function words, and the stock phrases of people who search: what bait is made of."""

_FUNCTION_WORDS = """
a about after again against all also although an and another any are as at be because been
before being between both but by can could did do does down during each either every for from
had has have he her here him his how i if in into is it its just let many may me might more
most must my neither no nor not now of off on once one only or other otherwise our out over own
per same shall she should since so some such than that the their them then there these they
this those though through to too toward towards under unless until up upon us very via was we
were what when where whether which while who whose why will with within without would you your
"""

_NOT_A_NOUN = """
a an and are as at be because but by can could did do does for from had has have if in is it
of on or so than that the then these this those to was were when which with
"""

_NOT_A_PHRASE = """
and are be because but can could did do does had has have is may of or was were will
"""

FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())

NEVER_AFTER = {
    **dict.fromkeys(("an", "the"), frozenset(_NOT_A_NOUN.split())),
    **dict.fromkeys(
        ("of", "with", "for", "into", "between", "within"),
        frozenset(_NOT_A_PHRASE.split()) | {"to"},
    ),
    **dict.fromkeys(("in", "at", "from", "by"), frozenset(_NOT_A_PHRASE.split())),
}
"""Words that don't follow an article or a preposition in a grammatical English sentence.

"a" is left out: technical text uses it as a name ("between a and b").
"""

SEARCH_PHRASES = (
    ("how", "to"),
    ("how", "do"),
    ("how", "can"),
    ("what", "is"),
    ("what", "are"),
    ("what", "does"),
    ("why", "does"),
    ("best", "way"),
    ("where", "can"),
    ("tell", "me"),
    ("explain", "the"),
)
