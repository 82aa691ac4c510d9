"""What `--model` names: a path that exists, else a preset; and nothing is ever unpickled."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import checkpoints
import pytest
from small_llama import LLAMA_PARAMS, llama

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.model import read_config
from lora_cli.models.sources.read_model import read_model

SMALL = llama()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty folder the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path) -> None:
    """Write the small model's config.json."""
    path.write_text(json.dumps(SMALL))


def test_a_file_is_read(here: Path) -> None:
    """The model is called what it was asked for as."""
    write(here / "config.json")
    model = read_model("config.json")
    assert (model.name, model.model_type, model.full_params) == ("config.json", "llama", LLAMA_PARAMS)


def test_a_file_may_have_any_name(here: Path) -> None:
    """Its content decides."""
    write(here / "my model")
    assert read_model("my model").full_params == LLAMA_PARAMS


def test_a_folder_is_its_config(here: Path) -> None:
    """A slash at its end makes no difference."""
    (here / "folder").mkdir()
    write(here / "folder" / "config.json")
    assert read_model("folder").full_params == read_model("folder/").full_params == LLAMA_PARAMS


def test_a_folder_without_a_config_is_refused(here: Path) -> None:
    """The sentence names what is missing."""
    (here / "folder").mkdir()
    with pytest.raises(InvalidInput, match=r"'folder' has neither a config\.json nor a safetensors"):
        read_model("folder")


def test_a_folder_whose_config_is_a_folder_is_refused(here: Path) -> None:
    """A folder is not a regular file."""
    (here / "folder" / "config.json").mkdir(parents=True)
    with pytest.raises(InvalidInput, match="not a regular file"):
        read_model("folder")


def test_a_preset_is_read_where_no_path_is(here: Path) -> None:
    """The published total."""
    assert not list(here.iterdir())
    assert read_model("gpt2").full_params == 124_439_808


def test_a_path_wins_over_a_presets_name(here: Path) -> None:
    """A file and a folder are read the same way."""
    write(here / "gpt2")
    assert read_model("gpt2").full_params == LLAMA_PARAMS
    (here / "gpt2").unlink()
    (here / "gpt2").mkdir()
    write(here / "gpt2" / "config.json")
    assert read_model("gpt2").full_params == LLAMA_PARAMS


def test_a_path_that_exists_and_is_broken_is_not_a_preset(here: Path) -> None:
    """The wrong model must not be answered in silence: a broken link and an empty folder are errors."""
    (here / "gpt2").symlink_to("nowhere")
    (here / "bert-base").mkdir()
    for name in ("gpt2", "bert-base"):
        with pytest.raises(InvalidInput, match=r"No such file|has neither"):
            read_model(name)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pth", "last.ckpt", "no/such.pt"])
def test_what_would_be_unpickled_is_refused_with_the_reason(here: Path, name: str) -> None:
    """Whether it exists or not, nothing in it runs."""

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (str(here / "sprung"),)

    if "/" not in name:
        (here / name).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(
        InvalidInput, match=r"pickle is never unpickled here, because .*weights_only=True.*config\.json"
    ):
        read_model(name)
    assert not (here / "sprung").exists()


@pytest.mark.parametrize("name", ["model.gguf", "tf_model.h5", "flax_model.msgpack", "model.onnx"])
def test_a_checkpoint_of_another_format_is_refused(here: Path, name: str) -> None:
    """Whether it exists or not, and with the way out."""
    (here / "model.gguf").write_bytes(b"GGUF")
    with pytest.raises(InvalidInput, match=r"not a safetensors file.*config\.json"):
        read_model(name)


@pytest.mark.parametrize("name", ["nowhere/model.safetensors", "model.safetensors.index.json", "no.json"])
def test_a_file_that_is_not_there_is_not_a_preset(here: Path, name: str) -> None:
    """Its name says that it is a file."""
    assert not list(here.iterdir())
    with pytest.raises(InvalidInput, match=r"No such file|no config\.json"):
        read_model(name)


def stored() -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return the tensors of the small model."""
    return {parameter.name: ("BF16", parameter.shape) for parameter in read_config(Config(SMALL), "").all_parameters()}


@pytest.mark.parametrize("source", [".", "model.safetensors", "./"])
def test_a_checkpoint_is_the_model_that_its_config_describes(here: Path, source: str) -> None:
    """Named by its folder or by itself; what it holds is what config.json says, so there is nothing to say."""
    write(here / "config.json")
    checkpoints.write(here / "model.safetensors", stored())
    model = read_model(source)
    assert (model.name, model.model_type, model.full_params) == (source, "llama", LLAMA_PARAMS)
    assert (model.warnings, model.notes) == ((), ())


def test_an_index_is_the_model_that_its_config_describes(here: Path) -> None:
    """Its shards are read from its folder."""
    write(here / "config.json")
    names = list(stored())
    parts = [{name: stored()[name] for name in part} for part in (names[:5], names[5:])]
    index = checkpoints.write_shards(here, *parts)
    assert read_model(index.name) == replace(read_model("config.json"), name=index.name)


def test_a_checkpoint_that_holds_something_else_is_warned_of(here: Path) -> None:
    """The architecture counts, and the difference is named."""
    write(here / "config.json")
    checkpoints.write(here / "model.safetensors", stored() | {"model.layers.2.norm.weight": ("F32", (7,))})
    model = read_model(".")
    assert model.full_params == LLAMA_PARAMS
    assert len(model.warnings) == 1
    assert "+7: layers.2 +7" in model.warnings[0]
    assert "model.safetensors" in model.warnings[0]


@pytest.mark.parametrize("source", [".", "model.safetensors"])
def test_a_checkpoint_without_a_config_is_read_by_its_shapes(here: Path, source: str) -> None:
    """The same total and the same modules, and a warning that says how they were found."""
    checkpoints.write(here / "model.safetensors", stored())
    model = read_model(source)
    described = read_config(Config(SMALL), source)
    assert (model.model_type, model.full_params) == ("", LLAMA_PARAMS)
    assert set(model.modules) == set(described.modules)
    assert (model.output, model.embeddings) == (described.output, described.embeddings)
    assert len(model.warnings) == 1
    assert "no config.json beside it" in model.warnings[0]


@pytest.mark.parametrize("source", [".", "model.safetensors", "config.json"])
def test_the_type_is_the_checkpoints_where_the_config_has_none(here: Path, source: str) -> None:
    """That of the first float by name, as transformers loads it; a type in the config comes first."""
    typed = {name: ("BF16" if name == min(stored()) else "F32", shape) for name, (_, shape) in stored().items()}
    checkpoints.write(here / "model.safetensors", {"a": ("I64", (1,)), **typed})
    for fields, dtype in ({}, "BF16"), ({"dtype": None}, "BF16"), ({"torch_dtype": "float16"}, "F16"):
        (here / "config.json").write_text(json.dumps({**SMALL, **fields}))
        assert read_model(source).dtype == dtype
    (here / "config.json").write_text(json.dumps(SMALL))
    (here / "model.safetensors").write_bytes(b"")
    assert read_model("config.json").dtype == "F32"


def test_a_checkpoint_alone_has_its_own_type(here: Path) -> None:
    """Of packed values it says nothing."""
    checkpoints.write(here / "half.safetensors", {"a.weight": ("F16", (3, 4))})
    checkpoints.write(here / "packed.safetensors", {"a.weight": ("F8_E4M3", (3, 4))})
    assert [read_model(f"{name}.safetensors").dtype for name in ("half", "packed")] == ["F16", "F32"]


def test_integers_that_nobody_knows_are_warned_of(here: Path) -> None:
    """They may be packed weights."""
    checkpoints.write(here / "model.safetensors", stored() | {"q.W_q": ("U8", (9, 9))})
    assert "taken for buffers: 1 integer tensor ('q.W_q')" in read_model(".").warnings[1]


def test_an_unknown_architecture_is_read_from_its_checkpoint(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where transformers is not installed; without a checkpoint the error offers both ways."""
    monkeypatch.setattr("lora_cli.models.sources.installed_transformers.PACKAGES", ("no_such_package",))
    (here / "config.json").write_text(json.dumps(SMALL | {"model_type": "falcon_mamba"}))
    for source in (".", "config.json"):
        with pytest.raises(
            InvalidInput, match=r"'falcon_mamba' is not known.*install torch and transformers.*safetensors checkpoint"
        ):
            read_model(source)
    checkpoints.write(here / "model.safetensors", stored())
    model = read_model(".")
    assert model.full_params == LLAMA_PARAMS
    assert "'falcon_mamba' is not known" in model.warnings[0]
    assert "names and shapes" in model.warnings[0]


def test_code_of_its_own_is_not_said_to_be_built_by_transformers(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which would run it: of such a model only headers are read."""
    monkeypatch.setattr("lora_cli.models.sources.installed_transformers.PACKAGES", ("no_such_package",))
    fields = {"model_type": "kimi_k2", "auto_map": {"AutoConfig": "configuration_deepseek.DeepseekV3Config"}}
    (here / "config.json").write_text(json.dumps(fields))
    with pytest.raises(
        InvalidInput, match=r"'kimi_k2' is not known.*never run: give its safetensors.*its name on the Hub"
    ) as caught:
        read_model("config.json")
    assert "install" not in str(caught.value)


def test_a_class_in_another_spelling_is_a_near_miss(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As repositories with code of their own spell it; the message names the field that has it."""
    monkeypatch.setattr("lora_cli.models.sources.installed_transformers.PACKAGES", ("no_such_package",))
    (here / "config.json").write_text(json.dumps({"model_type": "mpt", "architectures": ["MPTForCausalLM"]}))
    with pytest.raises(
        InvalidInput, match=r"'MPTForCausalLM' in architectures is not .* did you mean MptForCausalLM\?"
    ):
        read_model(".")


def remote(here: Path, **shapes: tuple[int, ...]) -> None:
    """Write a model whose code is not part of transformers; its parameters' names have `__` for a dot."""
    fields = {"model_type": "chatglm", "hidden_size": 8, "num_layers": 2, "num_attention_heads": 2, "vocab_size": 9}
    (here / "config.json").write_text(json.dumps({**fields, "torch_dtype": "bfloat16", "auto_map": {}}))
    tensors = {name.replace("__", "."): ("F16", shape) for name, shape in shapes.items()}
    checkpoints.write(here / "model.safetensors", tensors)


@pytest.mark.parametrize("is_installed", [True, False])
def test_a_model_of_remote_code_is_read_by_its_headers_and_its_config(
    here: Path, monkeypatch: pytest.MonkeyPatch, is_installed: bool
) -> None:
    """The modules are those of the checkpoint; the type of its values, PEFT's targets and prompts go by config.json."""

    def build(config: Config, source: str) -> None:
        raise InvalidInput(f"{source} is not built: {config.source}")

    monkeypatch.setattr("lora_cli.models.sources.installed_transformers.is_installed", lambda: is_installed)
    monkeypatch.setattr("lora_cli.models.sources.installed_transformers.build", build)
    remote(here, layers__0__query_key_value__weight=(24, 8), layers__0__dense__weight=(8, 8))
    model = read_model(".")
    assert [module.name for module in model.modules] == ["layers.0.query_key_value", "layers.0.dense"]
    assert (model.model_type, model.dtype) == ("chatglm", "BF16")
    assert model.facts is not None
    assert (model.facts.hidden, model.facts.layers) == (8, 2)
    assert "'chatglm' is not known" in model.warnings[0]
    assert ("the installed transformers does not build it" in model.warnings[0]) == is_installed


def test_experts_that_are_stored_one_by_one_go_without_the_model_type(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PEFT would look for fused experts by it, and these are not fused."""
    monkeypatch.setattr("lora_cli.models.sources.installed_transformers.is_installed", lambda: False)
    remote(here, mlp__experts__0__up_proj__weight=(24, 8), mlp__experts__1__up_proj__weight=(24, 8))
    assert read_model(".").model_type == ""


def test_a_folder_of_an_adapter_is_told_from_a_model(here: Path) -> None:
    """The message for pickled weights has the fix."""
    (here / "adapter").mkdir()
    (here / "adapter" / "adapter_config.json").write_text("{}")
    checkpoints.write(here / "adapter" / "adapter_model.safetensors", {"a": ("F32", (1,))})
    with pytest.raises(InvalidInput, match="goes to adapter"):
        read_model("adapter")
    (here / "old").mkdir()
    (here / "old" / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(InvalidInput, match=r"'pytorch_model.bin': a pickle is never unpickled.*safetensors"):
        read_model("old")


def test_a_checkpoint_of_nothing_is_no_model(here: Path) -> None:
    """A header without tensors, with only buffers, or with an empty tensor is refused."""
    for tensors in ({}, {"position_ids": ("I64", (1, 4))}, {"a.weight": ("F32", (0, 4))}):
        checkpoints.write(here / "model.safetensors", tensors)
        with pytest.raises(InvalidInput, match="does not hold any parameters"):
            read_model("model.safetensors")


@pytest.mark.parametrize("name", ["", "\0", "a\0b", "\udcff", "x" * 5000, "\x1b[31m", "a\nb"])
def test_what_is_neither_is_refused(name: str) -> None:
    """In one short printable line."""
    with pytest.raises(InvalidInput) as caught:
        read_model(name)
    sentence = str(caught.value)
    assert sentence.isprintable()
    assert len(sentence) < 300


def test_a_config_of_another_program_is_refused(here: Path) -> None:
    """It says that the model_type is missing, and where."""
    (here / "package.json").write_text('{"name": "x", "version": "1.0.0"}')
    with pytest.raises(InvalidInput, match=r"^'package\.json': model_type is missing"):
        read_model("package.json")
