"""The one shared layer: the referrals package and what it imports, built for Lambda's arm64."""

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.archives import compile_tree, write_zip
from infra.manifest import ROOT

_LAYER = ROOT / "layers" / "referrals"
_LOCK = _LAYER / "requirements.lock"

# glibc 2.17: older than that of any Lambda runtime
_PLATFORMS = ("manylinux2014_aarch64", "manylinux_2_17_aarch64")

# botocore describes 400 services in 27 MB; these are the ones that are called
AWS_SERVICES = frozenset({"dynamodb", "sqs", "sns", "sesv2", "secretsmanager", "kms"})

# what pip writes down about this machine, and commands that nobody can call in a Lambda
_TRACES_OF_PIP = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")


def build_layer(target: Path) -> None:
    """Write the layer's zip to `target`; the same lock and code give the same bytes."""
    with TemporaryDirectory() as scratch:
        # Lambda unpacks a layer into /opt and looks for modules in /opt/python
        modules = Path(scratch) / "python"
        install_requirements(modules)
        trim(modules)
        copy_package(modules)
        compile_tree(modules, seen_as="/opt/python")
        write_zip(Path(scratch), target)


def install_requirements(modules: Path) -> None:
    """Unpack the locked wheels for arm64 and for the Python that runs this; needs a package index.

    Only wheels and only with the hash in the lock, so nothing of a package runs while building.
    """
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    platforms = [flag for name in _PLATFORMS for flag in ("--platform", name)]
    wheels = ["--only-binary", ":all:", "--implementation", "cp", "--python-version", python]
    locked = ["--no-deps", "--require-hashes", "--requirement", str(_LOCK)]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile"]
    subprocess.run(  # noqa: S603 - this interpreter, with arguments of our own
        [*pip, *wheels, *platforms, *locked, "--target", str(modules)], check=True
    )


def trim(modules: Path) -> None:
    """Leave out what no function reads, and what would differ from machine to machine."""
    from referrals.notify.languages import LANGUAGES

    shutil.rmtree(modules / "bin", ignore_errors=True)
    for trace in _TRACES_OF_PIP:
        for path in modules.glob(f"*.dist-info/{trace}"):
            path.unlink()
    for path in (modules / "botocore" / "data").glob("*/"):
        if path.name not in AWS_SERVICES:
            shutil.rmtree(path)
    # Babel describes 1,100 locales in 31 MB; messages are written in few, and all inherit from root
    locales = {"root", *LANGUAGES}
    for path in (modules / "babel" / "locale-data").glob("*.dat"):
        if path.stem.split("_")[0] not in locales:
            path.unlink()


def copy_package(modules: Path) -> None:
    """Copy the referrals package without its command and without what the layout is made of.

    The command needs libraries that are not here.
    """
    source = _LAYER / "python" / "referrals"
    skip = shutil.ignore_patterns("cli", "mjml", "__pycache__")
    shutil.copytree(source, modules / "referrals", ignore=skip)
