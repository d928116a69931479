"""The sample provider, for the tests that ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from .sample_host import Provider
from .sample_host import provider


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose keys are made once, since that is slow."""
    return tmp_path_factory.mktemp("sample")


@pytest.fixture(scope="module")
def idp(data: Path) -> Iterator[Provider]:
    """The provider; every test brings its own browser."""
    it = provider(data)
    yield it
    it.app.extensions["idp_session"].engine.dispose()


@pytest.fixture
def alice(idp: Provider) -> FlaskClient:
    """A browser in which alice is signed in."""
    return idp.signed_in()
