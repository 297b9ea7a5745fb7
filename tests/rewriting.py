"""Assertions are rewritten once for all workers of a run: that is half of collecting, and each would do it all."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from _pytest.assertion import rewrite

# pytest has no public way to rewrite a file that is not imported.
# pyright: reportPrivateUsage=false


def rewrite_part(config: pytest.Config) -> None:
    """Rewrite this worker's part of what all workers import next, into the cache where the others find it."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    kept = rewrite.assertstate_key in config.stash and not sys.dont_write_bytecode
    if workers == 1 or not kept or config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    files = [
        file
        for file in sorted(Path(__file__).parent.rglob("test_*.py"))
        if not config.hook.pytest_ignore_collect(collection_path=file, config=config)
    ]
    for file in files[int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw")) :: workers]:
        _rewritten(file, config)


def _rewritten(file: Path, config: pytest.Config) -> None:
    folder = rewrite.get_cache_dir(file)
    cached = folder / (file.stem + rewrite.PYC_TAIL)
    if rewrite._read_pyc(file, cached) is None and rewrite.try_makedirs(folder):
        source_hash, code = rewrite._rewrite_test(file, config)
        rewrite._write_pyc(config.stash[rewrite.assertstate_key], code, source_hash, cached)
