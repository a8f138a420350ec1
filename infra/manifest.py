"""The manifest chalice.json: which apps there are, and the configuration Chalice gets for each."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def app_names() -> list[str]:
    return list(_manifest()["apps"])


def chalice_config(app_name: str) -> dict[str, Any]:
    """Give what Chalice would otherwise read from the app's own .chalice/config.json."""
    manifest = _manifest()
    apps = manifest.pop("apps")
    # absolute, because Chalice looks for it relative to the .chalice folder that there is not
    policy = ROOT / "functions" / app_name / "policy.json"
    return {**manifest, **apps[app_name], "iam_policy_file": str(policy)}


def _manifest() -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((ROOT / "chalice.json").read_text())
    return manifest
