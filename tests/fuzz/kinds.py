"""The kinds of hostile input: each writes files into a folder and returns a command line that reads them."""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import hostile
from hub_kinds import hub_answers, hub_cache, use_no_network
from plot_kinds import draw_once, plot
from small_models import SMALL

from lora_cli.analysis.explain.log_formats import LOG_FORMATS
from lora_cli.analysis.limits import LIMITS
from lora_cli.analysis.loaders.registry import loader_named, loader_names
from lora_cli.cli.registry import command_function, command_names
from lora_cli.methods.config.peft_releases import known_versions
from lora_cli.methods.config.recipes.recipe_file import read_fields, with_inner_fields
from lora_cli.methods.config.recipes.registry import programs
from lora_cli.methods.registry import METHODS, method_named
from lora_cli.models.registry import model_types
from lora_cli.output.registry import format_names

Kind = Callable[[Random, Path], list[str]]
Header = dict[str, Any]

PRESETS = ["gpt2", "llama-3.2-1b", "qwen3-0.6b"]
LEAVES = ["q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj", "c_attn", "query", "lm_head", "embed_tokens"]
TARGETS: list[Any] = [*([leaf] for leaf in LEAVES), LEAVES, "all-linear", r".*\.(q|v)_proj", None]
DTYPES = ["F32", "F16", "BF16", "F64", "I8", "U8", "F8_E4M3", "I64"]
# Values that fit some field of a config.
FITTING: dict[str, list[Any]] = {
    "r": [1, 2, 4, 8, 64],
    "lora_alpha": [1, 8, 16.5],
    "target_modules": TARGETS,
    "exclude_modules": [["k_proj"], ".*k_proj"],
    "modules_to_save": [["lm_head"], ["embed_tokens"], ["nothing"], []],
    "layers_to_transform": [[0], 0, [0, 1], [9]],
    "layers_pattern": ["layers", ["layers", "h"], ""],
    "layer_replication": [[[0, 1], [0, 2]], [[1, 1]], [[0, 9]]],
    "rank_pattern": [{"q_proj": 2}, {".*": 3}, {"(": 1}],
    "alpha_pattern": [{"q_proj": 2}, {"k_proj": 0}],
    "bias": ["none", "all", "lora_only"],
    "task_type": ["CAUSAL_LM", "SEQ_CLS", "TOKEN_CLS", "QUESTION_ANS", "SEQ_2_SEQ_LM"],
    "trainable_token_indices": [[0, 1], {"embed_tokens": [0]}, [10**6]],
    "target_parameters": [["mlp.experts.gate_up_proj"], ["experts.down_proj"]],
    "init_lora_weights": [True, "pissa", "olora", "loftq", "eva", "corda", "lora_ga", "orthogonal"],
}
SUBJECTS = {"count", "forward", "sweep", "fit", "check"}
NUMBERS = ["1", "2", "8", "64", "100", "4096", "1:8:x2", "4,8"]


def options(command: str) -> list[str]:
    """Return the names of a command's options."""
    from typer.main import get_command

    from lora_cli.cli.application import application

    parameters = get_command(application(command, with_help=False)).params
    return [name for each in parameters if each.param_type_name == "option" for name in each.opts]


OPTIONS = {command: options(command) for command in command_names()}


def argv(draw: Random, _: Path) -> list[str]:
    """Draw a command line: options that fit, and words that do not."""
    command = draw.choice(command_names())
    words = [command]
    if command in SUBJECTS and draw.random() < 0.8:
        words += ["-d", draw.choice(NUMBERS[:6]), "-h", draw.choice(NUMBERS[:6]), "-r", draw.choice(NUMBERS[:6])]
        if draw.random() < 0.4:
            words = [command, "--model", draw.choice(PRESETS), "-r", draw.choice(NUMBERS[:5])]
    for _ in range(draw.randrange(4)):
        option = draw.choice(OPTIONS[command])
        fitting = {
            "--method": list(METHODS),
            "--format": format_names(),
            "--set": ["use_dora=true", "block_size=4", "bias=all", "init_lora_weights=pissa", 'modules_to_save=["a"]'],
            "--target": ["q_proj", "all-linear", "c_attn,c_proj", ".*"],
            "--field": ["r", "trainable_params", "r,d"],
        }.get(option, NUMBERS)
        words += [option, draw.choice(fitting) if draw.random() < 0.6 else hostile.word(draw)]
    if draw.random() < 0.2:
        words.insert(draw.randrange(len(words) + 1), hostile.word(draw))
    if draw.random() < 0.1:
        del words[draw.randrange(len(words))]
    # A pass over a large matrix is a long one, and neither a terminal nor a home is written to.
    kept = [word[:200_000] for word in words if "completion" not in word and "-batch" not in word]
    return [os.fsencode(word.replace("\0", "")).decode("utf-8", "surrogateescape") for word in map(encodable, kept)]


def encodable(word: str) -> str:
    """Return a word that a command line can hold: half a character arrives as bytes that are not UTF-8."""
    return word.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")


def model_config(draw: Random, folder: Path) -> list[str]:
    """Draw a config.json: a small model of some family, damaged."""
    kind = draw.choice(model_types())
    content = dict(SMALL.get(kind, draw.choice(list(SMALL.values()))), model_type=kind)
    if draw.random() < 0.3:
        content["architectures"] = [draw.choice(["LlamaForCausalLM", "GPT2LMHeadModel", "BertModel", "X", "\x1b"])]
    if draw.random() < 0.3:
        content = {"model_type": "llava", "text_config": content, "vision_config": dict(SMALL["vit"])}
    for _ in range(draw.choice([0, 1, 1, 2, 4])):
        content = hostile.damaged(draw, content)
    (folder / "config.json").write_bytes(hostile.text(draw, content))
    source = draw.choice([".", "config.json", "./config.json"])
    target = draw.choice([[], ["--target", "all-linear"], ["--target", "q_proj,v_proj"], ["--target", ".*"]])
    command = draw.choice(["count", "count", "check", "fit"])
    budget = {"check": ["--max-params", "1M", "-r", "4"], "fit": ["--max-params", "1M"]}.get(command, ["-r", "4"])
    return [command, "--model", source, *target, *budget, *presented(draw)]


TRAINING_WORDS: dict[str, list[str]] = {
    "--batch": ["1", "3", "1000000"],
    "--seq": ["1", "77", "2048", "999999999"],
    "--dtype": ["float32", "float16", "bfloat16"],
    "--quantize": ["nf4", "nf4-double", "int8", "none"],
    "--optimizer": ["adamw", "sgd", "adafactor", "adamw-8bit", "paged-adamw-8bit"],
    "--attention": ["sdpa", "eager", "flash"],
    "--loss": ["full", "chunked"],
    "--gpu": ["t4", "h100", "4090", "rtx-4090x"],
    "--vram": ["24GB", "24GiB", "1"],
    "--method": ["lora", "full", "vera", "prompt_tuning", "loha", "bone"],
    "--utilisation": ["0.4", "nan", "1.1"],
    "--tokens": ["10M", "1"],
    "--accumulate": ["1", "8", "0"],
    "--serve": ["1", "16"],
    "--max-rank": ["16", "17"],
    "--tp": ["1", "3"],
}
TRAINING_SWITCHES = [
    "--autocast",
    "--padded",
    "--logits-kept",
    "--no-checkpointing",
    "--no-kbit-prepare",
    "--no-padded",
]


def training(draw: Random, folder: Path) -> list[str]:
    """Draw a training of a small model, damaged or not, with settings that fit and words that do not."""
    content = dict(draw.choice(list(SMALL.values())))
    for _ in range(draw.choice([0, 0, 1, 2])):
        content = hostile.damaged(draw, content)
    (folder / "config.json").write_bytes(hostile.text(draw, content))
    words = draw.choice([["memory"], ["memory"], ["check", "--max-memory", "1GB"], ["fit", "--max-memory", "1GB"]])
    words = [*words, "--model", draw.choice([".", ".", "gpt2"])]
    for option in draw.sample(list(TRAINING_WORDS), draw.randrange(5)):
        fitting = draw.choice(TRAINING_WORDS[option])
        words += [option, fitting if draw.random() < 0.8 else encodable(hostile.word(draw).replace("\0", ""))[:2000]]
    switches = draw.sample(TRAINING_SWITCHES, draw.choice([0, 0, 1, 2]))
    return [*words, *switches, *(["-r", "4"] if draw.random() < 0.5 else []), *presented(draw)]


def peft_config(draw: Random) -> Header:
    """Return the config of a method with some of its fields set, damaged or not."""
    method = method_named(draw.choice(list(METHODS)))
    content: Header = {"peft_type": method.peft_type, "target_modules": draw.choice(TARGETS)}
    fields = sorted({*method.fields, *method.shared_fields, "r"})
    for field in draw.sample(fields, min(len(fields), draw.randrange(6))):
        default = method.fields.get(field)
        fitting = FITTING.get(field, [default, 1, 2, 4, True, "x"])
        content[field] = draw.choice(fitting) if draw.random() < 0.7 else hostile.value(draw)
    for _ in range(draw.choice([0, 0, 1, 2])):
        content = hostile.damaged(draw, content)
    return content if isinstance(content, dict) else {"peft_type": content}


def adapter_config(draw: Random, folder: Path) -> list[str]:
    """Draw an adapter_config.json on a small model, on a matrix, or as a path of a check."""
    (folder / "adapter_config.json").write_bytes(hostile.text(draw, peft_config(draw)))
    (folder / "config.json").write_text(json.dumps(draw.choice(list(SMALL.values()))))
    subject = ["--model", draw.choice([".", ".", "gpt2"])] if draw.random() < 0.85 else ["-d", "64", "-h", "48"]
    command = draw.choice(["count", "count", "fit", "check", "check-path"])
    if command == "check-path":
        return ["check", "adapter_config.json", *subject, "--max-params", "1M", *presented(draw)]
    budget = {"check": ["--max-params", "1M"], "fit": ["--max-params", "1M"]}.get(command, [])
    return [command, *subject, "--adapter", draw.choice([".", "adapter_config.json"]), *budget, *presented(draw)]


def lora_header(draw: Random) -> Header:
    """Return the header of a LoRA file with a few modules."""
    header: Header = {}
    offset = 0
    for _ in range(draw.randrange(5)):
        module = f"base_model.model.model.layers.{draw.randrange(3)}.self_attn.{draw.choice(LEAVES)}"
        r, dtype = draw.choice([1, 2, 4]), draw.choice(DTYPES[:3])
        size = {"F32": 4, "F16": 2, "BF16": 2}[dtype]
        for name, shape in (("lora_A", [r, 8]), ("lora_B", [8, r])):
            end = offset + 8 * r * size
            header[f"{module}.{name}.weight"] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, end]}
            offset = end
    return header


def write_tensors(draw: Random, path: Path, header: Header, damages: Sequence[int] = (0, 0, 1, 2)) -> None:
    """Write a safetensors file, mostly whole: `damages` are how many parts of its header may be damaged."""
    sizes = [entry["data_offsets"][1] for entry in header.values() if isinstance(entry, dict) and intact(entry)]
    length = min(max(sizes, default=0), 10_000)
    for _ in range(draw.choice(damages)):
        header = hostile.damaged(draw, header)
    content = hostile.text(draw, header)
    claimed = len(content) if draw.random() < 0.95 else draw.choice([0, 1, len(content) + 1, 2**63, 2**64 - 1])
    values = draw.choice([bytes(length), draw.randbytes(length), b"\xff" * length, b"\x7f" * length])
    path.write_bytes((struct.pack("<Q", claimed) + content + values)[: None if draw.random() < 0.95 else -1])


def intact(entry: Header) -> bool:
    """Whether an entry of a header says where its bytes end."""
    offsets = entry.get("data_offsets")
    return isinstance(offsets, list) and len(offsets) == 2 and type(offsets[1]) is int


def header(draw: Random, folder: Path) -> list[str]:
    """Draw the header of a model's checkpoint, alone, in an index's shards, or beside a config."""
    found: Header = {}
    offset = 0
    for number in range(draw.randrange(6)):
        name = draw.choice(
            ["model.layers.0.q_proj.weight", f"a.{number}.weight", f"h.{number}.bias", hostile.word(draw)]
        )
        shape = draw.choice([[4], [4, 8], [8, 4, 1, 1], [], [0, 3], [2, 2, 2]])
        dtype = draw.choice(DTYPES)
        end = offset + 4 * 8
        found[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, end]}
        offset = end
    name = draw.choice(["model.safetensors", "model-00001-of-00001.safetensors", "x.safetensors"])
    write_tensors(draw, folder / name, found)
    source = draw.choice([".", name])
    if draw.random() < 0.3:
        index = {"metadata": {}, "weight_map": dict.fromkeys(found, name)}
        for _ in range(draw.randrange(3)):
            index = hostile.damaged(draw, index)
        (folder / "model.safetensors.index.json").write_bytes(hostile.text(draw, index))
        source = draw.choice([".", "model.safetensors.index.json"])
    if draw.random() < 0.2:
        (folder / "config.json").write_text(json.dumps(SMALL["llama"]))
    if draw.random() < 0.1:
        return ["forward", "--weights", source, "--adapter", ".", "--module", "q_proj", *presented(draw)]
    target = draw.choice(["all-linear", "q_proj", ".*"])
    return ["count", "--model", source, "--target", target, "-r", "2", *presented(draw)]


def adapter_folder(draw: Random, folder: Path) -> list[str]:
    """Draw a trained adapter: a config and a file that fit each other, nearly or not at all."""
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": LEAVES[:4]}
    if draw.random() < 0.5:
        config = {**peft_config(draw), **({} if draw.random() < 0.5 else {"peft_type": "LORA"})}
    (folder / "adapter_config.json").write_bytes(hostile.text(draw, config))
    write_tensors(draw, folder / "adapter_model.safetensors", lora_header(draw))
    (folder / "config.json").write_text(json.dumps(SMALL["llama"]))
    model = draw.choice([[], ["--model", "config.json"], ["--model", "gpt2"]])
    command = draw.choice([["inspect"], ["inspect", "--spectrum"], ["inspect", "--per-module"], ["check"], ["forward"]])
    if command == ["forward"]:
        return [*command, "--adapter", ".", "--module", draw.choice(LEAVES), "--weights", ".", *presented(draw)]
    return [*command, ".", *model, *(loads_in(draw) if command == ["check"] else []), *presented(draw)]


def loads_in(draw: Random) -> list[str]:
    """Draw where an adapter is to be loaded, if anywhere."""
    loader = draw.choice(loader_names())
    version = draw.choice([*known_versions(), "0.13", "99", "x"])
    release = ["--peft-version", version] if draw.random() < (0.7 if loader_named(loader).has_releases else 0.1) else []
    others = draw.choice(["", "", ",vllm", ",peft,diffusers"])
    return (
        ["--loads-in", loader + others, *release, *draw.choice([[], ["--max-rank", "8"]])]
        if draw.random() < 0.6
        else []
    )


# The tensors of a module in the files of kohya's scripts and LyCORIS, and of other programs, with shapes that fit.
TENSORS: list[dict[str, list[int]]] = [
    {"lora_down.weight": [2, 8], "lora_up.weight": [8, 2], "alpha": []},
    {"lora_down.weight": [2, 8, 3, 3], "lora_up.weight": [8, 2, 1, 1], "dora_scale": [8, 1, 1, 1], "alpha": [1]},
    {"lora_down.weight": [2, 8, 1, 1], "lora_mid.weight": [2, 2, 3, 3], "lora_up.weight": [8, 2, 1, 1]},
    {"hada_w1_a": [8, 2], "hada_w1_b": [2, 8], "hada_w2_a": [8, 2], "hada_w2_b": [2, 8], "alpha": []},
    {"lokr_w1": [2, 2], "lokr_w2_a": [4, 1], "lokr_w2_b": [1, 4], "alpha": []},
    {"diff": [8, 8], "diff_b": [8]},
    {"w_norm": [8], "b_norm": [8]},
    {"weight": [8], "on_input": []},
    {"oft_blocks": [2, 4, 4], "alpha": []},
    {"a1.weight": [8, 2], "a2.weight": [2, 8], "b1.weight": [8, 2], "b2.weight": [2, 8]},
    {"lora_A.weight": [2, 8], "lora_B.weight": [8, 2]},
    {"lora.down.weight": [2, 8], "lora.up.weight": [8, 2], "alpha": []},
    {"processor.to_q_lora.down.weight": [2, 8], "processor.to_q_lora.up.weight": [8, 2]},
    {"lora_A.weight": [2, 8], "lora_B.weight": [8, 2], "lora_magnitude_vector": [8], "lora_B.bias": [8]},
    {"lora_a": [8, 2], "lora_b": [2, 8], "m": [8]},
    {"lora_a": [3, 2, 8], "lora_b": [3, 8, 2]},
    {"lora_a.weight": [2, 8], "lora_b.weight": [8, 2], "magnitude": [8]},
]
ROOTS = [
    "lora_unet_layers_{}_self_attn_{}",
    "diffusion_model.layers.{}.self_attn.{}",
    "lora_te1_layers_{}_{}",
    "lycoris_{1}",
    "unet.layers.{}.{}",
    "text_encoder.layers.{}.{}",
    "layers.{}.attn.{}",
    "base_model.model.layers.{}.{}",
    "{1}",
]
# What diffusers writes into the metadata of a model of a pipeline, and mlx-lm and torchtune into the config beside a file.
ADAPTER_FIELDS: Header = {
    "r": 2,
    "lora_alpha": 4,
    "target_modules": ["q_proj"],
    "rank_pattern": {"q_proj": 2},
    "fine_tune_type": "lora",
    "lora_parameters": {"rank": 2, "scale": 20.0},
}
METADATA = [
    "ss_steps",
    "ss_epoch",
    "ss_learning_rate",
    "ss_network_dim",
    "ss_network_alpha",
    "ss_sd_model_name",
    "format",
]
NUMBERS_AS_TEXT = ["1", "0.5", "nan", "-1", "1e999", "None", "9" * 5000, "[" * 5000, '{"a":' * 5000]


def adapter_fields(draw: Random, start: str = "") -> Header:
    """Draw what a file's metadata or the config beside it says, some of it strange."""
    own = draw.sample(sorted(ADAPTER_FIELDS), draw.randrange(1, len(ADAPTER_FIELDS)))
    return {start + name: ADAPTER_FIELDS[name] if draw.random() < 0.7 else hostile.value(draw) for name in own}


def foreign_file(draw: Random, folder: Path) -> list[str]:
    """Draw a file of another format than PEFT's: modules of one kind or several, with metadata that may be anything."""
    header: Header = {}
    offset = 0
    for _ in range(draw.randrange(1, 5)):
        root = draw.choice(ROOTS[:6] if draw.random() < 0.9 else ROOTS).format(draw.randrange(3), draw.choice(LEAVES))
        for name, shape in draw.choice(TENSORS).items():
            dtype = "F32" if draw.random() < 0.9 else draw.choice(DTYPES)
            end = offset + math.prod(shape) * {"F64": 8, "I64": 8, "F32": 4, "F16": 2, "BF16": 2}.get(dtype, 1)
            if draw.random() < 0.95:
                header[f"{root}.{name}"] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, end]}
                offset = end
    if draw.random() < 0.7:
        notes = {name: draw.choice([*NUMBERS_AS_TEXT, hostile.word(draw)]) for name in draw.sample(METADATA, 3)}
        if draw.random() < 0.5:
            own = adapter_fields(draw, draw.choice(["unet.", "text_encoder.", ""]))
            notes["lora_adapter_metadata"] = draw.choice([json.dumps(own), *NUMBERS_AS_TEXT])
        header = {"__metadata__": notes, **header}
    name = draw.choice(["style.safetensors", "adapter_model.safetensors", "pytorch_lora_weights.safetensors"])
    write_tensors(draw, folder / name, header, (0, 0, 0, 1))
    if draw.random() < 0.3:
        (folder / "adapter_config.json").write_text(json.dumps(adapter_fields(draw)))
    (folder / "config.json").write_text(json.dumps(SMALL["llama"]))
    path, model = draw.choice([name, name, "."]), draw.choice([[], ["--model", "config.json"]])
    command = draw.choice([["inspect"], ["inspect", "--spectrum"], ["inspect", "--per-module"], ["check"], ["forward"]])
    if command == ["forward"]:
        return [*command, "--adapter", name, "--module", draw.choice(LEAVES), "--weights", ".", *presented(draw)]
    limits = ["--max-params", "1K", *loads_in(draw)] if command == ["check"] else []
    return [*command, path, *model, *limits, *presented(draw)]


RULES: Header = {"max-params": "5M", "max-percent": 10, "fail-on": ["error"], "ignore": ["nan"]}
TABLES: list[Header] = [
    {"model": "gpt2", "r": 8, "target": "c_attn"},
    {"model": ".", "method": "vera", "set": {"save_projection": True}},
    {"model": "gpt2", "adapter": "adapter_config.json", "adapter-dtype": "float16"},
    {"path": ".", "max-bytes": "1MB"},
    {"path": "config.json", "r": 2, "alpha": 4},
    {"d": 64, "h": 48, "r": 4},
    {"r": 4},
]


def pyproject(draw: Random, folder: Path) -> list[str]:
    """Draw the section of a pyproject.toml, with or without subjects of its own."""
    damage = draw.choice([0.0, 0.0, 0.05, 0.3])
    lines = ["[tool.lora-cli]", *toml_lines(draw, {**RULES, "model": draw.choice(["gpt2", "."])}, damage)]
    for _ in range(draw.choice([0, 1, 1, 2, 4])):
        limit = draw.choice(list(RULES))
        table = {**draw.choice(TABLES), limit: RULES[limit]}
        lines += ["[[tool.lora-cli.check]]", *toml_lines(draw, table, damage)]
    if draw.random() < damage:
        lines[0] = draw.choice(["[tool.lora_cli]", "[tool]", "[[tool.lora-cli]]", f"x = [{'0x' + 'f' * 4000}]"])
    content = "\n".join(lines).encode("utf-8", "replace")
    (folder / "pyproject.toml").write_bytes(content if draw.random() > damage else hostile.noise(draw, content))
    (folder / "config.json").write_text(json.dumps(draw.choice(list(SMALL.values()))))
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 2, "target_modules": ["c_attn"]}))
    subject = [] if draw.random() < 0.7 else ["-d", "64", "-h", "64", "-r", "4", "--max-params", "5M"]
    return ["check", *subject, *presented(draw)]


def toml_lines(draw: Random, keys: Header, damage: float) -> list[str]:
    """Return lines of TOML with most of the keys, some of them with another name or a hostile value."""
    kept = {
        hostile.word(draw) if draw.random() < damage / 2 else key: hostile.value(draw)
        if draw.random() < damage
        else own
        for key, own in keys.items()
        if draw.random() < 0.8
    }
    return [f"{json.dumps(key, ensure_ascii=False)} = {toml(value)}" for key, value in kept.items()]


def toml(value: Any) -> str:
    """Return a value as TOML has it, where that has it."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{toml(key)} = {toml(each)}' for key, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def lock(draw: Random, folder: Path) -> list[str]:
    """Draw a lock's file, and a check that compares or updates it."""
    figures = {"method": "lora", "r": 4, "full_params": 4096, "trainable_params": 512, "all_params": 4608}
    content: Any = {
        "lock": "lora-cli check",
        "schema_version": 1,
        "subjects": {"64 x 64 | lora r=4": figures, "./a": {}},
    }
    for _ in range(draw.choice([0, 1, 2, 3])):
        content = hostile.damaged(draw, content)
    if draw.random() < 0.95:
        (folder / "counts.lock").write_bytes(hostile.text(draw, content))
    update = draw.choice([[], ["--update-lock"]])
    limit = draw.choice(
        [[], [f"--{draw.choice(list(LIMITS.values())).rule}", draw.choice(["1", "99", hostile.word(draw)])]]
    )
    limit = [encodable(word.replace("\0", "")) for word in limit]
    return ["check", "-d", "64", "-h", "64", "-r", "4", "--lock", "counts.lock", *update, *limit, *presented(draw)]


LOG_WORDS = [
    *(word for form in LOG_FORMATS.values() for word in form.example.split()),
    "trainable",
    "params:",
    "||",
    "294,912",
    "124734720",
    "\x1b[32m",
]


def log_line(draw: Random, folder: Path) -> list[str]:
    """Draw a trainer's log line, whole or damaged, and what is believed of it."""
    line = draw.choice([form.example for form in LOG_FORMATS.values()])
    if draw.random() < 0.5:
        line = f"trainable params: {draw.choice(['294,912', '589824', '7168'])} || all params: 124,734,720"
    words = line.split(" ")
    for _ in range(draw.choice([0, 0, 1, 3])):
        place = draw.randrange(len(words) + 1)
        words[place : place + draw.randrange(2)] = [draw.choice([*LOG_WORDS, hostile.word(draw), "-1", "1e9"])]
    (folder / "config.json").write_text(json.dumps(draw.choice(list(SMALL.values()))))
    text = encodable(" ".join(words).replace("\0", ""))[:100_000]
    model = draw.choice([[], ["--model", "."], ["--model", "gpt2"]])
    believed = draw.choice([[], ["-r", "16"], ["-t", "all-linear"], ["-t", "c_attn", "--set", "use_dora=true"]])
    # A text that begins with - would be an option.
    return ["explain", *model, *believed, *presented(draw), "--", text]


def presented(draw: Random) -> list[str]:
    """Return options for the output."""
    kind = draw.random()
    if kind < 0.4:
        return ["--format", draw.choice(format_names())]
    if kind < 0.5:
        return ["--json", "-o", "out.json"]
    return ["--field", "r"] if kind < 0.6 else []


RECIPES = sorted((Path(__file__).parents[1] / "reference" / "recipes").glob("*/*"))
TAGS = [
    "!!python/object/apply:os.system [touch ran]",
    "!!binary x",
    "!!set {a, b}",
    "&a [*a]",
    "*b",
    "<<: {r: 1}",
    "\t- x",
]


def recipe(draw: Random, folder: Path) -> list[str]:
    """Draw a trainer's recipe, damaged as data or as text."""
    source = draw.choice(RECIPES)
    fields = with_inner_fields(read_fields(str(source), programs()))
    content = {name: value for name, value in fields.items() if "." not in name}
    for _ in range(draw.choice([0, 1, 1, 2, 4])):
        content = hostile.damaged(draw, content)
    if draw.random() < 0.5:
        written = hostile.text(draw, content)
    else:
        lines = source.read_text(encoding="utf-8").splitlines()
        lines.insert(
            draw.randrange(len(lines) + 1), draw.choice([f"x: {draw.choice(TAGS)}", *lines, *TAGS, "- 1", "---"])
        )
        written = "\n".join(lines).encode()
    (folder / "recipe.yml").write_bytes(written)
    command = draw.choice(["count", "count", "memory", "fit", "check", "sweep"])
    budget = {"check": ["--max-params", "1M"], "fit": ["--max-params", "10M"]}.get(command, [])
    model = ["-m", draw.choice(PRESETS)] if draw.random() < 0.7 else []
    return [command, "--recipe", "recipe.yml", *model, *budget, *presented(draw)]


KINDS: dict[str, Kind] = {
    kind.__name__: kind
    for kind in (
        argv,
        model_config,
        training,
        adapter_config,
        header,
        adapter_folder,
        foreign_file,
        pyproject,
        recipe,
        lock,
        plot,
        log_line,
        hub_cache,
        hub_answers,
    )
}


def warm_up() -> None:
    """Import what the commands need, so that each run forks a process that has it, and none asks the real Hub."""
    use_no_network()
    draw_once()
    for command in command_names():
        command_function(command, with_help=True)
