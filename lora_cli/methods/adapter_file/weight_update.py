"""Which adapters change a weight by scaling · B·A and nothing else, so that A and B determine the update."""

from __future__ import annotations

from collections.abc import Iterable

from lora_cli.methods.config.adapter_config import AdapterConfig

# The tensors that DoRA and KaSA keep beside A and B. A file may have them whatever its config says.
VARIANT_KEYS = {".lora_magnitude_vector": "DoRA", ".lora_magnitude_vector.weight": "DoRA", ".lora_diag": "KaSA"}
VARIANT_REASONS = {
    "DoRA": "DoRA scales the adapted weight to a magnitude of its own, so its update is not scaling * B * A",
    "KaSA": "KaSA puts a diagonal between A and B and changes the base weight, so its update is not scaling * B * A",
}
# These starts subtract something from the base weight before training. The file's update is added to what is left.
SUBTRACTING_STARTS = ("pissa", "corda", "olora", "loftq", "lora_ga")


def reason_of_config(config: AdapterConfig, keys: Iterable[str], *, has_factors: bool) -> str | None:
    """Return why the update of PEFT's adapter is not scaling · B·A, or None where it is.

    `peft.tuners.lora.variants`: DoRA, KaSA, BD-LoRA and QA-LoRA merge in another way or not at all. aLoRA, VeLoRA,
    MonteCLoRA and MiCA change how or where A and B train; they add the plain product.
    """
    if not has_factors:
        return f"{config.label} does not update a weight by a product of two low-rank matrices"
    keys = tuple(keys)
    variant = next((name for ending, name in VARIANT_KEYS.items() if any(key.endswith(ending) for key in keys)), None)
    if config.lora.use_dora or variant == "DoRA":
        return VARIANT_REASONS["DoRA"]
    if config.lora.kasa_config or variant == "KaSA":
        return VARIANT_REASONS["KaSA"]
    if config.lora.use_bdlora is not None:
        return "use_bdlora stores A or B as the blocks of a block-diagonal matrix, so its update is not scaling * B * A"
    if config.lora.use_qalora:
        return "use_qalora averages groups of inputs before A, so its update is not scaling * B * A"
    return None


def subtracting_start(config: AdapterConfig) -> str | None:
    """Return the `init_lora_weights` that subtracted something from the base weights, if there was one.

    The update belongs to the weights that are left, which differ from those in the base model's own file.
    """
    start = config.lora.init_lora_weights
    return start if isinstance(start, str) and start.lower().startswith(SUBTRACTING_STARTS) else None
