"""The options that say how a model is trained, and on which card: what decides the memory of a step."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import typer

from lora_cli.analysis.memory.training import ADAPTER_DTYPE, ATTENTIONS, LOSSES, OPTIMIZERS, QUANTISATIONS, WIDTHS
from lora_cli.cli.candidates import card_aliases, card_names, one_of
from lora_cli.cli.help_text import METHOD, TRAINING
from lora_cli.cli.options.reading import size, whole

SIZES = ("batch", "seq")
# What a sweep takes several of.
AXES = (*SIZES, "quantize", "gpu")
# Numbers of batches that a shell offers.
BATCHES = ("2", "4", "8", "16")


def _option(name: str, help_text: str, known: tuple[str, ...] = (), metavar: str = "NAME") -> Any:
    """Return an option of this group, which offers what is known."""
    listed = f": {', '.join(known)}" if known else ""
    return typer.Option(
        name,
        metavar=metavar,
        help=help_text.format(listed),
        autocompletion=one_of(known) if known else None,
        rich_help_panel=TRAINING,
    )


def _flag(name: str, help_text: str) -> Any:
    return typer.Option(name, help=help_text, show_default=False, rich_help_panel=TRAINING)


class TrainingOptions(NamedTuple):
    """How a model is trained, and on which card."""

    batch: Annotated[str | None, _option("--batch", "Sequences of a batch.  [default: 1]", metavar="N")] = None
    seq: Annotated[
        str | None,
        _option("--seq", "Tokens of a sequence.  [default: 2048, or the model's longest input]", metavar="N"),
    ] = None
    dtype: Annotated[
        str | None,
        _option("--dtype", "Type of the base's weights{}.  [default: config.json's, else bfloat16]", tuple(WIDTHS)),
    ] = None
    quantize: Annotated[
        str | None, _option("--quantize", "How the base's weights are stored{}.  [default: none]", QUANTISATIONS)
    ] = None
    kbit_prepare: Annotated[
        bool | None,
        _flag(
            "--kbit-prepare/--no-kbit-prepare",
            "Prepare a quantised base for training (prepare_model_for_kbit_training), which is the default, or do not.",
        ),
    ] = None
    checkpointing: Annotated[
        bool | None,
        _flag(
            "--checkpointing/--no-checkpointing",
            "Run layers again in the backward, which is the default, or save them.",
        ),
    ] = None
    attention: Annotated[
        str | None,
        _option(
            "--attention",
            "Implementation of attention{}; sdpa runs flash attention where the card has it, and the package flash-attn "
            "cannot be replayed.  [default: sdpa]",
            ATTENTIONS,
        ),
    ] = None
    padded: Annotated[
        bool | None, _flag("--padded/--no-padded", "A batch whose sequences differ in length, with a mask.")
    ] = None
    optimizer: Annotated[str | None, _option("--optimizer", "Optimizer{}.  [default: adamw]", OPTIMIZERS)] = None
    autocast: Annotated[
        bool | None,
        _flag("--autocast/--no-autocast", "Run in --dtype by autocast, or in bfloat16 over float32."),
    ] = None
    loss: Annotated[
        str | None, _option("--loss", "How the loss over the vocabulary is computed{}.  [default: full]", LOSSES)
    ] = None
    logits_kept: Annotated[
        bool | None, _flag("--logits-kept/--no-logits-kept", "The training loop keeps the outputs of a step.")
    ] = None
    accumulate: Annotated[
        str | None,
        _option(
            "--accumulate",
            "Batches whose gradients are summed for each step. Every N from 2 on takes the same memory.  [default: 1]",
            BATCHES,
            metavar="N",
        ),
    ] = None
    gpu: Annotated[
        str | None,
        typer.Option(
            "--gpu",
            metavar="NAME",
            help="The card, e.g. a100-80gb or 4090.",
            autocompletion=one_of(card_names, card_aliases),
            rich_help_panel=TRAINING,
        ),
    ] = None

    def read(self) -> dict[str, Any]:
        """Return those that are given, as keywords of `lora_cli.memory`."""
        given = self._given()
        return given | {name: size(name, given[name]) for name in SIZES if name in given}

    def axes(self) -> dict[str, Any]:
        """Return the same as keywords of `lora_cli.sweep`, which takes several of some."""
        given = self._given()
        axes = {name: given.pop(name) for name in AXES if name in given}
        return axes | {"training": given}

    def _given(self) -> dict[str, Any]:
        settings = self._asdict() | {"accumulate": whole("accumulate", self.accumulate)}
        return {name: value for name, value in settings.items() if value is not None}


AdapterDtype = Annotated[
    str | None,
    typer.Option(
        "--adapter-dtype",
        metavar="NAME",
        help=f"Type in which the adapter is trained: {', '.join(WIDTHS)}.  [default: {ADAPTER_DTYPE}]",
        autocompletion=one_of(tuple(WIDTHS)),
        rich_help_panel=METHOD,
    ),
]
Vram = Annotated[str | None, _option("--vram", "Memory of a card instead, e.g. 24GB or 24GiB.", metavar="SIZE")]
