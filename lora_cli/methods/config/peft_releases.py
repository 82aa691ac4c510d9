"""What each release of PEFT reads in an adapter_config.json, as peft_releases.json records it.

`peft/config.py`: `PeftConfigMixin.from_pretrained` and, from 0.14.0, `_check_and_remove_unused_kwargs`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lora_cli.errors import InvalidInput, argument, near_miss, quote
from lora_cli.methods.config.adapter_config import EVERYWHERE

RECORDED = os.path.join(os.path.dirname(__file__), "peft_releases.json")
# What a release does with a field that it does not have: nothing, raise TypeError, or warn and go on without it.
IGNORED, REFUSED, WARNED = "ignored", "refused", "warned"
VERSION = r"\d{1,4}(\.\d{1,4}){0,2}"
Version = tuple[int, ...]


@dataclass(frozen=True)
class PeftRelease:
    """A release of PEFT, and what is recorded of all of them."""

    version: str
    recorded: Mapping[str, Any]

    @property
    def is_newest(self) -> bool:
        """Whether no newer one is known."""
        return bool(self.version == self.recorded["releases"][-1])

    @cached_property
    def other_fields(self) -> str:
        """What it does with a field that its config class does not have.

        >>> [read_release(version).other_fields for version in ("0.5", "0.13", "0.14")]
        ['ignored', 'refused', 'warned']
        """
        return str([done for since, done in self.recorded["other_fields"].items() if self._has(since)][-1])

    @property
    def lacks_safetensors(self) -> str | None:
        """The first release that reads safetensors files, if this one does not."""
        return self._unless_had(self.recorded["safetensors"])

    def lacks_method(self, method: str) -> str | None:
        """Return the first release that has a method (a `peft_type`), if this one does not.

        >>> read_release("0.9").lacks_method("VERA")
        '0.11.0'
        """
        return self._unless_had(next(iter(self.recorded["methods"][method]["fields"])))

    def refuses_start(self, name: str) -> bool:
        """Whether it refuses a way to start LoRA. Before 0.7, LoRA started in one way whatever the config said.

        >>> read_release("0.13").refuses_start("eva"), read_release("0.13").refuses_start("pissa_niter_4")
        (True, False)
        """
        first = self.first_with_start(name)
        return self._has(next(iter(self.recorded["starts"]))) and (first is None or not self._has(first))

    def first_with_start(self, name: str) -> str | None:
        """Return the first release that knows a way to start LoRA, or None.

        >>> read_release().first_with_start("eva"), read_release().first_with_start("evva")
        ('0.14.0', None)
        """
        starts = {start: since for since, names in self.recorded["starts"].items() for start in names}
        return next((starts[start] for start in starts if name.lower().startswith(start)), None)

    def unknown_fields(self, method: str, fields: Mapping[str, object]) -> dict[str, str | None]:
        """Return which fields of a config it does not have, each with the first release that does.

        That is None for a field that no later release has.

        >>> read_release("0.8").unknown_fields("LORA", {"r": 8, "use_dora": False, "use_dorra": True})
        {'use_dora': '0.9.0', 'use_dorra': None}
        """
        first = _by_field(self.recorded["methods"][method]["fields"])
        dropped = _by_field(self.recorded["methods"][method].get("dropped", {}))
        return {
            name: None if name in dropped else first.get(name)
            for name in fields
            if name not in first or not self._has(first[name]) or (name in dropped and self._has(dropped[name]))
        }

    def is_known(self, method: str, name: str) -> bool:
        """Whether any release has a field."""
        return name in _by_field(self.recorded["methods"][method]["fields"])

    def changes_nothing(self, method: str, name: str, value: object) -> bool:
        """Whether a field's value is PEFT's default, with which the field may as well be missing, or says nothing of weights."""
        default = self.recorded["methods"][method].get("defaults", {}).get(name)
        return name in EVERYWHERE or (not value if default is None else value == default)

    def newest(self, versions: Mapping[str, str | None]) -> str | None:
        """Return the newest of the releases that fields came with; None where one of them has none."""
        known = [version for version in versions.values() if version is not None]
        return max(known, key=_numbers) if len(known) == len(versions) else None

    def _has(self, since: str) -> bool:
        return _numbers(since) <= _numbers(self.version)

    def _unless_had(self, since: str) -> str | None:
        return None if self._has(since) else since


def read_release(version: object = None) -> PeftRelease:
    """Return the release that a version names, the newest one of a version like 0.13, or by default the newest of all.

    >>> read_release("0.13").version, read_release("0.13.0").version
    ('0.13.2', '0.13.0')
    >>> read_release("99.0")
    Traceback (most recent call last):
    lora_cli.errors.InvalidInput: peft_version: '99.0' is newer than 0.21.2, the newest release of PEFT that is known here; \
leave it out
    """
    with open(RECORDED, encoding="utf-8") as file:
        recorded = json.load(file)
    releases = recorded["releases"]
    if version is None:
        return PeftRelease(releases[-1], recorded)
    if not isinstance(version, str) or not re.fullmatch(VERSION, version, re.ASCII):
        raise InvalidInput(
            f"{argument('peft_version')}: {quote(version)} is not a version; write it like 0.13 or 0.13.2"
        )
    named = [release for release in releases if f"{release}.".startswith(f"{version}.")]
    if named:
        return PeftRelease(named[-1], recorded)
    raise InvalidInput(f"{argument('peft_version')}: {quote(version)} {_why_unknown(version, releases)}")


def known_versions() -> list[str]:
    """Return the releases that are known, the newest first."""
    with open(RECORDED, encoding="utf-8") as file:
        releases: list[str] = json.load(file)["releases"]
    return releases[::-1]


def _why_unknown(version: str, releases: list[str]) -> str:
    if _numbers(version) > _numbers(releases[-1]):
        return f"is newer than {releases[-1]}, the newest release of PEFT that is known here; leave it out"
    if _numbers(version) < _numbers(releases[0]):
        return f"is older than {releases[0]}, the first release of PEFT that is known here; give that or a newer one"
    return f"is not a release of PEFT; {near_miss(version, releases, f'the newest is {releases[-1]}')}"


def _numbers(version: str) -> Version:
    return tuple(map(int, version.split(".")))


def _by_field(releases: Mapping[str, list[str]]) -> dict[str, str]:
    return {name: release for release, names in releases.items() for name in names}
