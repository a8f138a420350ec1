"""Everything CloudFormation needs, in one folder: `python -m infra.package [OUT]`.

    root.yaml, state.yaml, alarms.yaml   as they are in infra/
    layer.zip                            the shared layer
    <app>/template.json, <app>/app.zip   what Chalice's packager makes of each app

It needs no AWS account: nothing here asks AWS anything.
"""

import argparse
import importlib
import json
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

from chalice.cli.factory import CLIFactory
from chalice.package import TemplateDeepMerger

from infra import intrinsics
from infra.archives import compile_tree, write_zip
from infra.layer import build_layer
from infra.manifest import ROOT, app_names, chalice_config

_TEMPLATES = ROOT / "infra"
_STACKS = ("root.yaml", "state.yaml", "alarms.yaml")
_STAGE = "prod"
_ROLE = "Role"
_NOT_SHIPPED = shutil.ignore_patterns("policy.json", "__pycache__", ".chalice")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m infra.package", description=__doc__)
    parser.add_argument("out", nargs="?", type=Path, default=ROOT / "build" / "package")
    parser.add_argument(
        "--without-layer", action="store_true", help="templates and apps only: needs no network"
    )
    options = parser.parse_args(arguments)
    package(options.out, with_layer=not options.without_layer)
    print(size_table(options.out))


def package(out: Path, *, with_layer: bool = True) -> None:
    """Write the templates and zips of one deployment into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    for stack in _STACKS:
        shutil.copyfile(_TEMPLATES / stack, out / stack)
    for app_name in app_names():
        package_app(app_name, out / app_name)
    if with_layer:
        build_layer(out / "layer.zip")


def package_app(app_name: str, out: Path) -> None:
    """Write template.json and app.zip of one app into `out`, by Chalice's own packager."""
    shutil.rmtree(out, ignore_errors=True)
    with TemporaryDirectory() as scratch:
        # a copy, because Chalice leaves a .chalice folder in the project it packages
        project = Path(scratch) / app_name
        shutil.copytree(ROOT / "functions" / app_name, project, ignore=_NOT_SHIPPED)
        made = Path(scratch) / "made"
        _run_chalice(app_name, project, made)
        template = json.loads((made / "sam.json").read_text())
        out.mkdir(parents=True)
        (out / "template.json").write_text(json.dumps(_mended(template), indent=2) + "\n")
        _write_app_zip(made / "deployment.zip", Path(scratch) / "code", out / "app.zip")


class _Factory(CLIFactory):  # type: ignore[misc]  # chalice publishes no types
    """Chalice's own wiring, with the manifest instead of a .chalice folder in every app."""

    def __init__(self, app_name: str, project: Path) -> None:
        super().__init__(str(project))
        self.app_name = app_name

    def load_project_config(self) -> dict[str, Any]:
        return chalice_config(self.app_name)

    def load_chalice_app(self, *_: Any, **__: Any) -> Any:
        """Import the app under its full name: by its short one all of them are called `app`."""
        return importlib.import_module(f"functions.{self.app_name}.app").app


class _ServicePrincipals:
    """Chalice asks a botocore session, and so for a region; these hold in every region."""

    def service_principal(self, service: str) -> str:
        return f"{service}.amazonaws.com"


def _run_chalice(app_name: str, project: Path, made: Path) -> None:
    factory = _Factory(app_name, project)
    config = factory.create_config_obj(_STAGE)
    # JSON: a YAML merge template would make Chalice write YAML, with aliases CloudFormation refuses
    merge = project.parent / "merge.json"
    merge.write_text(json.dumps(merge_template(config.chalice_app, app_name)))
    packager = factory.create_app_packager(
        config, _ServicePrincipals(), "cloudformation", "json", str(merge)
    )
    packager.package_app(config, str(made), _STAGE)


def merge_template(chalice_app: Any, app_name: str) -> dict[str, Any]:
    """Give what is laid over Chalice's template; an app with routes gets gateway.yaml beneath."""
    own = intrinsics.load(_TEMPLATES / "apps" / f"{app_name}.yaml")
    if not chalice_app.routes:
        return own
    shared = intrinsics.load(_TEMPLATES / "apps" / "gateway.yaml")
    merged: dict[str, Any] = TemplateDeepMerger().merge(own, shared)
    return merged


def _mended(template: dict[str, Any]) -> dict[str, Any]:
    """Give all functions of the app one role, and the zip its new name.

    Chalice makes a role for each function; those of one app would have the same policy.
    """
    resources: dict[str, Any] = template["Resources"]
    roles = [made for made in resources.values() if made["Type"] == "AWS::IAM::Role"]
    others = {name: made for name, made in resources.items() if made not in roles}
    for made in others.values():
        if made["Type"] == "AWS::Serverless::Function":
            made["Properties"]["CodeUri"] = "app.zip"
            made["Properties"]["Role"] = {"Fn::GetAtt": [_ROLE, "Arn"]}
    return {**template, "Resources": {_ROLE: roles[0], **others}}


def _write_app_zip(made: Path, scratch: Path, target: Path) -> None:
    with ZipFile(made) as archive:
        archive.extractall(scratch)
    compile_tree(scratch, seen_as="/var/task")
    write_zip(scratch, target)


def size_table(out: Path) -> str:
    """Give a line for each zip: its size, and the size that Lambda unpacks and counts."""
    lines = [f"{'':24} {'zip':>10} {'unpacked':>10}"]
    for path in sorted(out.rglob("*.zip")):
        with ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        name = path.relative_to(out).as_posix()
        lines.append(f"{name:24} {_kilobytes(path.stat().st_size)} {_kilobytes(unpacked)}")
    return "\n".join(lines)


def _kilobytes(size: int) -> str:
    return f"{size / 1024:>7,.0f} KB"


if __name__ == "__main__":
    # what the apps import comes from the layer, here as in Lambda; it need not be installed
    sys.path.insert(0, str(ROOT / "layers" / "referrals" / "python"))
    main(sys.argv[1:])
