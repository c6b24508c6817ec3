"""The one sentence that a missing optional package is answered with."""

from __future__ import annotations


def missing(package: str) -> ImportError:
    """The error for a package of the `local` extra that is not installed.

    >>> print(missing("xllamacpp"))
    Local models need the package xllamacpp. Install it with `pip install "langchain-scaffolding[local]"`.
    """
    return ImportError(
        f'Local models need the package {package}. Install it with `pip install "langchain-scaffolding[local]"`.',
        name=package,
    )
