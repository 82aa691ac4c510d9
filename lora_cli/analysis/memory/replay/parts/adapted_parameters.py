"""LoRA on bare parameters, e.g. fused experts: `peft.tuners.lora.layer.ParamWrapper`.

A parametrisation adds the update to the weight while the module runs, so that the sum is as large as the weight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.ledger import ADDED, Storage
from lora_cli.analysis.memory.replay.operations import cast, makes, record, scale, wanted
from lora_cli.analysis.memory.replay.tape import Node, Parameter, Tape, Tensor


class AdaptedParameters:
    """The parameters of a module while it runs: the update of each is made first, and the sum once it is asked for.

    `experts` says of each name how many experts the parameter holds, 1 where it is not one weight for each.
    """

    def __init__(self, device: Device, module: str, experts: Mapping[str, int], *, transposed: bool = False) -> None:
        self._ready: dict[str, Parameter | Tensor] = {}
        self._makers: dict[str, Callable[[], Tensor]] = {}
        # The last one has the outermost wrapper.
        for name in reversed(list(experts)):
            full = f"{module}.{name}"
            adapter = device.adapter(full)
            if not adapter:
                self._ready[name] = device.parameter(full)
                continue
            count = experts[name]
            update, r = _factored if count > 1 else _whole, device.setup.adapters[full][0].shape[0] // count
            maker = self._makers[name] = update(device, device.parameter(full), adapter, r, transposed=transposed)
            # Registering a parametrisation makes the sum, to check its type and shape.
            maker()

    def __getitem__(self, name: str) -> Parameter | Tensor:
        if name not in self._ready:
            self._ready[name] = self._makers[name]()
        return self._ready[name]


def _factored(
    device: Device, weight: Parameter, adapter: Mapping[str, Parameter], r: int, *, transposed: bool
) -> Callable[[], Tensor]:
    """Keep the factors of each expert, in the type of the weight (`_LoraFactorsProxy`)."""
    tape = device.tape
    a, b = adapter["lora_A.weight"], adapter["lora_B.weight"]
    # Experts come last in B, so its gradient is laid out anew; so is that of A where it is transposed.
    right: Parameter | Tensor = _permuted(device, a) if transposed else a
    left = cast(_permuted(device, b), weight.width)
    if right.width != weight.width:
        right = record([right], a.numel, weight.width, makes(*wanted(a)), tape=tape)
    is_scaled = device.setup.is_scaled
    sizes, flops = [each.numel * weight.width for each in (left, right)], 2 * weight.numel * r

    def backward(_: Storage) -> Sequence[Storage | None]:
        tape.multiplies(ADDED, 2 * flops)
        return [_product(tape, size, is_scaled=is_scaled) for size in sizes]

    saves = [each for each in (left, right) if isinstance(each, Tensor)]

    def sum_up() -> Tensor:
        return record(
            [left, right], weight.numel, weight.width, backward, saves=saves, of=ADDED, flops=flops, tape=tape
        )

    return sum_up


def _product(tape: Tape, size: int, *, is_scaled: bool) -> Storage:
    """Return the gradient of a factor of `baddbmm`, which is multiplied by a number unless that is 1."""
    whole = Storage(tape, size)
    if not is_scaled:
        return whole
    scaled = Storage(tape, size)
    del whole
    return scaled


def _permuted(device: Device, parameter: Parameter) -> Tensor:
    """Return a view of a parameter whose gradient is copied into the parameter's own layout."""
    node = Node(device.tape, [parameter], (), makes(*wanted(parameter)))
    return Tensor(Storage(device.tape, 0), parameter.numel, parameter.width, node=node)


def _whole(
    device: Device, weight: Parameter, adapter: Mapping[str, Parameter], r: int, *, transposed: bool
) -> Callable[[], Tensor]:
    """Keep B·A as large as the weight (`_LoraParameterProxy`)."""
    del transposed
    b, a = (device.lowered(adapter[f"lora_{factor}.weight"]) for factor in "BA")
    flops = 2 * weight.numel * r
    backward = makes(*wanted(b, a), of=ADDED, flops=2 * flops)
    made = record([b, a], weight.numel, a.width, backward, of=ADDED, flops=flops, tape=device.tape)
    update = cast(scale(made), weight.width)
    del made

    def sum_up() -> Tensor:
        return record([weight, update], weight.numel, weight.width, lambda gradient: (None, gradient))

    return sum_up
