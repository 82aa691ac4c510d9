"""LN tuning: copies of norms are trained, which run as the norms do (`peft.tuners.ln_tuning.layer.LNTuningLayer`)."""

from __future__ import annotations

from lora_cli.analysis.memory.replay.adapter import Adapter

ADAPTER = Adapter(runs_norms=True)
