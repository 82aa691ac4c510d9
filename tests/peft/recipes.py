"""The trainable parameters and the dropout of the recipes in tests/reference/recipes, by the trainers' own code, or by PEFT's.

`python tests/peft/recipes.py FOLDER` records them in tests/reference/recipes.json, for machines without torch. In
FOLDER are the wheels of the trainers, unpacked: axolotl 0.19.0, llamafactory 0.9.5, trl 1.16.0, ms_swift 4.6.0 and
torchtune 0.6.1, each in a folder of its name. What finds targets and makes configs is imported from these files; what
they import for other ends is replaced by empty modules. It needs the `peft` extra, and omegaconf and pydantic.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import importlib
import importlib.util
import json
import sys
import types
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import MagicMock

import peft
import torch
import transformers

from lora_cli.methods.config.recipes.recipe import Recipe, read_recipe
from lora_cli.models.model import Model
from lora_cli.models.sources.read_model import read_model

REFERENCE = Path(__file__).parents[1] / "reference"
RECIPES = REFERENCE / "recipes"
RECORDED = REFERENCE / "recipes.json"
DROPOUTS = ("lora_dropout", "module_dropout", "vera_dropout", "boft_dropout")


class Figures(NamedTuple):
    """What a trainer makes of a recipe: how much it trains, and the dropout in its config, if that has one."""

    trainable_params: int
    dropout: float | None


def paths() -> list[Path]:
    """Return the recipes."""
    return sorted(path for path in RECIPES.glob("*/*") if path.suffix in {".yml", ".json"})


def base_of(recipe: Recipe) -> Model:
    """Return the bundled model that a recipe names."""
    name = recipe.base_model()[0]
    assert name is not None
    return read_model(name)


def built(model: Model) -> Any:
    """Return the model of transformers, without values."""
    assert model.config is not None
    fields = dict(model.config.fields)
    config = transformers.AutoConfig.for_model(fields.pop("model_type"), **fields)
    name = (fields.get("architectures") or [None])[0]
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name and hasattr(transformers, name):
            return getattr(transformers, name)(config)
        return transformers.AutoModelForCausalLM.from_config(config)


def adapted(model: Any, config: Any) -> int:
    """Return how many parameters PEFT trains; BOFT computes a permutation, which needs values."""
    with torch.device("cpu" if isinstance(config, peft.BOFTConfig) else "meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return int(peft.get_peft_model(model, config).get_nb_trainable_parameters()[0])


def figures(model: Any, config: Any) -> Figures:
    """Return the figures of a trainer's config. It is counted without its dropout, which PEFT refuses beside fused experts."""
    name = next((name for name in DROPOUTS if hasattr(config, name)), None)
    dropout = None if name is None else getattr(config, name)
    if name is not None:
        setattr(config, name, 0.0)
    return Figures(adapted(model, config), dropout)


def bare(name: str, folder: Path) -> None:
    """Make a package whose own file is not run, so that a module in it can be imported alone."""
    package = types.ModuleType(name)
    package.__path__ = [str(folder)]
    sys.modules[name] = package


def empty(*names: str) -> None:
    """Replace modules by ones that have anything and do nothing."""
    for name in names:
        sys.modules[name] = MagicMock()


def axolotl(folder: Path) -> Callable[[Recipe, Model], Figures]:
    """Return what counts by axolotl's `_build_peft_lora_config`."""
    root = folder / "axolotl" / "axolotl"
    for name in ("axolotl", "axolotl.loaders", "axolotl.utils", "axolotl.utils.schemas"):
        bare(name, root.joinpath(*name.split(".")[1:]))
    empty("axolotl.integrations", "axolotl.integrations.base", "axolotl.telemetry", "axolotl.telemetry.errors")
    empty("axolotl.utils.logging", "axolotl.utils.dict", "axolotl.loaders.utils")
    bits: Any = types.ModuleType("bitsandbytes")
    bits.nn = types.ModuleType("bitsandbytes.nn")
    for kind in ("Linear4bit", "Linear8bitLt", "Params4bit"):
        setattr(bits.nn, kind, type(kind, (), {}))
    sys.modules |= {"bitsandbytes": bits, "bitsandbytes.nn": bits.nn}
    source = importlib.import_module("axolotl.loaders.adapter")
    # PEFT looks for the real package.
    del sys.modules["bitsandbytes"], sys.modules["bitsandbytes.nn"]
    dropout = importlib.import_module("axolotl.utils.schemas.peft").LoraConfig.model_fields["lora_dropout"].default
    source.PLUGIN_MANAGER.get_lora_config_kwargs.return_value = {}
    outputs = {"gpt_neox": ["embed_in", "embed_out"], "falcon": ["word_embeddings", "lm_head"]}
    source.get_linear_embedding_layers = lambda kind: outputs.get(kind, ["embed_tokens", "lm_head"])

    class Fields(dict[str, Any]):
        """Fields as attributes, as axolotl has them: None where they are missing."""

        def __getattr__(self, name: str) -> Any:
            value = self.get(name)
            return Fields(value) if isinstance(value, dict) else value

    def count(recipe: Recipe, model: Model) -> Figures:
        base = built(model)
        # LoftQ decomposes real weights and changes no shape.
        fields = Fields({"lora_dropout": dropout, **recipe.fields.fields, "peft": None})
        return figures(base, source._build_peft_lora_config(base, fields))

    return count


def llama_factory(folder: Path) -> Callable[[Recipe, Model], Figures]:
    """Return what counts by LLaMA-Factory's arguments and targets, in the configs of its `_setup_lora_tuning`."""
    root = folder / "llamafactory" / "llamafactory"
    for name in ("", ".model", ".model.model_utils", ".hparams", ".extras"):
        bare(f"llamafactory{name}", root.joinpath(*name.split(".")[1:]))
    empty("llamafactory.extras.logging")
    arguments = importlib.import_module("llamafactory.hparams.finetuning_args")
    misc = importlib.import_module("llamafactory.model.model_utils.misc")
    visual = importlib.import_module("llamafactory.model.model_utils.visual")
    names = {each.name for each in dataclasses.fields(arguments.FinetuningArguments)}

    def count(recipe: Recipe, model: Model) -> Figures:
        given = {name: value for name, value in recipe.fields.fields.items() if name in names}
        own, base = arguments.FinetuningArguments(**given), built(model)
        targets = own.lora_target
        if targets == ["all"]:
            targets = misc.find_all_linear_modules(base, own.freeze_vision_tower)
        targets = visual.patch_target_modules(base, own, targets)
        shared = {"target_modules": targets, "modules_to_save": own.additional_target, "task_type": "CAUSAL_LM"}
        if own.finetuning_type == "oft":
            shared |= {"oft_block_size": own.oft_block_size, "module_dropout": own.module_dropout}
            config: Any = peft.OFTConfig(r=own.oft_rank, **shared)
        else:
            shared |= {"lora_alpha": own.lora_alpha, "lora_dropout": own.lora_dropout, "use_dora": own.use_dora}
            config = peft.LoraConfig(r=own.lora_rank, **shared)
        return figures(base, config)

    return count


def trl(folder: Path) -> Callable[[Recipe, Model], Figures]:
    """Return what counts by TRL's ModelConfig, in the config of its `get_peft_config`."""
    root = folder / "trl" / "trl"
    bare("trl", root)
    bare("trl.trainer", root / "trainer")
    source = importlib.import_module("trl.trainer.model_config")
    names = {each.name for each in dataclasses.fields(source.ModelConfig)}

    def count(recipe: Recipe, model: Model) -> Figures:
        own = source.ModelConfig(**{name: value for name, value in recipe.fields.fields.items() if name in names})
        parameters = {} if own.lora_target_parameters is None else {"target_parameters": own.lora_target_parameters}
        config = peft.LoraConfig(
            task_type=own.lora_task_type,
            r=own.lora_r,
            target_modules=own.lora_target_modules,
            lora_alpha=own.lora_alpha,
            lora_dropout=own.lora_dropout,
            bias="none",
            use_rslora=own.use_rslora,
            use_dora=own.use_dora,
            modules_to_save=own.lora_modules_to_save,
            **parameters,
        )
        return figures(built(model), config)

    return count


def ms_swift(folder: Path) -> Callable[[Recipe, Model], Figures]:
    """Return what counts on the targets that ms-swift's `find_all_linears` and `get_multimodal_target_regex` find."""
    root = folder / "ms_swift" / "swift"
    for name in ("swift", "swift.utils"):
        bare(name, root.joinpath(*name.split(".")[1:]))
    empty(
        "swift.utils.logger", "swift.utils.env", "swift.utils.utils", "swift.utils.torch_utils", "swift.utils.np_utils"
    )
    source = importlib.import_module("swift.utils.transformers_utils")
    source.deep_getattr = lambda model, name: functools.reduce(getattr, name.split("."), model)
    for name in ("swift.pipelines", "swift.pipelines.train"):
        bare(name, root.joinpath(*name.split(".")[1:]))
    empty("swift.arguments", "swift.trainers", "swift.tuner_plugin", "swift.tuners", "swift.utils")
    tuner = importlib.import_module("swift.pipelines.train.tuner")

    defaults = _tuner_defaults(root / "arguments" / "tuner_args.py")

    def count(recipe: Recipe, model: Model) -> Figures:
        own, base = {**defaults, **recipe.fields.fields}, built(model)
        arch = types.SimpleNamespace(
            lm_head="lm_head",
            language_model=["model.language_model", "lm_head"],
            aligner=["model.visual.merger"],
            vision_tower=["model.visual"],
        )
        base.model_meta = types.SimpleNamespace(model_arch=arch)
        names = own.get("target_modules", ["all-linear"])
        targets: Any = [names] if isinstance(names, str) else names
        if "all-linear" in targets:
            freezes = {name: own[name] for name in ("freeze_llm", "freeze_vit", "freeze_aligner") if name in own}
            targets = (
                source.get_multimodal_target_regex(base, **freezes) if model.parts else source.find_all_linears(base)
            )
        return figures(base, _of_tuner(own, targets, lambda config: tuner.get_vera_target_modules(base, config)))

    return count


def _tuner_defaults(path: Path) -> dict[str, Any]:
    """Return the dropouts of ms-swift's `TunerArguments`, whose package needs all of ms-swift."""
    spec = importlib.util.spec_from_file_location("tuner_args", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    fields = dataclasses.fields(module.TunerArguments)
    return {each.name: each.default for each in fields if each.name in DROPOUTS}


def _of_tuner(own: Mapping[str, Any], targets: Any, of_one_shape: Callable[[Any], Any]) -> Any:
    """Return the config that ms-swift's `prepare_adapter` makes, with the defaults of its arguments."""
    match own.get("tuner_type", own.get("train_type", "lora")):
        case "adalora":
            ranks = {"init_r": own.get("adalora_init_r", 12), "target_r": own.get("adalora_target_r", 8)}
            total, dropout = own["max_steps"], own["lora_dropout"]
            return peft.AdaLoraConfig(**ranks, total_step=total, lora_dropout=dropout, target_modules=targets)
        case "vera":
            rank, dropout = own.get("vera_rank", 256), own["vera_dropout"]
            return of_one_shape(peft.VeraConfig(r=rank, vera_dropout=dropout, target_modules=targets))
        case "boft":
            sizes = {"boft_block_size": own.get("boft_block_size", 4), "boft_block_num": own.get("boft_block_num", 0)}
            sizes |= {"boft_n_butterfly_factor": own.get("boft_n_butterfly_factor", 1)}
            return peft.BOFTConfig(**sizes, boft_dropout=own["boft_dropout"], target_modules=targets)
        case "fourierft":
            return peft.FourierFTConfig(n_frequency=own.get("fourier_n_frequency", 2000), target_modules=targets)
    rank, use_dora = own.get("lora_rank", 8), own.get("use_dora", False)
    return peft.LoraConfig(r=rank, use_dora=use_dora, lora_dropout=own["lora_dropout"], target_modules=targets)


def torchtune(folder: Path) -> Callable[[Recipe, Model], Figures]:
    """Return what counts by torchtune's builders, without the quantisation of the base."""
    sys.path.insert(0, str(folder / "torchtune"))
    empty(
        "datasets",
        "datasets.distributed",
        "sentencepiece",
        "tiktoken",
        "tiktoken.load",
        "torchao",
        "torchao.dtypes",
        "torchao.dtypes.nf4tensor",
        "torchao.quantization",
        "torchao.quantization.qat",
    )
    empty("torchao.quantization.qat.linear", "torchao.quantization.prototype", "torchao.quantization.prototype.qat")
    bare("torchtune", folder / "torchtune" / "torchtune")

    def count(recipe: Recipe, _: Model) -> Figures:
        own = dict(recipe.fields.fields["model"])
        module, _, name = own.pop("_component_").rpartition(".")
        build = getattr(importlib.import_module(module), name.removeprefix("q"))
        with torch.device("meta"):
            model = build(**own)
        source = importlib.import_module("torchtune.modules.peft")
        adapters = [module for module in model.modules() if isinstance(module, source.LoRALinear | source.DoRALinear)]
        # Without one, the place of the dropout is an Identity, as on the output of Mistral with one.
        dropout = max(getattr(module.dropout, "p", 0.0) for module in adapters)
        return Figures(sum(value.numel() for value in source.get_adapter_params(model).values()), dropout)

    return count


COUNTERS = {
    "axolotl": axolotl,
    "llama-factory": llama_factory,
    "ms-swift": ms_swift,
    "torchtune": torchtune,
    "trl": trl,
}


def recorded(folder: Path, trainers: list[str]) -> Iterator[tuple[str, Figures]]:
    """Yield each recipe with the figures of its trainer's code."""
    for trainer in trainers:
        count = COUNTERS[trainer](folder)
        for path in paths():
            if path.parent.name == trainer:
                recipe = read_recipe(path)
                yield f"{trainer}/{path.name}", count(recipe, base_of(recipe))


def main() -> None:
    """Record the figures of all trainers, or of those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("trainers", nargs="*", default=list(COUNTERS))
    given = parser.parse_args()
    known = json.loads(RECORDED.read_text(encoding="utf-8")) if RECORDED.exists() else {}
    for name, found in recorded(given.folder, given.trainers):
        known[name] = found._asdict()
        print(name, *found, flush=True)
        RECORDED.write_text(json.dumps(dict(sorted(known.items())), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
