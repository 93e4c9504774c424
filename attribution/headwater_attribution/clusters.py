"""Near-duplicate rows of a corpus as stars around the earliest row of each.

A datanet that went through admission has almost no duplicates left, but attribution must not depend
on that: credit for a star goes to its centre, so a copy neither earns nor takes from the copied.
"""

from headwater_attribution.admission.fingerprint import fingerprint
from headwater_attribution.admission.neighbours import NeighbourIndex, nearest_centre
from headwater_attribution.admission.parameters import AdmissionParameters
from headwater_attribution.admission.verdict import RowRef
from headwater_attribution.corpus import Corpus


def star_centres(corpus: Corpus, parameters: AdmissionParameters | None = None) -> tuple[int, ...]:
    """The index of the earliest row that each row nearly repeats: its own where there is none.

    A row is compared with centres only, so likeness is not carried on from copy to copy. A backend
    that ablates should take out all rows of a star together: while a copy remains in the index,
    taking out one row changes nothing.
    """
    index = NeighbourIndex(parameters or AdmissionParameters())
    centres = []
    for number, row in enumerate(corpus.rows):
        taken = fingerprint(row.text)
        nearest = nearest_centre(index, taken)
        if nearest is None:
            index.add(RowRef(0, number), taken)
        centres.append(number if nearest is None else nearest.ref.row)
    return tuple(centres)
