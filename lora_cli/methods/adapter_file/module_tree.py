"""A model's modules as PEFT leaves them: adapted in place, copied, or with rows of their own.

Each of PEFT's wrappers puts names of its own between a module's and its parameters', and all of these are
names in `state_dict()`, from which a saved file is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lora_cli.methods.tensor import Tensor
from lora_cli.models.model import Model
from lora_cli.models.nodes import Buffer, Module, Parameter

# `peft.tuners.tuners_utils.BaseTunerLayer`, `peft.utils.other.ModulesToSaveWrapper` and
# `TrainableTokensWrapper`; FOLLOWING is one of the last that trains no rows of its own.
ADAPTED, COPIED, ROWS, FOLLOWING = "adapted", "copied", "rows", "following"
DELTA = "trainable_tokens_delta"
AUXILIARY = frozenset({COPIED, ROWS, FOLLOWING})


# PEFT takes the last part from DoRA's vector when it saves an adapter, and leaves it in a copy.
IN_STATE = {"lora_magnitude_vector": "lora_magnitude_vector.weight"}


class Branch:
    """A module: the tensors that it holds itself, the modules within it, and which of PEFT's wrappers it is."""

    __slots__ = ("children", "kind", "leaves", "role")

    def __init__(self, role: str = "", kind: str = "", **children: Branch) -> None:
        self.role = role
        self.kind = kind
        self.children = dict(children)
        self.leaves: dict[str, Tensor] = {}

    def child(self, name: str) -> Branch | None:
        """Return a module within, as attributes of PEFT's wrappers do: a wrapper looks into what it holds too."""
        branch: Branch | None = self
        while branch is not None and name not in branch.children:
            branch = {ADAPTED: branch.children.get("base_layer"), COPIED: branch.copy}.get(branch.role)
        return None if branch is None else branch.children[name]

    @property
    def copy(self) -> Branch | None:
        """The full copy that a wrapper holds."""
        return self.children["modules_to_save"].children["default"] if self.role == COPIED else None

    def inner(self, path: str) -> Branch:
        """Return the module that a path leads to; modules without tensors are made on the way."""
        branch = self
        for name in path.split(".") if path else ():
            branch = branch.child(name) or branch.children.setdefault(name, Branch())
        return branch

    def walk(self, path: str = "") -> Iterator[tuple[str, Branch, bool]]:
        """Yield each module once, the outer before the inner, with its path and whether it is inside a copy or rows."""
        seen: set[int] = set()
        waiting = [(path, self, False)]
        while waiting:
            path, branch, inside = waiting.pop()
            if id(branch) in seen:
                continue
            seen.add(id(branch))
            yield path, branch, inside
            inside = inside or branch.role in AUXILIARY
            within = [(f"{path}.{name}" if path else name, child, inside) for name, child in branch.children.items()]
            waiting.extend(reversed(within))

    def state(self, path: str = "") -> Iterator[tuple[str, Tensor]]:
        """Yield every tensor, a shared one under each of its names: `state_dict()`."""
        waiting = [(path, self)]
        while waiting:
            path, branch = waiting.pop()
            prefix = f"{path}." if path else ""
            yield from ((f"{prefix}{name}", tensor) for name, tensor in branch.leaves.items())
            waiting.extend((f"{prefix}{name}", child) for name, child in branch.children.items())

    def copied(self) -> Branch:
        """Return a copy of all of it."""
        copies: dict[int, Branch] = {}
        for _, branch, _ in self.walk():
            copy = copies[id(branch)] = Branch(branch.role, branch.kind)
            copy.leaves = dict(branch.leaves)
        for _, branch, _ in self.walk():
            copies[id(branch)].children = {name: copies[id(child)] for name, child in branch.children.items()}
        return copies[id(self)]


def grown(model: Model) -> Branch:
    """Return the modules of a model before anything is adapted."""
    root = Branch()
    for node in model.nodes:
        held: tuple[Parameter | Buffer, ...] = ()
        if isinstance(node, Module):
            root.inner(node.name).kind = node.kind
            held = node.parameters()
        elif isinstance(node, Parameter | Buffer):
            held = (node,)
        for each in held:
            owner, _, leaf = each.name.rpartition(".")
            dtype = (each.dtype if isinstance(each, Buffer) else None) or model.dtype
            root.inner(owner).leaves[leaf] = Tensor(leaf, each.shape, leaf, each.shape, dtype=dtype)
    return root


def adapt(root: Branch, path: str, tensors: Iterable[Tensor]) -> None:
    """Put an adapter's tensors beside a module, or beside an adapter that is there already."""
    wrapper = _wrap(root, path, ADAPTED, "base_layer")
    wrapper.leaves = {IN_STATE.get(tensor.key, tensor.key): tensor for tensor in tensors}


def keep_copy(root: Branch, path: str, tied: Branch | None = None) -> None:
    """Copy a module (`modules_to_save`); what is `tied` gets the embeddings' weight instead."""
    wrapper = _wrap(root, path, COPIED, "original_module")
    original = wrapper.children["original_module"]
    made = original.copied()
    if tied is not None:
        made = Branch()
        made.leaves = {"weight": tied.leaves["weight"]}
    wrapper.children["modules_to_save"] = Branch(default=made)


def train_rows(root: Branch, path: str, rows: tuple[int, int], dtype: str, *, follows: bool = False) -> None:
    """Train rows of an embedding (`trainable_token_indices`), or have it follow one whose rows are trained."""
    wrapper = _wrap(root, path, FOLLOWING if follows else ROWS, "token_adapter")
    base = wrapper.children["token_adapter"]
    if base.copy is not None:
        # PEFT takes the copy for a part of the adapter, which it does not keep in half precision.
        base.copy.leaves = {name: tensor._replace(dtype=dtype) for name, tensor in base.copy.leaves.items()}
    adapter = Branch(ADAPTED, base_layer=base)
    adapter.leaves[DELTA] = Tensor(DELTA, rows, DELTA, rows, dtype=dtype)
    wrapper.children["token_adapter"] = adapter


def _wrap(root: Branch, path: str, role: str, name: str) -> Branch:
    """Put a wrapper in a module's place, which holds the module under a name."""
    around, _, leaf = path.rpartition(".")
    parent = root.inner(around)
    while parent.role == ADAPTED and leaf not in parent.children:
        parent = parent.children["base_layer"]
    wrapper = Branch(role)
    wrapper.children[name] = parent.child(leaf) or Branch()
    parent.children[leaf] = wrapper
    return wrapper
