"""What can be found wrong with a trained adapter: stable codes, how bad each is, and what to do about it."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import NamedTuple

from lora_cli.analysis.count.matrix_count import Record

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = (ERROR, WARNING, NOTE)


class Kind(NamedTuple):
    """A kind of finding: how bad it is, and the remedy."""

    severity: str
    remedy: str


FINDINGS = {
    "broken-file": Kind(ERROR, "download or save it again"),
    "empty-tensor": Kind(
        ERROR, "gather the parameters before saving, as ZeRO-3's stage3_gather_16bit_weights_on_model_save"
    ),
    "wrong-prefix": Kind(ERROR, "rename the keys, or save with PEFT's save_pretrained: loaders skip them silently"),
    "unknown-tensor": Kind(ERROR, "check that config and file belong together: loaders skip these silently"),
    "missing-tensor": Kind(ERROR, "save the adapter again: loaders leave these as they started"),
    "shape-mismatch": Kind(ERROR, "use the base model and the config that it was trained with"),
    "rank-mismatch": Kind(ERROR, "set r, or rank_pattern, to the rank in the file"),
    "other-model": Kind(ERROR, "give the base model that it was trained on"),
    "refused-config": Kind(ERROR, "give the base model that it was trained on, or mend the config"),
    "nan": Kind(ERROR, "go back to a checkpoint before training diverged"),
    "infinity": Kind(ERROR, "go back to a checkpoint before training diverged, or save in a wider type"),
    "zero-b": Kind(WARNING, "check that these were trained: with B zero an adapter changes nothing"),
    "unmatched-target": Kind(WARNING, "correct the name, or leave it out"),
    "unmatched-pattern": Kind(WARNING, "correct the key, or leave it out: it is ignored silently"),
    "rank-past-break-even": Kind(WARNING, "lower the rank, or train the weight itself"),
    "rank-past-dimension": Kind(WARNING, "lower the rank: no update has a higher one"),
    "full-embeddings": Kind(
        WARNING,
        "leave them out of modules_to_save and target_modules unless tokens were added; trainable_token_indices trains rows",
    ),
    "tied-apart": Kind(WARNING, "set ensure_weight_tying, or merge with the weights untied"),
    "extreme-scaling": Kind(WARNING, "choose lora_alpha near the rank, or use_rslora for high ranks"),
    "unknown-field": Kind(NOTE, "check its spelling, and the version of PEFT that wrote it"),
    "pickled-beside": Kind(NOTE, "remove it: the safetensors file is what is loaded"),
}


class Finding(NamedTuple):
    """Something found in an adapter."""

    adapter: str
    severity: str
    code: str
    message: str
    remedy: str

    def said(self) -> str:
        """Return it as one line.

        >>> Finding("out", "error", "nan", "1 tensor with NaN", "go back").said()
        'out: 1 tensor with NaN; go back [nan]'
        """
        return f"{self.adapter}: {self.message}; {self.remedy} [{self.code}]"

    def fails(self, fail_on: Container[str], ignore: Container[str]) -> bool:
        """Whether a check fails on it, by its code or its severity."""
        return self.code not in ignore and (self.code in fail_on or self.severity in fail_on)


class Judged(NamedTuple):
    """The findings of an adapter as a check has them: one that fails, or that there is none."""

    finding: Finding | None

    @property
    def rule(self) -> str:
        """The rule's name."""
        return "findings" if self.finding is None else f"finding: {self.finding.code}"

    @property
    def passed(self) -> bool:
        """Whether there is none."""
        return self.finding is None

    def record(self) -> Record:
        """Return the verdict by name, as the record of a limit: how many there are, and that there may be none."""
        return {"rule": self.rule, "value": int(not self.passed), "limit": 0, "passed": self.passed}

    def failure(self) -> str:
        """Say what was found."""
        return "" if self.finding is None else self.finding.said()


def judge(found: Iterable[Finding], fail_on: Container[str], ignore: Container[str]) -> list[Judged]:
    """Return a verdict for each finding that fails, or the one that none does."""
    return [Judged(finding) for finding in found if finding.fails(fail_on, ignore)] or [Judged(None)]
