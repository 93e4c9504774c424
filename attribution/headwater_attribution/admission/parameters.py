"""The thresholds of admission, in one record that is hashed into a datanet's terms."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AdmissionParameters:
    """Every threshold the rules use. Shares and similarities are basis points (10_000 is all).

    The defaults were set on the docstrings of Python's standard library; the test of admission
    measures what they refuse there.

    Attributes:
        min_words: a row has at least this many canonical words.
        max_words: and at most this many.
        min_letters_bps: letters among the characters that are not white space.
        min_distinct_bps: distinct words in the poorest stretch of 50 words.
        max_echo_bps: three-word windows that occur more than once in the same row.
        echo_from_words: shorter rows may repeat themselves.
        max_top_word_bps: the commonest word that is not a function word, in rows of 12 words up.
        min_function_bps: function words (the, of, is, …) in rows of `function_from_words` up.
        function_from_words: shorter rows may lack function words.
        max_broken_pairs_bps: articles and prepositions before a word that can't follow one.
        salad_bps: rows with such a pair, in a contribution that is refused whole.
        min_vocabulary: distinct words of a contribution, in square roots of its word count.
        worthless_bps: rows below the quality floor, in a contribution that is refused whole.
        max_questions: stock search phrases (how to, what is, …) in one row.
        template_bps: three-word windows that a row shares with many rows of its contribution.
        habit_rows: earlier rows of one identity that hold a three-word window of a form, at least.
        habit_bps: and this share of its earlier rows.
        habit_template_bps: windows of such a form in a row that is refused.
        habit_small_rows: contributions of fewer rows are looked at together with what their
            identity handed in before; larger ones show their forms by themselves.
        burst_rows: of one identity in one round; later ones are quarantined.
        record_rows: rows of an identity judged in earlier rounds from which its record counts.
        record_rounds: how many earlier rounds count.
        record_refused_bps: refused ones among them, from which its rows are quarantined.
        copied_windows_bps: five-word windows that stand in earlier contributions.
        conflict_windows_bps: five-word windows that stand in earlier contributions of others, most
            of them in a row whose licence does not let it go under this one's.
        conflict_windows: and at least so many of them.
        alike_long_bps: shared word weight that makes a row of 12 content words up a copy.
        alike_medium_bps: the same for 8 to 11 content words.
        alike_short_bps: the same for shorter rows, where honest rows coincide more often.
        kin_bps: a row this like an earlier one counts towards its contribution being derived.
        derived_bps: with this share of rows kin to one earlier contribution, a contribution is
            derived from it.
        derived_alike_bps: in a derived contribution, a row this like its source is refused.
        small_rows: a contribution of fewer rows shows little as a whole: each of its rows has to
            stand by itself, by the rules below and by stricter likeness.
        order_from_words: accepted words from which the order of words can be judged at all.
        order_pairs: neighbouring words from which it is judged in full.
        min_order_millibits: what each pair of words has to gain over a shuffle of the same words,
            in the worst stretch of each row.
        list_function_bps: a row with fewer function words than this is more of a list than prose,
            as filler is.
        list_order_millibits: what each pair of such a row, in a small contribution, has to gain on
            top of that.
        recital_words: words of content from which such a row can be judged by how often it says
            the same.
        recital_distinct_bps: different ones among these words, in a row that recites.
        min_short_order_millibits: what each pair has to gain where there are fewer pairs and chance
            has a larger part.
        small_alike_bps: shared word weight that makes a row of a small contribution a copy.
        small_copied_bps: five-word windows that make it one.
        length_ratio_bps: word weight is compared only between rows whose lengths differ by less.
    """

    min_words: int = 4
    max_words: int = 5_000
    min_letters_bps: int = 5_000
    min_distinct_bps: int = 2_800
    max_echo_bps: int = 6_500
    echo_from_words: int = 16
    max_top_word_bps: int = 3_000
    min_function_bps: int = 600
    function_from_words: int = 10
    max_broken_pairs_bps: int = 2_000
    salad_bps: int = 3_000
    min_vocabulary: int = 2
    worthless_bps: int = 7_000
    max_questions: int = 2
    template_bps: int = 7_000
    habit_rows: int = 8
    habit_bps: int = 6_000
    habit_template_bps: int = 7_000
    habit_small_rows: int = 20
    burst_rows: int = 5_000
    record_rows: int = 20
    record_rounds: int = 4
    record_refused_bps: int = 6_000
    copied_windows_bps: int = 6_000
    conflict_windows_bps: int = 2_500
    conflict_windows: int = 5
    alike_long_bps: int = 6_000
    alike_medium_bps: int = 7_000
    alike_short_bps: int = 8_500
    kin_bps: int = 5_000
    derived_bps: int = 5_000
    derived_alike_bps: int = 2_500
    length_ratio_bps: int = 16_000
    small_rows: int = 5
    order_from_words: int = 5_000
    order_pairs: int = 19
    min_order_millibits: int = 250
    list_function_bps: int = 2_600
    list_order_millibits: int = 450
    recital_words: int = 20
    recital_distinct_bps: int = 6_000
    min_short_order_millibits: int = -700
    small_alike_bps: int = 5_000
    small_copied_bps: int = 3_500
