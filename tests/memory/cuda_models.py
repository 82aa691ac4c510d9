"""What a run of a card trains: its model with its adapter, its optimizer, a batch."""

from __future__ import annotations

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import peft
import torch
import transformers

from tests.memory.cuda_further_runs import FURTHER_SHAPES
from tests.memory.cuda_run_list import SHAPES

DEPTHS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_decoder_layers")


def cut_down(config: dict) -> dict:
    """Return a config of two layers and a small vocabulary, for the CPU."""
    small = config | ({"vocab_size": 128} if "vocab_size" in config else {})
    small |= dict.fromkeys(small.keys() & {*DEPTHS}, 2)
    if "text_config" in small:
        small["text_config"] = cut_down(small["text_config"])
    if "layer_types" in small:
        small["layer_types"] = small["layer_types"][-2:]
    return dict(small, **{k: None for k in ("pad_token_id", "bos_token_id", "eos_token_id") if k in small})


def four_bit(model: torch.nn.Module, quant: str, compute: torch.dtype, device: str) -> None:
    """Replace every Linear but the head by bitsandbytes' own, quantised from its weights."""
    import bitsandbytes as bnb

    for name, module in list(model.named_modules()):
        if type(module) is not torch.nn.Linear or name.rsplit(".", 1)[-1] in ("lm_head", "score", "classifier"):
            continue
        sizes = (module.in_features, module.out_features, module.bias is not None)
        if quant == "int8":
            new = bnb.nn.Linear8bitLt(*sizes, has_fp16_weights=False, threshold=6.0, device="meta")
            new.weight = bnb.nn.Int8Params(module.weight.data.cpu(), requires_grad=False, has_fp16_weights=False)
        else:
            double = quant == "nf4-dq"
            kind = {"compress_statistics": double, "quant_type": "nf4"}
            new = bnb.nn.Linear4bit(*sizes, compute_dtype=compute, device="meta", **kind)
            new.weight = bnb.nn.Params4bit(module.weight.data, requires_grad=False, module=new, **kind)
        new.bias = module.bias
        module.weight = None
        owner, _, last = name.rpartition(".")
        setattr(model.get_submodule(owner), last, new.to(device))
    setattr(model, "is_loaded_in_8bit" if quant == "int8" else "is_loaded_in_4bit", True)


def built(run: dict, device: str) -> torch.nn.Module:
    """Return the model of a run with its adapter."""
    shape = (SHAPES | FURTHER_SHAPES)[run["model"]]
    config = dict(shape)
    config = cut_down(config) if device == "cpu" else config
    config = {k: v for k, v in config.items() if k != "model_type"} | {"use_cache": False}
    if run["layers"] and device != "cpu":
        config["num_hidden_layers"] = run["layers"]
    if run["vocab"]:
        config["vocab_size"] = run["vocab"] if device != "cpu" else 128
    config = transformers.AutoConfig.for_model(shape["model_type"], **config)
    config.get_text_config().use_cache = False
    auto, dtype = getattr(transformers, run["auto"]), getattr(torch, run["dtype"])
    with torch.device(device):
        model = auto.from_config(config, dtype=dtype, attn_implementation=run["attention"])
    if run["quant"]:
        four_bit(model, run["quant"], dtype, device)
    kwargs = {"use_reentrant": False}
    if run["quant"] and run["kbit_prepare"]:
        model = peft.prepare_model_for_kbit_training(
            model, use_gradient_checkpointing=run["checkpointing"], gradient_checkpointing_kwargs=kwargs
        )
    elif run["checkpointing"]:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=kwargs)
        model.enable_input_require_grads()
    if run["adapter"]:
        adapter = {k: v for k, v in run["adapter"].items() if k != "peft_type"}
        kind = peft.PEFT_TYPE_TO_CONFIG_MAPPING[run["adapter"].get("peft_type", "LORA")]
        model = peft.get_peft_model(model, kind(**adapter), autocast_adapter_dtype=run["adapter_dtype"] == "float32")
    return model.train()


def optimiser(run: dict, model: torch.nn.Module, device: str) -> torch.optim.Optimizer:
    """Return the optimizer that a run names, as Trainer makes it: embeddings keep states of 32 bits."""
    name, params = run["optimizer"], [p for p in model.parameters() if p.requires_grad]
    if name == "sgd":
        return torch.optim.SGD(params, lr=1e-4)
    if name == "adafactor":
        return transformers.Adafactor(params, lr=1e-4, scale_parameter=False, relative_step=False)
    if name in ("adamw_8bit", "paged_adamw_8bit"):
        import bitsandbytes as bnb

        manager = bnb.optim.GlobalOptimManager.get_instance()
        for module in model.modules():
            if isinstance(module, torch.nn.Embedding):
                manager.register_module_override(module, "weight", {"optim_bits": 32})
        return (bnb.optim.AdamW8bit if name == "adamw_8bit" else bnb.optim.PagedAdamW8bit)(params, lr=1e-4)
    fused, foreach = name == "adamw_fused" and device != "cpu", name == "adamw_foreach"
    return torch.optim.AdamW(params, lr=1e-4, fused=fused, foreach=foreach)


def batch_of(run: dict, model: torch.nn.Module, device: str) -> dict[str, torch.Tensor]:
    """Return a batch of random tokens or pixels."""
    batch, seq = (1, 16) if device == "cpu" else (run["batch"], run["seq"])
    config = model.config
    if run["auto"] == "AutoModelForImageClassification":
        size = config.image_size
        pixels = torch.randn(batch, 3, size, size, device=device, dtype=getattr(torch, run["dtype"]))
        return {"pixel_values": pixels, "labels": torch.zeros(batch, dtype=torch.int64, device=device)}
    vocab = config.get_text_config().vocab_size
    ids = torch.randint(5, vocab, (batch, seq), device=device)
    if run["auto"] == "AutoModelForSequenceClassification":
        labels = torch.zeros(batch, dtype=torch.int64, device=device)
    elif run["auto"] == "AutoModelForTokenClassification":
        labels = torch.zeros_like(ids)
    else:
        labels = torch.randint(5, vocab, (batch, seq), device=device)
    inputs = {"input_ids": ids, "labels": labels}
    if run["padded"]:
        inputs["attention_mask"] = torch.ones_like(ids)
        inputs["attention_mask"][0, -(seq // 4) :] = 0
    return inputs
