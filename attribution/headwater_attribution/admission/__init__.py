"""Which submitted rows enter a datanet: copies, filler and bait are refused, with reasons.

Rows are judged in the order they were committed, and only against rows accepted before them,
so a verdict never changes when more rows arrive, and refused rows change nobody's. Nothing here is
random.
"""

from headwater_attribution.admission.benchmarks import RegisteredBenchmarks
from headwater_attribution.admission.consent import Consent, ConsentTerms, Withdrawal
from headwater_attribution.admission.desk import AdmissionDesk, admit
from headwater_attribution.admission.licensing import LicenceTerms
from headwater_attribution.admission.parameters import AdmissionParameters
from headwater_attribution.admission.verdict import Contribution, RowRef, Verdict

__all__ = [
    "AdmissionDesk",
    "AdmissionParameters",
    "Consent",
    "ConsentTerms",
    "Contribution",
    "LicenceTerms",
    "RegisteredBenchmarks",
    "RowRef",
    "Verdict",
    "Withdrawal",
    "admit",
]
