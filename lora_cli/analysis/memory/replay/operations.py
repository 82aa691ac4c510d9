"""The operations of PyTorch that models are made of: what each allocates, saves, and allocates again in its backward.

The names are ATen's, the formulas those of tools/autograd/derivatives.yaml and torch/csrc/autograd/FunctionsManual.cpp.
Of a shape only the number of values matters, so a view is the tensor itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lora_cli.analysis.memory.replay.ledger import SCORES, WEIGHTS, Storage
from lora_cli.analysis.memory.replay.tape import Backward, Node, Parameter, Tape, Tensor, Unreduced

FLOAT32 = 4


def record(
    inputs: Sequence[Tensor | Parameter],
    numel: int,
    width: int,
    backward: Backward,
    *,
    saves: Sequence[Tensor | Parameter] = (),
    saves_output: bool = False,
    saves_more: Iterable[int] = (),
    of: str = "",
    flops: int = 0,
    tape: Tape | None = None,
) -> Tensor:
    """Return a new tensor, and record how its backward runs where one of the inputs requires a gradient.

    Autograd saves inputs before an operation runs, and results after it: the output, and others of `saves_more` bytes.
    So a checkpoint that runs again for nothing but the inputs stops before the `flops` of a matrix product.
    """
    if tape is None:
        tape = next(each.tape for each in inputs if isinstance(each, Tensor))
    if not any(each.requires_grad for each in inputs):
        tape.multiplies(of, flops)
        return Tensor(Storage(tape, numel * width), numel, width)
    kept = [each.storage if isinstance(each, Tensor) else tape.held_anyway for each in saves]
    node = Node(tape, inputs, kept, backward)
    tape.multiplies(of, flops)
    out = Tensor(Storage(tape, numel * width), numel, width, node=node)
    results = [Storage(tape, size) for size in saves_more]
    node.save(tape, [*results, out.storage] if saves_output else results)
    return out


def makes(
    *sizes: int | None, beside: Sequence[int] = (), inside: Sequence[int] = (), of: str = "", flops: int = 0
) -> Backward:
    """Return a backward that allocates a gradient of each size, None for no gradient.

    Temporaries `beside` are there before the gradients, those `inside` a kernel after them. Where it multiplies
    matrices, these take `flops` operations.
    """

    def backward(gradient: Storage) -> Sequence[Storage | None]:
        tape = gradient.tape
        tape.multiplies(of, flops)
        temporaries = [Storage(tape, size) for size in beside]
        made = [None if size is None else Storage(tape, size) for size in sizes]
        temporaries += [Storage(tape, size) for size in inside]
        del temporaries
        return made

    return backward


def passes(gradient: Storage) -> Sequence[Storage]:
    """Pass a gradient on as it is."""
    return (gradient,)


def wanted(*operands: Tensor | Parameter) -> list[int | None]:
    """Return the sizes of the gradients of those operands that require one."""
    return [each.numel * each.width if each.requires_grad else None for each in operands]


def saved_factors(a: Tensor, b: Tensor | Parameter) -> list[Tensor | Parameter]:
    """Return what a product saves: each factor for the gradient of the other."""
    return [*([a] if b.requires_grad else []), *([b] if a.requires_grad else [])]


def pointwise(x: Tensor, *, saves: str = "", beside: int = 0) -> Tensor:
    """Return a tensor of the same size, whose backward needs the `input`, the `output` or nothing.

    `beside` is the number of temporaries of this size in the backward.
    """
    size = x.numel * x.width
    backward = makes(size, beside=[size] * beside)
    kept = [x] if saves == "input" else []
    return record([x], x.numel, x.width, backward, saves=kept, saves_output=saves == "output")


def scale(x: Tensor, width: int = 0) -> Tensor:
    """Multiply by a number, or by a tensor of a `width` that needs no gradient."""
    of_tensor = [Tensor(x.tape.held_anyway, 0, width)] if width else []
    width, size = max(x.width, width), x.numel * x.width
    backward = makes(size) if width == x.width else broadcast(x.numel * width, x)
    return record([x], x.numel, width, backward, saves=of_tensor)


def soft_cap(x: Tensor) -> Tensor:
    """Divide by a number, take the tanh and multiply by the number."""
    x = scale(x)
    x = pointwise(x, saves="output")
    return scale(x)


def shift(x: Tensor, width: int = 0) -> Tensor:
    """Add a number, or a tensor of a `width` that needs no gradient."""
    wide, size = max(x.width, width), x.numel * x.width
    return record([x], x.numel, wide, passes if wide == x.width else lambda gradient: [Unreduced(gradient, size)])


def clone(x: Tensor) -> Tensor:
    """Copy, also to make contiguous."""
    return record([x], x.numel, x.width, passes)


def cast(x: Tensor, width: int) -> Tensor:
    """Change the type, where it is another one."""
    return x if x.width == width else record([x], x.numel, width, makes(x.numel * x.width))


def add(a: Tensor, b: Tensor | Parameter) -> Tensor:
    """Add tensors of one size, or a value for each column; the result has the wider type.

    Their gradient is that of the result itself, cast or summed where it does not fit.
    """
    width, sizes = max(a.width, b.width), wanted(a, b)
    whole, rows = a.numel * width, a.numel // b.numel
    sums = (), (b.numel, rows) if rows > 1 else ()

    def backward(gradient: Storage) -> Sequence[Storage | Unreduced | None]:
        return [
            None if size is None else gradient if size == whole else Unreduced(gradient, size, *summed)
            for size, summed in zip(sizes, sums, strict=True)
        ]

    return record([a, b], a.numel, width, backward)


def subtract(a: Tensor, b: Tensor | Parameter) -> Tensor:
    """Subtract what is smaller from each row or column, whose gradient is the sum of a negated copy."""
    whole, size = a.numel * a.width, b.numel * b.width

    def backward(gradient: Storage) -> Sequence[Storage]:
        negative = Storage(gradient.tape, whole)
        summed = Storage(gradient.tape, size)
        del negative
        return gradient, summed

    return record([a, b], a.numel, a.width, backward)


def broadcast(
    whole: int, *operands: Tensor | Parameter, columns: Tensor | Parameter | None = None, rows: int = 0
) -> Backward:
    """Return a backward that makes a gradient of the `whole` size for each operand, summed or cast to its own later.

    The operand of `columns` has a value for each of them, which so many `rows` share.
    """
    sizes = wanted(*operands)
    sums = [(each.numel, rows) if each is columns else () for each in operands]

    def backward(gradient: Storage) -> Sequence[Storage | Unreduced | None]:
        made = [None if size is None else Storage(gradient.tape, whole) for size in sizes]
        return [
            each if each is None or size is None or size == whole else Unreduced(each, size, *summed)
            for each, size, summed in zip(made, sizes, sums, strict=True)
        ]

    return backward


def multiply(a: Tensor, b: Tensor, *, by_columns: bool = False) -> Tensor:
    """Multiply tensors, of which one may be smaller, with a value for each row, or `by_columns`."""
    numel, width = max(a.numel, b.numel), max(a.width, b.width)
    columns = min(a, b, key=lambda each: each.numel) if by_columns else None
    backward = broadcast(numel * width, a, b, columns=columns, rows=numel // columns.numel if columns else 0)
    return record([a, b], numel, width, backward, saves=saved_factors(a, b))


def weigh(x: Tensor, weight: Parameter, *, width: int = 0) -> Tensor:
    """Multiply each row by a weight, which may be turned into a wider type first."""
    width = max(x.width, weight.width, width)
    backward = broadcast(x.numel * width, x, weight, columns=weight, rows=x.numel // weight.numel)
    return record([x, weight], x.numel, width, backward, saves=saved_factors(x, weight))


def linear(
    x: Tensor, weight: Parameter | Tensor, bias: Parameter | None, d: int, h: int, *, of: str = WEIGHTS
) -> Tensor:
    """Multiply rows of `d` values by a weight to `h` values.

    A frozen weight does not make it save its input; a weight that is a copy is saved as one. The gradients are views:
    that of the rows gets back its dimensions, that of the weight is transposed.
    """
    inputs, rows, flops = [x, weight], x.numel // d, 2 * x.numel * h
    backward = _viewed(makes(*wanted(x, weight), of=of, flops=flops * (x.requires_grad + weight.requires_grad)))
    if bias is not None:
        inputs, backward = [*inputs, bias], _with_bias(backward, bias, rows)
    return record(inputs, rows * h, x.width, backward, saves=saved_factors(x, weight), of=of, flops=flops)


def _viewed(backward: Backward) -> Backward:
    """Return a backward whose gradients are views."""

    def viewed(gradient: Storage) -> Sequence[Storage | Unreduced | None]:
        made = backward(gradient)
        for each in made:
            if isinstance(each, Storage):
                each.is_viewed = True
        return made

    return viewed


def _with_bias(backward: Backward, bias: Parameter, rows: int) -> Backward:
    """Return a backward that also sums the gradient for a bias, if it requires one."""
    (size,) = wanted(bias)

    def both(gradient: Storage) -> Sequence[Storage | Unreduced | None]:
        return [*backward(gradient), None if size is None else Unreduced(gradient, size, bias.numel, rows)]

    return both


def embedding(tape: Tape, weight: Parameter | Tensor, tokens: int, h: int) -> Tensor:
    """Look up tokens, whose indices the batch holds; the gradient of a trained table is as large as the table."""
    return record([weight], tokens * h, weight.width, makes(*wanted(weight)), tape=tape)


def product(a: Tensor, b: Tensor, numel: int, flops: int) -> Tensor:
    """Multiply batches of matrices (`bmm`) in attention, which takes `flops` operations."""
    backward = makes(*wanted(a, b), of=SCORES, flops=flops * (a.requires_grad + b.requires_grad))
    return record([a, b], numel, a.width, backward, saves=saved_factors(a, b), of=SCORES, flops=flops)


def repeat(x: Tensor, times: int, parts: int = 2) -> Tensor:
    """Repeat each of the parts of a tensor, which is a copy unless there is one part or it is once."""
    if times == 1:
        return x
    backward = makes(x.numel * x.width)
    return _view(x, x.numel * times, backward) if parts == 1 else record([x], x.numel * times, x.width, backward)


def square(x: Tensor) -> Tensor:
    """Return x², whose backward makes x¹ and 2·x¹ first."""
    return pointwise(x, saves="input", beside=2)


def row_mean(x: Tensor, rows: int) -> Tensor:
    """Return the mean of each row."""
    return record([x], rows, x.width, makes(x.numel * x.width))


def dropout(x: Tensor, probability: float) -> Tensor:
    """Drop values, and save a byte for each (`native_dropout`)."""
    if not probability:
        return x
    return record([x], x.numel, x.width, makes(x.numel * x.width), saves_more=[x.numel])


def softmax(x: Tensor, width: int) -> Tensor:
    """Return the softmax in a type; CUDA multiplies the gradient with the result first."""
    backward = makes(x.numel * x.width, inside=[x.numel * width])
    return record([x], x.numel, width, backward, saves_output=True)


def take(x: Tensor, numel: int) -> Tensor:
    """Take values by an index, whose gradient is put into zeros as large as the input."""
    return record([x], numel, x.width, makes(x.numel * x.width))


def part(x: Tensor, numel: int) -> Tensor:
    """Return a view of a part of each row, whose gradient is put into one of the whole (`slice_backward`)."""
    return _view(x, numel, makes(x.numel * x.width))


def join(a: Tensor, b: Tensor) -> Tensor:
    """Put one tensor before another, which is a copy; their gradients are views of its own (`cat`)."""
    return record([a, b], a.numel + b.numel, max(a.width, b.width), lambda gradient: (gradient, gradient))


def split(x: Tensor, *numels: int) -> list[Tensor]:
    """Return views of the parts of each row, whose gradients are put together once all are there (`split`)."""
    if not x.requires_grad:
        return [_view(x, numel, passes) for numel in numels]
    gradients: list[Storage] = []

    def gathered(_: Storage) -> Sequence[Storage]:
        whole = Storage(x_tape, size)
        gradients.clear()
        return (whole,)

    def gathers(gradient: Storage) -> Sequence[Storage]:
        gradients.append(gradient)
        return (Storage(gradient.tape, 0),)

    x_tape, size = x.tape, x.numel * x.width
    whole = _view(x, x.numel, gathered)
    return [_view(whole, numel, gathers) for numel in numels]


def _view(x: Tensor, numel: int, backward: Backward) -> Tensor:
    node = Node(x.tape, [x], [], backward) if x.requires_grad else None
    return Tensor(x.storage, numel, x.width, node=node)


def concatenate(*parts: Tensor) -> Tensor:
    """Put tensors together; their gradients are views of that of the whole."""
    count = len(parts)
    return record(parts, sum(each.numel for each in parts), parts[0].width, lambda gradient: [gradient] * count)


def add_in_place(a: Tensor, b: Tensor) -> Tensor:
    """Add to a tensor that is used nowhere else."""
    if not (a.requires_grad or b.requires_grad):
        return a
    node = Node(a.tape, [a, b], [], lambda gradient: [gradient] * 2)
    return Tensor(a.storage, a.numel, a.width, node=node)
