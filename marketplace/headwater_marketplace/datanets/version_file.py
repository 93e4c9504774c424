"""A version as one file: what a bundle takes of a datanet, and what anybody checks it by."""

from pathlib import Path
from typing import Final, Literal

from pydantic import ValidationError

from headwater_attribution.admission.priority import RoundPart, priority_faults
from headwater_attribution.admission.signed import replay_faults
from headwater_attribution.bundle import CorpusPart
from headwater_attribution.documents import Strict
from headwater_attribution.epoch import corpus_part
from headwater_marketplace.datanets.folder import DatanetFolder
from headwater_payments.address import parse_address
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_payments.files import read_file

MOST_BYTES: Final = 2**30


class DatanetVersion(Strict):
    """Rows and their root as bundles hold them, and the rounds for `close_epoch(rounds=…)`."""

    format: Literal["headwater/datanet-version/1"] = "headwater/datanet-version/1"
    corpus: CorpusPart
    rounds: tuple[RoundPart, ...]


def version_of(datanet: DatanetFolder) -> DatanetVersion:
    """The version of all rounds that are over.

    Raises:
        InvalidInputError: no row was accepted yet, or a file of the datanet is damaged.
    """
    corpus = datanet.corpus()
    return DatanetVersion(corpus=corpus_part(corpus), rounds=datanet.rounds(corpus))


def read_version(path: Path) -> DatanetVersion:
    """Read such a file.

    Raises:
        InvalidInputError: it can't be read, or holds no version.
    """
    try:
        return DatanetVersion.model_validate_json(read_file(path, MOST_BYTES))
    except OSError as exc:
        raise InvalidInputError(f"The file {path} can't be read: {exc.strerror}.") from exc
    except (ValidationError, HeadwaterError) as exc:
        raise InvalidInputError(f"The file {path} is no version of a datanet.") from exc


def datanet_faults(datanet: DatanetFolder) -> list[str]:
    """Judge all rounds again and hold every row against its seal; a sentence for each fault.

    Raises:
        InvalidInputError: a file of the datanet is damaged.
    """
    terms, by = datanet.terms, parse_address(datanet.terms.desk)
    logs = [datanet.log(number) for number in range(1, datanet.round)]
    history = datanet.history()
    faults = list(replay_faults(history, terms.fresh_desk(), by, terms.chain_id, logs))
    if datanet.has_rows():
        corpus = datanet.corpus()
        faults += priority_faults(corpus, datanet.rounds(corpus), terms.chain_id, by)
    return faults
