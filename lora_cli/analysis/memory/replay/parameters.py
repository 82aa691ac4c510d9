"""The weights of a model by their names: each keeps its gradient from one pass to the next, until the optimizer has run."""

from __future__ import annotations

from collections.abc import Mapping

from lora_cli.analysis.memory.replay.quantised import PACKINGS
from lora_cli.analysis.memory.replay.setup import Setup, added_width
from lora_cli.analysis.memory.replay.tape import Parameter
from lora_cli.analysis.memory.replay.weights import Weights
from lora_cli.analysis.memory.training import WIDTHS, Training


class Parameters:
    """The weights of one training, each made when it is first asked for."""

    def __init__(self, setup: Setup, training: Training) -> None:
        self._setup = setup
        self._training = training
        self._weights: dict[str, Weights] = {}
        self._parameters: dict[str, Parameter] = {}
        self._adapters: dict[str, Mapping[str, Parameter]] = {}
        self._rows: dict[str, Parameter] = {}
        self._others = {each.name: each for each in setup.model.others}
        self.prompts = {
            each.key: Parameter(each.params, added_width(each, training), requires_grad=each.trained)
            for each in setup.prompts
        }

    def parameter(self, name: str) -> Parameter:
        """Return a parameter that does not belong to a Linear or the like, e.g. a norm's."""
        if name not in self._parameters:
            own = self._others[name]
            trained = self._setup.is_trained(name)
            self._parameters[name] = Parameter(
                own.params, self._setup.width_of(own, self._training), requires_grad=trained
            )
        return self._parameters[name]

    def weights(self, name: str) -> Weights:
        """Return the weights of a module."""
        if name not in self._weights:
            self._weights[name] = self._make_weights(name)
        return self._weights[name]

    def _make_weights(self, name: str) -> Weights:
        setup, training = self._setup, self._training
        module, quantised = setup.modules[name], setup.is_quantised(name, training)
        widths = [setup.width_of(module, training)] * 2
        if quantised:
            widths = [training.width, PACKINGS[training.quantize].bias_width(training)]
        weight, *biases = (
            Parameter(each.params, width, requires_grad=setup.is_trained(each.name))
            for each, width in zip(module.parameters(), widths, strict=False)
        )
        tied = setup.model.tied.get(f"{name}.weight")
        if tied is not None and setup.is_trained(tied) is weight.requires_grad and not setup.is_copied(name):
            weight = self.weights(tied.rpartition(".")[0]).weight
        return Weights(
            weight,
            biases[0] if biases else None,
            module.d,
            module.h,
            self.adapter(name),
            {each.key: each.shape for each in setup.adapters.get(name, ())},
            setup.settings,
            quantised,
            quantised and PACKINGS[training.quantize].is_cloned,
            module.kind == "Conv1D",
        )

    def adapter(self, name: str) -> Mapping[str, Parameter]:
        """Return the tensors beside a module or a bare parameter by their keys, none where it is not adapted."""
        if name not in self._adapters:
            self._adapters[name] = {
                each.key: Parameter(each.params, added_width(each, self._training), requires_grad=each.trained)
                for each in self._setup.adapters.get(name, ())
            }
        return self._adapters[name]

    def rows(self, name: str) -> Parameter:
        """Return the trained rows of a module, which a tied one shares with it."""
        rows = self._setup.rows[name]
        if rows.module.name not in self._rows:
            numel = len(rows.tokens) * rows.width
            self._rows[rows.module.name] = Parameter(numel, WIDTHS[self._training.adapter_dtype], requires_grad=True)
        return self._rows[rows.module.name]
