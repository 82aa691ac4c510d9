"""Bundled models, each read once by a process: what looks through all of them reads 222."""

from __future__ import annotations

from functools import cache

from lora_cli.models.sources.preset import read_preset

read_once = cache(read_preset)
