"""The interpreter's own documentation, read once for all tests of this component."""

import pytest
from headwater_models.stdlib_corpus import DocRow, standard_library_rows


@pytest.fixture(scope="session")
def doc_rows() -> list[DocRow]:
    return standard_library_rows(max_rows_per_module=25)
