"""The interpreter's own documentation, read and indexed once for all tests of this component."""

from collections.abc import Sequence

import pytest

from headwater_attribution.evidence import RowId
from headwater_models.corpus_backend import CorpusBackend, CorpusRow
from headwater_models.stdlib_corpus import DocRow, standard_library_rows
from headwater_payments.address import parse_address


def as_corpus(docs: Sequence[DocRow]) -> list[CorpusRow]:
    modules = sorted({doc.module for doc in docs})
    return [
        CorpusRow(
            row=RowId(datanet_id=1, version=1, index=index),
            contribution_id=modules.index(doc.module),
            contributor=parse_address(f"0x{modules.index(doc.module) + 1:040x}"),
            title=doc.title,
            text=doc.text,
        )
        for index, doc in enumerate(docs)
    ]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def doc_rows() -> list[DocRow]:
    return standard_library_rows(max_rows_per_module=25)


@pytest.fixture(scope="session")
def corpus(doc_rows: list[DocRow]) -> list[CorpusRow]:
    return as_corpus(doc_rows)


@pytest.fixture(scope="session")
def backend(corpus: list[CorpusRow]) -> CorpusBackend:
    return CorpusBackend("pydocs", corpus, corpus_root="0x" + "00" * 32)
