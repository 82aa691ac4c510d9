"""How a model is adapted: for each method, the tensors that it adds.

Parameter counts and file sizes are sums over those tensors, so they cannot disagree.
"""

from lora_cli.methods.adapter_file.file_size import file_bytes
from lora_cli.methods.registry import METHODS, check_name, method_named, variant_fields
from lora_cli.methods.tensor import Tensor

__all__ = ["METHODS", "Tensor", "check_name", "file_bytes", "method_named", "variant_fields"]
