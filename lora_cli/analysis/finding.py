"""What can be found wrong with a trained adapter: stable codes, how bad each is, and what to do about it."""

from __future__ import annotations

from typing import NamedTuple

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
        WARNING, "leave them out of what is saved unless tokens were added (save_embedding_layers=False)"
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
