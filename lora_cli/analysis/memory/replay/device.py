"""What runs a model's parts on a tape: the settings of the step, and the weights by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, NamedTuple

from lora_cli.analysis.memory.replay.ledger import ADDED, WEIGHTS, Storage
from lora_cli.analysis.memory.replay.operations import (
    FLOAT32,
    broadcast,
    cast,
    embedding,
    linear,
    makes,
    record,
    saved_factors,
    wanted,
)
from lora_cli.analysis.memory.replay.setup import Setup, added_width
from lora_cli.analysis.memory.replay.tape import Parameter, Tape, Tensor
from lora_cli.analysis.memory.training import WIDTHS, Training
from lora_cli.errors import InvalidInput
from lora_cli.models.parts.forward_pass import Angles, Attention, Block, Reach

ADAPTERS = "lora_cli.analysis.memory.replay.adapters"


class Weights(NamedTuple):
    """The weight and the bias of a module of `d` inputs and `h` outputs, and the tensors of its adapter by their keys."""

    weight: Parameter
    bias: Parameter | None
    d: int
    h: int
    adapter: Mapping[str, Parameter]
    settings: Any
    is_quantised: bool


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
    """One step on a tape."""

    def __init__(self, setup: Setup, training: Training, tape: Tape) -> None:
        self.setup = setup
        self.training = training
        self.tape = tape
        # What a step is given, its input first.
        self.batch: list[Storage] = []
        # The outputs of the step before, those of this one, and the leaves to which the graph behind them leads.
        self.outputs: list[Storage] = []
        self.leaves: list[Tensor] = []
        # What the layer that runs shares with others, and what it makes for them.
        self.shared = Shared()
        self.made_biases: dict[str, Tensor] = {}
        # What eager attention returns beside its result: the layer's function has it until its end.
        self.attention_weights: Tensor | None = None
        # What the functions of the layer that runs, or of its branch, still have.
        self.kept: list[Tensor] = []
        self.kept_in_branch: list[Tensor] = []
        # The bytes of a value of the hidden states, and so of masks and of the angles of positions.
        self.hidden_width = training.width
        self._weights: dict[str, Weights] = {}
        self._parameters: dict[str, Parameter] = {}
        self._adapters: dict[str, Mapping[str, Parameter]] = {}
        self._casts: dict[Parameter, Tensor] = {}
        self._shapes = {each.name: each.params for each in setup.model.others}

    def parameter(self, name: str) -> Parameter:
        """Return a parameter that does not belong to a Linear or the like, e.g. a norm's."""
        if name not in self._parameters:
            trained = self.setup.is_trained(name.rpartition(".")[0])
            self._parameters[name] = Parameter(self._shapes[name], self.training.plain_width, requires_grad=trained)
        return self._parameters[name]

    def weights(self, name: str) -> Weights:
        """Return the weights of a module."""
        if name not in self._weights:
            self._weights[name] = self._make_weights(name)
        return self._weights[name]

    def _make_weights(self, name: str) -> Weights:
        setup, training = self.setup, self.training
        module, trained = setup.modules[name], setup.is_trained(name)
        quantised = setup.is_quantised(name, training)
        width = training.width if quantised else training.plain_width
        made = [Parameter(each.params, width, requires_grad=trained) for each in module.parameters()]
        tied = setup.model.tied.get(f"{name}.weight")
        if tied is not None and not setup.is_copied(name):
            made[0] = self.weights(tied.rpartition(".")[0]).weight
        return Weights(
            made[0], made[1] if module.bias else None, module.d, module.h, self.adapter(name), setup.settings, quantised
        )

    def adapter(self, name: str) -> Mapping[str, Parameter]:
        """Return the tensors beside a module or a bare parameter by their keys, none where it is not adapted."""
        if name not in self._adapters:
            self._adapters[name] = {
                each.key: Parameter(each.params, added_width(each, self.training), requires_grad=each.trained)
                for each in self.setup.adapters.get(name, ())
            }
        return self._adapters[name]

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
        if not own.adapter:
            return self.base(own, x)
        assert self.setup.plan is not None
        forward: Callable[[Device, Weights, Tensor], Tensor]
        forward = import_module(f"{ADAPTERS}.{self.setup.plan.method.name}").forward
        return forward(self, own, x)

    def base(self, own: Weights, x: Tensor) -> Tensor:
        """Run a Linear without its adapter."""
        if own.bias is not None and self.setup.body.own_linear:
            return self._plus_bias(self.base(own._replace(bias=None), x), own.bias)
        if not own.is_quantised:
            return self.multiply(x, own.weight, own.bias, own.d, own.h, of=WEIGHTS)
        return cast(_dequantised(own, cast(x, self.training.width)), x.width)

    def whole_weight(self, own: Weights, width: int) -> Parameter | Tensor:
        """Return a module's weight in a type: a copy, unless it has it already (`dequantize_module_weight`)."""
        weight: Parameter | Tensor = own.weight
        if own.is_quantised:
            weight = Tensor(Storage(self.tape, own.d * own.h * self.training.width), own.d * own.h, self.training.width)
        if weight.width == width:
            return weight
        return Tensor(Storage(self.tape, weight.numel * width), weight.numel, width)

    def _plus_bias(self, x: Tensor, bias: Parameter) -> Tensor:
        """Add a bias to a product, which makes another tensor."""
        width = max(x.width, bias.width)
        return record([x, bias], x.numel, width, broadcast(x.numel * width, *wanted(x, bias)))

    def multiply(
        self, x: Tensor, weight: Parameter | Tensor, bias: Parameter | None, d: int, h: int, *, of: str = ADDED
    ) -> Tensor:
        """Multiply rows by a weight, in the type of autocast where that is on."""
        return linear(self.lower(x), self.lowered(weight), bias, d, h, of=of)

    def convolve(self, name: str, x: Tensor, places: int) -> Tensor:
        """Run a convolution at so many places."""
        own = self.weights(name)
        if own.adapter:
            raise InvalidInput(f"{name}: what an adapter of a convolution allocates in a training step is not known")
        x, weight = self.lower(x), self.lowered(own.weight)
        inputs = [x, weight, own.bias] if own.bias else [x, weight]
        backward = makes(*wanted(*inputs))
        return record(inputs, places * own.h, x.width, backward, saves=saved_factors(x, weight))

    def lowered(self, weight: Parameter | Tensor) -> Parameter | Tensor:
        """Return a weight in the type of autocast. The copy of a trained parameter is kept for the whole pass."""
        if isinstance(weight, Tensor):
            return self.lower(weight)
        if self.training.autocast is None or weight.width == WIDTHS[self.training.autocast]:
            return weight
        if isinstance(weight, Parameter) and weight in self._casts:
            return self._casts[weight]
        made = record(
            [weight],
            weight.numel,
            WIDTHS[self.training.autocast],
            makes(*wanted(weight)),
            tape=self.tape,
        )
        if isinstance(weight, Parameter) and weight.requires_grad:
            self._casts[weight] = made
        return made

    def end_of_layer(self) -> None:
        """Forget what only the function of a layer has. A second run of it is under an autocast of its own."""
        self.shared = Shared()
        self.attention_weights = None
        self.kept.clear()
        self.kept_in_branch.clear()
        if self.tape.is_backward:
            self.forget_casts()
            self.made_biases.clear()

    def forget_casts(self) -> None:
        """Forget the copies that autocast made, when it ends."""
        self._casts.clear()

    def embed(self, name: str, tokens: int) -> Tensor:
        """Look up tokens."""
        own = self.weights(name)
        return embedding(self.tape, own.weight, tokens, own.h)


def _dequantised(own: Weights, x: Tensor) -> Tensor:
    """Multiply by a 4-bit weight, of which a copy in the type of the input exists during each product (`MatMul4Bit`)."""
    copy, flops = own.d * own.h * x.width, 2 * x.numel * own.h
    whole = Storage(x.tape, copy)
    x.tape.multiplies(WEIGHTS, flops)
    backward = makes(*wanted(x), beside=[copy], of=WEIGHTS, flops=flops)
    out = record([x], x.numel // own.d * own.h, x.width, backward)
    del whole
    return out
