"""How it is adapted: for each method, the tensors that it adds to a module.

Parameter counts and file sizes are sums over those tensors, so that they cannot disagree.
"""

from lora_cli.methods.registry import METHODS, check_name, method_named, variant_fields
from lora_cli.methods.tensor import Tensor, file_bytes

__all__ = ["METHODS", "Tensor", "check_name", "file_bytes", "method_named", "variant_fields"]
