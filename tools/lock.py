"""Pins every dependency with hashes: one lock for the workshop, one for the Lambda layer."""

import subprocess
import sys
from pathlib import Path

# no file may name a registry host: whoever installs uses their own
_COMPILE = ["pip", "compile", "--generate-hashes", "--no-header", "--python-version", "3.11"]
_COMPILE += ["--no-emit-index-url", "--no-emit-find-links", "--quiet"]


def main() -> None:
    """Write requirements.lock, then the layer's lock within it."""
    layer = Path("layers/referrals")
    _run("pyproject.toml", "--extra", "dev", "-o", "requirements.lock")
    source, lock = layer / "requirements.txt", layer / "requirements.lock"
    _run(str(source), "-c", "requirements.lock", "-o", str(lock))


def _run(*arguments: str) -> None:
    subprocess.run([str(Path(sys.executable).with_name("uv")), *_COMPILE, *arguments], check=True)


if __name__ == "__main__":
    main()
