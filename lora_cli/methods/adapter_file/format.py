"""What a format of adapter files declares: how it is recognised, and how a file becomes the updates of modules.

To add a format, write `formats/<name>.py` with `FORMAT = Format(...)`, whose name is that of the file. The registry
finds it, and `inspect` with its spectrum, `check` and `forward` read its files: what they know of a file is its
`ModuleUpdate`s and its `TrainingFacts`. No code elsewhere asks which format a file has.

1. `part` reads one key: the module and the tensor within it, or None where a key is not of this format. A file is of
   the format whose `part` understands most of its keys, so it must refuse the keys of the other formats. LoRA's tensors
   are called as in PEFT (`lora_A.weight`, `lora_B.weight`, `lora_magnitude_vector`), so that one code reads all of them.
   Both names are interned, because a file may have half a million keys.
2. `updates` yields a `ModuleUpdate` for each of `file.modules`, which are grouped by these parts already; a module whose
   tensors say nothing gets none, and they are a finding. Ranks follow from the shapes. An alpha that is a tensor is read
   by `file.numbers("alpha")`, which returns nothing for a file on the Hub; one that stands in the metadata or in the
   config beside the file is in `file.metadata`, `file.fields`.
   `algorithm_update.py` reads LoRA, LoHa, LoKr and the others by the names of their tensors.
3. `facts` reads from the metadata what training was like. Values are text of strangers: `facts.py` has safe readers.
4. `is_marked` says whether metadata or config are those of this format's writer. It decides where keys do not.
5. `spelled` says how the file calls a module of the base model, `base_part` which part of its own names that is: what
   stands before names a component, e.g. a text encoder. `other_names` gives further names of a model's modules, as of
   code that the model was written in first, where one may be several of the model's put together.
6. `short_name` shortens a module's name to what several modules of a model have in common. `least_scaling` and
   `most_scaling` are the limits of what is not worth a warning, of which trainers have different habits.
7. `instead` says what converts a file for PEFT, as the remedy of a finding.
8. `component` says which model of a pipeline a module belongs to, in diffusers' words.
9. `marked_part` reads a key that only a file with the writer's mark can mean, such as a plain `weight`.
10. `refusals` yields why the format's own loader takes nothing of the file, and `refusals_on` why it does not on a base
    model, by what that calls the file's modules and all of its own. `older` says which releases of it scale
    differently. `file_name` is what that loader takes from a folder of several files.
11. `rank_field` names where the config or the metadata says the rank, as the remedy of a finding.
12. `spelled_tensor` says how the file calls a tensor of a module.
13. `is_of_pipeline` says that its files are for the models of a pipeline, which makes images or videos.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from lora_cli.methods.adapter_file.facts import NO_FACTS, TrainingFacts
from lora_cli.methods.adapter_file.module_update import ModuleUpdate
from lora_cli.models.checkpoints.numbers import single_numbers
from lora_cli.models.checkpoints.safetensors_header import Stored
from lora_cli.models.nodes import short_name

# An update hardly learns at a smaller one, and diverges easily at a larger one.
LEAST_SCALING, MOST_SCALING = 1 / 16, 16
# What makes PEFT's folder of a pipeline's file: diffusers puts it into the model as PEFT's adapter. Its own
# save_lora_weights writes a file of diffusers again.
PIPELINE_TO_PEFT = (
    "load it with the pipeline's load_lora_weights; then, of its unet or transformer, save peft_config[NAME] with "
    "save_pretrained, and get_peft_model_state_dict as adapter_model.safetensors, with base_model.model. before each key"
)
# The same of what diffusers does not read.
OTHERS_TO_PEFT = (
    "convert it with PEFT's examples/stable_diffusion/convert_sd_adapter_to_peft.py if it is a LoHa of Stable Diffusion; "
    "load any other with the program that it was made for"
)
Metadata = Mapping[str, str]
Fields = Mapping[str, Any]
# Modules by what a file calls them, each with the base model's modules that it is made of.
BaseNames = Mapping[str, tuple[str, ...]]


class Part(NamedTuple):
    """What a key names: a module, and one of its tensors."""

    module: str
    tensor: str


@dataclass(frozen=True, slots=True)
class AdapterFile:
    """A file as a format gets it: its tensors by module and name, its metadata, and the config beside it.

    `path` is that of the file here, or None if only its header was fetched. `parts` says what its keys mean, in the
    order of their bytes. `fields` are those of an adapter_config.json beside it.
    """

    path: str | None
    parts: Mapping[str, Part]
    modules: Mapping[str, Mapping[str, Stored]]
    metadata: Metadata
    fields: Fields

    def numbers(self, tensor: str) -> dict[str, float | None]:
        """Return the value of a tensor of one number, by module; None for more than one, {} for a file on the Hub."""
        if self.path is None:
            return {}
        found = {module: tensors[tensor] for module, tensors in self.modules.items() if tensor in tensors}
        return dict(zip(found, single_numbers(self.path, found.values()), strict=True))


class Refusal(NamedTuple):
    """Why a loader takes nothing of a file, as a clause, and what helps."""

    reason: str
    remedy: str


def never_marked(metadata: Metadata, fields: Fields) -> bool:
    """Return False: the format leaves no mark beside its keys."""
    return False


def no_facts(metadata: Metadata, fields: Fields) -> TrainingFacts:
    """Return no facts."""
    return NO_FACTS


def no_part(key: str) -> Part | None:
    """Return None: a mark beside the keys changes what none of them means."""
    return None


def no_refusals(file: AdapterFile) -> Iterable[Refusal]:
    """Return nothing: the loader takes what it understands."""
    return ()


def no_refusals_on(fields: Fields, base_names: BaseNames, names: Sequence[str]) -> Iterable[Refusal]:
    """Return nothing: the loader finds every module that the base model has."""
    return ()


def one_component(module: str) -> str:
    """Return the name of the only model there is."""
    return ""


def unchanged(name: str) -> str:
    """Return a module's name as it is."""
    return name


def no_names(names: Iterable[str]) -> BaseNames:
    """Return no further names."""
    return {}


class Format(NamedTuple):
    """A format's declaration; the module's docstring says what each field is for.

    `title` is what people call the program that writes it.
    """

    name: str
    title: str
    part: Callable[[str], Part | None]
    updates: Callable[[AdapterFile], Iterable[ModuleUpdate]]
    facts: Callable[[Metadata, Fields], TrainingFacts] = no_facts
    is_marked: Callable[[Metadata, Fields], bool] = never_marked
    spelled: Callable[[str], str] = unchanged
    base_part: Callable[[str], str] = unchanged
    other_names: Callable[[Iterable[str]], BaseNames] = no_names
    short_name: Callable[[str], str] = short_name
    least_scaling: float = LEAST_SCALING
    most_scaling: float = MOST_SCALING
    instead: str = ""
    component: Callable[[str], str] = one_component
    marked_part: Callable[[str], Part | None] = no_part
    refusals: Callable[[AdapterFile], Iterable[Refusal]] = no_refusals
    refusals_on: Callable[[Fields, BaseNames, Sequence[str]], Iterable[Refusal]] = no_refusals_on
    rank_field: str = "r, or rank_pattern,"
    older: str = ""
    file_name: str = ""
    spelled_tensor: Callable[[str], str] = unchanged
    is_of_pipeline: bool = False

    def names_in_files(self, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return a model's modules by what a file may call them within its component."""
        others = {self.spelled(other): own for other, own in self.other_names(names).items()}
        return others | {self.spelled(name): (name,) for name in names}
