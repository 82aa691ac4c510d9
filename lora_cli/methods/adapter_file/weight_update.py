"""Which adapters change a weight by scaling · B·A and nothing else: what is computed from the factors holds for these."""

from __future__ import annotations

from lora_cli.methods.adapter_file.trained_adapter import Trained

# Beside A and B: what DoRA and KaSA keep, whatever the config says.
MORE = {".lora_magnitude_vector": "DoRA", ".lora_magnitude_vector.weight": "DoRA", ".lora_diag": "KaSA"}
WHY_MORE = {
    "DoRA": "DoRA scales the adapted weight to a magnitude of its own, so its update is not scaling * B * A",
    "KaSA": "KaSA puts a diagonal between A and B and cuts the base weight, so its update is not scaling * B * A",
}
# These take something off the base weight before they train; the file's update goes on top of what they left.
CUT = ("pissa", "corda", "olora", "loftq", "lora_ga")


def why_no_update(trained: Trained) -> str | None:
    """Return why an adapter's update is not scaling · B·A, or None where it is.

    `peft.tuners.lora.variants`: DoRA, KaSA, BD-LoRA and QA-LoRA merge otherwise or not at all. aLoRA, VeLoRA,
    MonteCLoRA and MiCA differ in how or where they train; what they add is the plain product.
    """
    config = trained.config
    if config.method != "lora":
        return f"{config.label} has no update of two thin matrices"
    keys = trained.tensors
    more = next((name for ending, name in MORE.items() if any(key.endswith(ending) for key in keys)), None)
    if config.use_dora or more == "DoRA":
        return WHY_MORE["DoRA"]
    if config.kasa_config or more == "KaSA":
        return WHY_MORE["KaSA"]
    if config.use_bdlora is not None:
        return "use_bdlora stores A or B as the blocks of a diagonal, so its update is not scaling * B * A"
    if config.use_qalora:
        return "use_qalora takes means of groups of inputs before A, so its update is not scaling * B * A"
    return None


def cut_base(trained: Trained) -> str | None:
    """Return the `init_lora_weights` that took something off the base weights, if one did.

    The update is what PEFT adds to the weights that are left. The weights of the base model's own file are others.
    """
    start = trained.config.init_lora_weights
    return start if isinstance(start, str) and start.lower().startswith(CUT) else None
