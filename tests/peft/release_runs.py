"""Old releases of PEFT, run: whether each reads a config as lora_cli/methods/config/peft_releases.json says it does.

`python tests/peft/release_runs.py --wheels FOLDER` unpacks the wheels there and lets every release that can be imported
beside this transformers read drawn configs. It needs the `peft` extra.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from lora_cli.methods.config.peft_releases import IGNORED, REFUSED, known_versions, read_release

CONFIGS = 60
# What a release says of each config: that it refuses a field, or the fields that it does not have.
READ = """
import json, sys, warnings
import transformers
import peft
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING
said = []
for folder, fields in json.load(open(sys.argv[1])):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            config = PEFT_TYPE_TO_CONFIG_MAPPING[fields["peft_type"]].from_pretrained(folder)
        except TypeError as error:
            said.append("refused" if "unexpected keyword" in str(error) else None)
            continue
        except Exception:
            said.append(None)
            continue
    told = [str(each.message) for each in caught if "Unexpected keyword arguments" in str(each.message)]
    lost = [name for name in fields if told and repr(name) in told[0].partition(" for class")[0]]
    said.append(sorted(lost or [name for name in fields if not hasattr(config, name)]))
print(json.dumps([peft.__version__, said]))
"""


def drawn(version: str, source: random.Random) -> Iterator[dict[str, Any]]:
    """Yield configs of methods that a release has, with fields of the newest release at their defaults."""
    release = read_release(version)
    methods = [name for name in release.recorded["methods"] if release.lacks_method(name) is None]
    for _ in range(CONFIGS):
        method = source.choice(methods)
        recorded = release.recorded["methods"][method]
        names = [name for fields in recorded["fields"].values() for name in fields if name != "peft_type"]
        chosen = source.sample(names, source.randrange(1, len(names)))
        values = {name: recorded.get("defaults", {}).get(name) for name in chosen}
        yield {"peft_type": method, **values, **({"stray": 1} if source.random() < 0.1 else {})}


def disagreements(wheel: Path, source: random.Random) -> list[str] | None:
    """Return where a release reads a config otherwise than is recorded; None where it cannot be run."""
    version = wheel.name.split("-")[1]
    release = read_release(version)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with ZipFile(wheel) as archive:
            archive.extractall(folder / "release")
        cases = []
        for number, fields in enumerate(drawn(version, source)):
            (folder / str(number)).mkdir()
            (folder / str(number) / "adapter_config.json").write_text(json.dumps(fields))
            cases.append((str(folder / str(number)), fields))
        (folder / "cases.json").write_text(json.dumps(cases))
        done = subprocess.run(
            [sys.executable, "-c", READ, str(folder / "cases.json")],
            env=os.environ | {"PYTHONPATH": str(folder / "release"), "HF_HUB_OFFLINE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        return None
    run, said = json.loads(done.stdout.splitlines()[-1])
    assert run == version
    wrong = []
    for (_, fields), outcome in zip(cases, said, strict=True):
        unknown = sorted(release.unknown_fields(fields["peft_type"], fields))
        expected = REFUSED if unknown and release.other_fields == REFUSED else unknown
        # Older classes have some of these as attributes that are not fields.
        if outcome is not None and outcome != expected and release.other_fields != IGNORED:
            wrong.append(f"{version}: {fields['peft_type']} {outcome} {expected}")
        if release.other_fields == IGNORED and outcome is not None and not {*outcome} <= {*unknown}:
            wrong.append(f"{version}: {fields['peft_type']} {outcome} {expected}")
    return [*wrong, *(["nothing was read"] if not any(outcome is not None for outcome in said) else [])]


def main() -> int:
    """Run the releases whose wheels are in a folder."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--wheels", type=Path, required=True, help="folder that has the wheels")
    parser.add_argument("versions", nargs="*", help="releases to run; all that are there without any")
    given = parser.parse_args()
    failed = 0
    for version in given.versions or known_versions():
        for wheel in given.wheels.glob(f"peft-{version}-*.whl"):
            wrong = disagreements(wheel, random.Random(version))
            print(version, "cannot be imported here" if wrong is None else wrong or "agrees", flush=True)
            failed += bool(wrong)
    return min(1, failed)


if __name__ == "__main__":
    sys.exit(main())
