"""The names that PEFT gives the files of an adapter, and how the keys in them begin.

A model's folder may hold these files too, so reading a model needs to know them.
"""

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
PICKLED_WEIGHTS = "adapter_model.bin"
ADAPTER_FILES = (ADAPTER_CONFIG, ADAPTER_WEIGHTS, PICKLED_WEIGHTS)

# PEFT's model keeps the method's tensors under `base_model`, and the model that is adapted under `model` within it.
PEFT_MODEL = "base_model."
BASE_MODEL = f"{PEFT_MODEL}model."
