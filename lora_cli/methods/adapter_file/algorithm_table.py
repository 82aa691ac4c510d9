"""The ways of adapting a module that files mix, each known by the names of its tensors.

The names, shapes and scalings are those of `lycoris/modules/*.py` (lycoris-lora 4.1.3): `weight_list_det` says which tensor
tells an algorithm, and `make_module_from_state_dict` how a module's rank follows from its shapes. LoRA's A and B have
PEFT's names here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from lora_cli.methods.adapter_file.module_update import Sizes

Shapes = Mapping[str, Sizes]
A, B, MID = "lora_A.weight", "lora_B.weight", "lora_mid.weight"


class Dims(NamedTuple):
    """The inputs, the outputs and the rank of an update; None for what its tensors do not tell."""

    d: int | None = None
    h: int | None = None
    r: int | None = None


class Algorithm(NamedTuple):
    """How a module is adapted.

    A module that has one of the tensors in `marks` is adapted in this way. Of each of the `sets`, it needs all tensors
    of one alternative. `together` are optional tensors of which it has all or none, `beside` further ones. `dims` reads
    the shapes, and `joints` yields sides of tensors that must be equal. `is_scaled`: alpha / r multiplies the update.
    `reason` says why the update is not the product of A and B; LoRA's is, so it has none. `with_magnitude` is the name
    of a module that has a magnitude of DoRA too. `axes` is the number of axes of such a tensor where two algorithms
    give it one name.
    """

    name: str
    marks: frozenset[str]
    sets: tuple[tuple[tuple[str, ...], ...], ...]
    dims: Callable[[Shapes], Dims]
    joints: Callable[[Shapes], Iterator[Joint]]
    reason: str = ""
    together: tuple[tuple[str, ...], ...] = ()
    beside: frozenset[str] = frozenset()
    is_scaled: bool = True
    with_magnitude: str = ""
    axes: int | None = None

    def is_of(self, shapes: Shapes) -> bool:
        """Whether a module with tensors of these shapes is adapted in this way."""
        return any(name in self.marks and self.axes in (None, len(shape)) for name, shape in shapes.items())

    @property
    def tensors(self) -> frozenset[str]:
        """The names of all tensors that a module can have."""
        needed = {name for alternatives in self.sets for names in alternatives for name in names}
        optional = {name for names in self.together for name in names}
        return self.marks | needed | optional | self.beside


class Joint(NamedTuple):
    """Two sides that must be equal: of one tensor, and of another."""

    name: str
    axis: int
    other: str
    other_axis: int


def _no_joints(shapes: Shapes) -> Iterator[Joint]:
    yield from ()


def _unknown(shapes: Shapes) -> Dims:
    return Dims()


def _lora_dims(shapes: Shapes) -> Dims:
    a, b = shapes.get(A, ()), shapes.get(B, ())
    return Dims(side(a, 1), side(b, 0), side(a, 0) if a else side(b, 1))


def _lora_joints(shapes: Shapes) -> Iterator[Joint]:
    yield Joint(A, 0, B, 1)
    if MID in shapes:
        yield from (Joint(MID, 1, A, 0), Joint(MID, 0, B, 1))


def _loha_dims(shapes: Shapes) -> Dims:
    """Read the sides: with a core tensor the outputs are the second side of w1_a too (`loha.py`, `self.tucker`)."""
    a, b = shapes.get("hada_w1_a", ()), shapes.get("hada_w1_b", ())
    return Dims(side(b, 1), side(a, 1 if "hada_t1" in shapes else 0), side(b, 0))


def _loha_joints(shapes: Shapes) -> Iterator[Joint]:
    inner = 0 if "hada_t1" in shapes else 1
    yield from (Joint("hada_w1_a", inner, "hada_w1_b", 0), Joint("hada_w2_a", inner, "hada_w2_b", 0))
    yield from (Joint("hada_w1_a", side, "hada_w2_a", side) for side in (0, 1))
    yield from (Joint("hada_w1_b", side, "hada_w2_b", side) for side in (0, 1))
    if "hada_t1" in shapes:
        yield from (Joint("hada_t1", 0, "hada_w1_a", 0), Joint("hada_t2", 0, "hada_w2_a", 0))


def _lokr_dims(shapes: Shapes) -> Dims:
    """Multiply the sides of the Kronecker product's factors, each of which may be low-rank and have a core."""
    core = "lokr_t2" in shapes
    w1, w2 = shapes.get("lokr_w1", ()), shapes.get("lokr_w2", ())
    w1_a, w1_b = shapes.get("lokr_w1_a", ()), shapes.get("lokr_w1_b", ())
    w2_a, w2_b = shapes.get("lokr_w2_a", ()), shapes.get("lokr_w2_b", ())
    d = _times(side(w1 or w1_b, 1), side(w2 or w2_b, 1))
    h = _times(side(w1 or w1_a, 0), side(w2, 0) if w2 else side(w2_a, 1 if core else 0))
    return Dims(d, h, side(w1_b, 0) if w1_b else side(w2_b, 0))


def _lokr_joints(shapes: Shapes) -> Iterator[Joint]:
    core = "lokr_t2" in shapes
    yield Joint("lokr_w1_a", 1, "lokr_w1_b", 0)
    yield Joint("lokr_w2_a", 0 if core else 1, "lokr_w2_b", 0)
    if core:
        yield from (Joint("lokr_t2", 0, "lokr_w2_a", 0), Joint("lokr_t2", 1, "lokr_w2_b", 0))


def _glora_dims(shapes: Shapes) -> Dims:
    a2, b1 = shapes.get("a2.weight", ()), shapes.get("b1.weight", ())
    return Dims(side(a2, 1), side(b1, 0), side(a2, 0))


def _glora_joints(shapes: Shapes) -> Iterator[Joint]:
    yield from (Joint("a1.weight", 1, "a2.weight", 0), Joint("b1.weight", 1, "b2.weight", 0))
    yield from (Joint("a1.weight", 0, "a2.weight", 1), Joint("a2.weight", 0, "b2.weight", 0))


def _tlora_dims(shapes: Shapes) -> Dims:
    q, p = shapes.get("q_layer.weight", ()), shapes.get("p_layer.weight", ())
    return Dims(side(q, 1), side(p, 0), side(q, 0))


def _tlora_joints(shapes: Shapes) -> Iterator[Joint]:
    yield Joint("q_layer.weight", 0, "p_layer.weight", 1)


def _full_dims(shapes: Shapes) -> Dims:
    whole = shapes.get("diff", ())
    return Dims(side(whole, 1), side(whole, 0)) if len(whole) > 1 else Dims()


def _blocks_dims(shapes: Shapes) -> Dims:
    """Multiply OFT's n blocks by their size b; BOFT has m stages of these."""
    blocks = shapes.get("oft_blocks", ())
    return Dims(h=blocks[-3] * blocks[-2]) if len(blocks) in (3, 4) else Dims()


def side(shape: Sizes, axis: int) -> int | None:
    """Return the size of an axis, or None if a shape does not have it."""
    return shape[axis] if axis < len(shape) else None


def _times(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one * other


NO_PRODUCT = "does not update a weight by a product of two low-rank matrices"
# In the order in which lycoris looks for them (`MODULE_LIST`).
ALGORITHMS = (
    Algorithm("lora", frozenset({A, B, MID}), (((A, B),),), _lora_dims, _lora_joints, with_magnitude="dora"),
    Algorithm(
        "loha",
        frozenset({"hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2"}),
        ((("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"),),),
        _loha_dims,
        _loha_joints,
        f"LoHa {NO_PRODUCT}",
        with_magnitude="loha+dora",
        together=(("hada_t1", "hada_t2"),),
    ),
    Algorithm(
        "ia3",
        frozenset({"on_input"}),
        ((("weight", "on_input"),),),
        _unknown,
        _no_joints,
        f"IA3 {NO_PRODUCT}",
        is_scaled=False,
    ),
    Algorithm(
        "lokr",
        frozenset({"lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t1", "lokr_t2"}),
        ((("lokr_w1",), ("lokr_w1_a", "lokr_w1_b")), (("lokr_w2",), ("lokr_w2_a", "lokr_w2_b"))),
        _lokr_dims,
        _lokr_joints,
        f"LoKr {NO_PRODUCT}",
        with_magnitude="lokr+dora",
    ),
    Algorithm(
        "full",
        frozenset({"diff", "diff_b"}),
        ((("diff",), ("diff_b",)),),
        _full_dims,
        _no_joints,
        "it is trained whole, so its update has no rank",
        is_scaled=False,
    ),
    Algorithm(
        "norm",
        frozenset({"w_norm", "b_norm"}),
        ((("w_norm",),),),
        _unknown,
        _no_joints,
        "it is trained whole, so its update has no rank",
        is_scaled=False,
    ),
    *(
        Algorithm(
            name,
            frozenset({"oft_blocks"}),
            ((("oft_blocks",),),),
            _blocks_dims,
            _no_joints,
            f"{name.upper()} {NO_PRODUCT}",
            beside=frozenset({"rescale"}),
            is_scaled=False,
            axes=axes,
        )
        for name, axes in (("oft", 3), ("boft", 4))
    ),
    Algorithm(
        "glora",
        frozenset({"a1.weight", "a2.weight", "b1.weight", "b2.weight", "bm.weight"}),
        ((("a1.weight", "a2.weight", "b1.weight", "b2.weight"),),),
        _glora_dims,
        _glora_joints,
        f"GLoRA {NO_PRODUCT}",
    ),
    Algorithm(
        "tlora",
        frozenset({"lambda_layer", "q_layer.weight", "p_layer.weight"}),
        ((("q_layer.weight", "p_layer.weight", "lambda_layer"),),),
        _tlora_dims,
        _tlora_joints,
        "T-LoRA subtracts what it started from, so its update is not scaling * B * A",
    ),
)
