"""The same inputs lead to the same bytes: under any hash seed, and on each supported Python that is here (J4)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from digest_walk import digest

SCRIPT = Path(__file__).parent / "digest_walk.py"
ROOT = SCRIPT.parent.parent.parent


def _digest_of(python: str, hash_seed: int) -> str:
    environment = os.environ | {"PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([python, str(SCRIPT)], env=environment, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def _has_msgspec(python: str) -> bool:
    tried = subprocess.run([python, "-c", "import msgspec"], capture_output=True, check=False, timeout=20)
    return tried.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("hash_seed", [0, 1, 2])
def test_the_hash_seed_decides_nothing(hash_seed: int) -> None:
    """A new process with this hash seed comes to the digest that this process has."""
    assert _digest_of(sys.executable, hash_seed) == digest()


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_the_version_of_python_decides_nothing(version: str) -> None:
    """The other Pythons, from `.ci/digests` or the path, where they are here with msgspec."""
    candidates = [str(ROOT / f".venv-{version}" / "bin" / "python"), shutil.which(f"python{version}")]
    python = next((each for each in candidates if each and Path(each).exists() and _has_msgspec(each)), None)
    if python is None:
        pytest.skip(f"no Python {version} with msgspec here")
    assert _digest_of(python, 0) == digest()
