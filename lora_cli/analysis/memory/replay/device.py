"""What runs a model's parts on a tape: the settings of the step, and the weights by their names."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from lora_cli.analysis.memory.replay.adapter import Adapter
from lora_cli.analysis.memory.replay.adapter_registry import adapter_of
from lora_cli.analysis.memory.replay.ledger import ADDED, WEIGHTS, Storage
from lora_cli.analysis.memory.replay.operations import (
    FLOAT32,
    add,
    cast,
    embedding,
    linear,
    makes,
    record,
    saved_factors,
    scale,
    wanted,
)
from lora_cli.analysis.memory.replay.parameters import Parameters
from lora_cli.analysis.memory.replay.quantised import PACKINGS
from lora_cli.analysis.memory.replay.setup import Setup
from lora_cli.analysis.memory.replay.tape import Parameter, Tape, Tensor
from lora_cli.analysis.memory.replay.weights import Weights
from lora_cli.analysis.memory.training import WIDTHS, Training
from lora_cli.models.parts.forward_pass import Angles, Attention, Block, Reach, Words

# The bytes of an index of a row.
INDEX = 8


class Shared(NamedTuple):
    """What layers share: the mask of each kind of attention, the cosines and sines of positions.

    And what is added to scores, by the name of the attention, and what an encoder returned.
    """

    masks: Mapping[Reach, Storage] = MappingProxyType({})
    angles: Mapping[Angles, tuple[Tensor, Tensor]] = MappingProxyType({})
    biases: Mapping[str, Tensor] = MappingProxyType({})
    encoded: Tensor | None = None

    def of(self, block: Block) -> Shared:
        """Return what a block needs."""
        masks = {each.reach: self.masks[each.reach] for each in block.attentions if each.reach in self.masks}
        angles = {each.angles: self.angles[each.angles] for each in block.attentions if each.rotary}
        return Shared(masks, angles, dict(self.biases), self.encoded)


class Device:
    """One forward and backward on a tape."""

    def __init__(self, setup: Setup, training: Training, tape: Tape, parameters: Parameters) -> None:
        self.setup = setup
        self.training = training
        self.tape = tape
        self.parameter, self.weights, self.adapter = parameters.parameter, parameters.weights, parameters.adapter
        self._parameters = parameters
        # What a step is given, its input first.
        self.batch: list[Storage] = []
        # The outputs of the step, and the leaves to which the graph behind them leads.
        self.outputs: list[Storage] = []
        self.leaves: list[Tensor] = []
        # What the layer that runs shares with others, and what it makes for them.
        self.shared = Shared()
        self.made_biases: dict[str, Tensor] = {}
        # What eager attention returns beside its result: the layer's function has it until its end, and where a body
        # `keeps_weights`, its own until the end of the next layer.
        self.attention_weights: Tensor | None = None
        self.weights_before: Tensor | None = None
        # What the functions of the layer that runs, or of its branch, still have.
        self.kept: list[Tensor] = []
        self.kept_in_branch: list[Tensor] = []
        # The bytes of a value of the hidden states, and so of masks and of the angles of positions.
        self.hidden_width = training.width
        # The copies that autocast made, and for how many layers each stands.
        self._casts: dict[Parameter, tuple[Tensor, int]] = {}
        # What only the graph holds on to until the outputs are gone, and how many layers have it.
        self.held: dict[Parameter | Storage, int] = {}
        # What PEFT's own function has until the model's returns.
        self.inputs: list[Tensor] = []

    def mask(self, own: Attention) -> Storage | None:
        """Return the mask of an attention, None where the kernel needs none."""
        return self.shared.masks.get(own.reach)

    def angles(self, own: Attention) -> tuple[Tensor, Tensor]:
        """Return the cosines and the sines of positions."""
        return self.shared.angles[own.angles]

    # --- what every part uses --------------------------------------------------------------------------------------

    def lower(self, x: Tensor) -> Tensor:
        """Turn the input of a matrix product into the type of autocast, if it is on."""
        return x if self.training.autocast is None else cast(x, WIDTHS[self.training.autocast])

    def upper(self, x: Tensor) -> Tensor:
        """Turn the input of an operation that autocast runs in float32 into that."""
        return x if self.training.autocast is None else cast(x, FLOAT32)

    def upper_weight(self, weight: Parameter) -> Parameter | Tensor:
        """Return a weight in float32 for an operation that autocast runs in that."""
        if self.training.autocast is None or weight.width == FLOAT32:
            return weight
        return record([weight], weight.numel, FLOAT32, makes(*wanted(weight)), tape=self.tape)

    def linear(self, name: str, x: Tensor) -> Tensor:
        """Run a Linear, with its adapter if it has one."""
        own = self.weights(name)
        if name in self.setup.rows:
            return self.multiply(x, self.with_rows(name), own.bias, own.d, own.h, of=WEIGHTS)
        if not own.adapter:
            return self.base(own, x)
        assert self._adapter.linear is not None
        return self._adapter.linear(self, own, x)

    @property
    def _adapter(self) -> Adapter:
        assert self.setup.plan is not None
        return adapter_of(self.setup.plan.method.name)

    def base(self, own: Weights, x: Tensor) -> Tensor:
        """Run a Linear without its adapter."""
        if own.bias is not None and self.setup.body.own_linear:
            return add(self.base(own._replace(bias=None), x), own.bias)
        if not own.is_quantised:
            return self.multiply(x, own.weight, own.bias, own.d, own.h, of=WEIGHTS)
        return PACKINGS[self.training.quantize].multiply(self, own, x)

    def whole_weight(self, own: Weights, width: int) -> Parameter | Tensor:
        """Return a module's weight in a type: a copy, unless it has it already (`dequantize_module_weight`)."""
        weight: Parameter | Tensor = own.weight
        if own.is_quantised:
            weight = PACKINGS[self.training.quantize].whole(self, own)
        if weight.width == width:
            return weight
        return Tensor(Storage(self.tape, weight.numel * width), weight.numel, width)

    def hold(self, what: Parameter | Storage | None) -> None:
        """Hold on to what the graph behind the outputs does; what a checkpoint runs again is in no such graph."""
        is_again = self.tape.checkpoint is not None and self.tape.checkpoint.is_again
        if what is not None and not is_again:
            self.held[what] = self.tape.times

    def transposed(self, own: Weights, weight: Parameter | Tensor) -> Parameter | Tensor:
        """Return a weight as PEFT's `transpose` does: of that of a Conv1D it makes another, which is trained."""
        if not own.is_transposed or isinstance(weight, Tensor):
            return weight
        made = Parameter(weight.numel, weight.width, requires_grad=True)
        self.hold(made)
        return made

    def multiply(
        self, x: Tensor, weight: Parameter | Tensor, bias: Parameter | None, d: int, h: int, *, of: str = ADDED
    ) -> Tensor:
        """Multiply rows by a weight, in the type of autocast where that is on."""
        return linear(self.lower(x), self.lowered(weight), bias, d, h, of=of)

    def convolve(self, name: str, x: Tensor, places: int) -> Tensor:
        """Run a convolution at so many places."""
        own = self.weights(name)
        x, weight = self.lower(x), self.lowered(own.weight)
        inputs = [x, weight, own.bias] if own.bias else [x, weight]
        flops = 2 * places * weight.numel
        backward = makes(*wanted(*inputs), of=WEIGHTS, flops=flops * (x.requires_grad + weight.requires_grad))
        saves = saved_factors(x, weight)
        return record(inputs, places * own.h, x.width, backward, saves=saves, of=WEIGHTS, flops=flops)

    def lowered(self, weight: Parameter | Tensor) -> Parameter | Tensor:
        """Return a weight in the type of autocast. The copy of a trained parameter is kept for the whole pass."""
        if isinstance(weight, Tensor):
            return self.lower(weight)
        if self.training.autocast is None or weight.width == WIDTHS[self.training.autocast]:
            return weight
        if isinstance(weight, Parameter) and weight in self._casts:
            return self._casts[weight][0]
        made = record(
            [weight],
            weight.numel,
            WIDTHS[self.training.autocast],
            makes(*wanted(weight)),
            tape=self.tape,
        )
        if isinstance(weight, Parameter) and weight.requires_grad:
            self._casts[weight] = made, self.tape.times
        return made

    def end_of_layer(self) -> None:
        """Forget what only the function of a layer has. A second run of it is under an autocast of its own."""
        self.shared = Shared()
        if self.setup.body.keeps_weights and not self.tape.is_backward:
            self.weights_before = self.attention_weights
        self.attention_weights = None
        self.kept.clear()
        self.kept_in_branch.clear()
        if self.tape.is_backward:
            self.forget_casts()
            self.made_biases.clear()

    def forget_casts(self) -> None:
        """Forget the copies that autocast made, when it ends, in as many layers as there are."""
        for each in {times for _, times in self._casts.values()}:
            with self.tape.standing_for(each // self.tape.times):
                self._casts = {weight: made for weight, made in self._casts.items() if made[1] != each}

    def end_of_backward(self) -> None:
        """Forget what checkpoints needed to run again."""
        self.shared = Shared()

    def embed(self, name: str, tokens: int) -> Tensor:
        """Look up tokens."""
        own = self.weights(name)
        if self._parameters.prompts and self._are_words(own):
            return self._extended(own, tokens)
        if own.adapter and self._adapter.embed is not None:
            return self._adapter.embed(self, own, tokens)
        weight = self.with_rows(name) if name in self.setup.rows else own.weight
        return self.look_up(own, weight, tokens)

    def _extended(self, own: Weights, tokens: int) -> Tensor:
        """Look up those tokens that are not a method's own, and let it put its own before them."""
        assert self._adapter.extended is not None
        virtual = self.setup.settings.num_virtual_tokens * self.training.batch
        return self._adapter.extended(self, self._parameters.prompts, self.look_up(own, own.weight, tokens - virtual))

    def look_up(self, own: Weights, weight: Parameter | Tensor, tokens: int) -> Tensor:
        """Look up tokens in a weight. With checkpointing the words require a gradient (`enable_input_require_grads`)."""
        x = embedding(self.tape, weight, tokens, own.h)
        if self.is_scaled(own):
            x = scale(x)
        if self.training.checkpointing and self._are_words(own):
            x.requires_grad = True
            if x.node is None:
                self.leaves.append(x)
        return x

    def is_scaled(self, own: Weights) -> bool:
        """Whether the module itself multiplies what it looks up."""
        words = self.setup.body.embeddings
        return isinstance(words, Words) and words.scaled == "within" and self._are_words(own)

    def _are_words(self, own: Weights) -> bool:
        """Whether it is what the model's inputs are looked up in, under any of its names."""
        name = self.setup.model.embeddings
        return name is not None and own.weight is self.weights(name).weight

    def with_rows(self, name: str) -> Tensor:
        """Return a copy of a weight with its trained rows (`TrainableTokensLayer.get_merged_weights`)."""
        rows, own = self.setup.rows[name], self.weights(name)
        trained = self._parameters.rows(name)
        index = Tensor(Storage(self.tape, len(rows.tokens) * INDEX), len(rows.tokens), INDEX)
        values: Tensor | Parameter = trained
        if trained.width != own.weight.width:
            values = record([trained], trained.numel, own.weight.width, makes(*wanted(trained)), tape=self.tape)
        size = trained.numel * own.weight.width
        return record([values], own.weight.numel, own.weight.width, makes(size), saves=[index], tape=self.tape)
