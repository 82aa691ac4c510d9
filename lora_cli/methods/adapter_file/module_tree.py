"""A model's modules after PEFT has adapted them, copied them, or put trained rows beside them.

Each of PEFT's wrappers puts its own names between a module's name and those of its parameters. All of these are
names in `state_dict()`, from which PEFT makes the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lora_cli.methods.tensor import Tensor
from lora_cli.models.model import Model
from lora_cli.models.nodes import Buffer, Module, Parameter

# `peft.tuners.tuners_utils.BaseTunerLayer`, `peft.utils.other.ModulesToSaveWrapper` and
# `TrainableTokensWrapper`; TIED_ROWS is one of the last kind that shares the rows of the embeddings.
ADAPTED, COPIED, ROWS, TIED_ROWS = "adapted", "copied", "rows", "tied rows"
DELTA = "trainable_tokens_delta"
WITHIN = "base_layer."
AUXILIARY = frozenset({COPIED, ROWS, TIED_ROWS})
# PEFT drops the last part of the key of DoRA's vector when it saves an adapter, but not in a copy.
STATE_KEYS = {"lora_magnitude_vector": "lora_magnitude_vector.weight"}


class Branch:
    """A module: its own tensors, the modules within it, and which of PEFT's wrappers it is."""

    __slots__ = ("children", "kind", "leaves", "role")

    def __init__(self, role: str = "", kind: str = "", **children: Branch) -> None:
        self.role = role
        self.kind = kind
        self.children = dict(children)
        self.leaves: dict[str, Tensor] = {}

    def child(self, name: str) -> Branch | None:
        """Return a module within this one. Like attributes of PEFT's wrappers, a wrapper also looks into what it wraps."""
        branch: Branch | None = self
        while branch is not None and name not in branch.children:
            branch = {ADAPTED: branch.children.get("base_layer"), COPIED: branch.copy}.get(branch.role)
        return None if branch is None else branch.children[name]

    @property
    def copy(self) -> Branch | None:
        """The full copy that a wrapper holds."""
        return self.children["modules_to_save"].children["default"] if self.role == COPIED else None

    def inner(self, path: str) -> Branch:
        """Return the module at a path, and create the modules on the way that do not exist."""
        branch = self
        if not path:
            return branch
        for name in path.split("."):
            branch = branch.child(name) or branch.children.setdefault(name, Branch())
        return branch

    def walk(self, path: str = "") -> Iterator[tuple[str, Branch, bool]]:
        """Yield each module once, outer ones first, with its path and whether it is inside a full copy or token rows."""
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
        """Yield every tensor as `state_dict()` does, a shared one under each of its names."""
        waiting = [(path, self)]
        while waiting:
            path, branch = waiting.pop()
            prefix = f"{path}." if path else ""
            yield from ((f"{prefix}{name}", tensor) for name, tensor in branch.leaves.items())
            waiting.extend((f"{prefix}{name}", child) for name, child in branch.children.items())

    def deep_copy(self) -> Branch:
        """Return a copy of the module and of everything within it; what is shared within it stays shared."""
        copies: dict[int, Branch] = {}
        for _, branch, _ in self.walk():
            copy = copies[id(branch)] = Branch(branch.role, branch.kind)
            copy.leaves = dict(branch.leaves)
        for _, branch, _ in self.walk():
            copies[id(branch)].children = {name: copies[id(child)] for name, child in branch.children.items()}
        return copies[id(self)]


def module_tree(model: Model) -> Branch:
    """Return the modules of a model before PEFT changes them."""
    root = Branch()
    for node in model.nodes:
        values: tuple[Parameter | Buffer, ...] = ()
        if isinstance(node, Module):
            root.inner(node.name).kind = node.kind
            values = node.parameters()
        elif isinstance(node, Parameter | Buffer):
            values = (node,)
        for value in values:
            owner, _, leaf = value.name.rpartition(".")
            root.inner(owner).leaves[leaf] = Tensor(
                leaf, value.shape, leaf, value.shape, dtype=value.dtype or model.dtype
            )
    return root


def add_adapter(root: Branch, path: str, tensors: Iterable[Tensor]) -> None:
    """Put an adapter's tensors beside a module, or beside the adapter that the module has already.

    Those of a Linear within the module are keyed from the module, and stand beside that Linear.
    """
    wrapper = _wrap(root, path, ADAPTED, "base_layer")
    within: dict[str, list[Tensor]] = {}
    for tensor in tensors:
        if tensor.key.startswith(WITHIN):
            name, _, key = tensor.key.removeprefix(WITHIN).partition(".")
            within.setdefault(name, []).append(tensor._replace(key=key))
        else:
            wrapper.leaves[STATE_KEYS.get(tensor.key, tensor.key)] = tensor
    for name, inner in within.items():
        add_adapter(wrapper, f"{WITHIN}{name}", inner)


def add_attribute(root: Branch, path: str, tensors: Iterable[Tensor]) -> None:
    """Put an adapter, and what it holds of the base, into the wrapper of the module around it."""
    outer, _, leaf = path.rpartition(".")
    adapter = Branch(ADAPTED, base_layer=Branch())
    adapter.leaves = {tensor.key: tensor for tensor in tensors}
    root.inner(outer).children[leaf] = adapter


def add_full_copy(root: Branch, path: str, tied: Branch | None = None) -> None:
    """Put a full copy beside a module (`modules_to_save`), which holds the weight of the copy `tied` if there is one."""
    wrapper = _wrap(root, path, COPIED, "original_module")
    copy = wrapper.children["original_module"].deep_copy() if tied is None else Branch()
    if tied is not None:
        copy.leaves = {"weight": tied.leaves["weight"]}
    wrapper.children["modules_to_save"] = Branch(default=copy)


def add_token_rows(root: Branch, path: str, shape: tuple[int, int], dtype: str, *, is_tied: bool = False) -> None:
    """Put trained rows beside an embedding (`trainable_token_indices`), or the rows of the embeddings it is tied to."""
    wrapper = _wrap(root, path, TIED_ROWS if is_tied else ROWS, "token_adapter")
    base = wrapper.children["token_adapter"]
    if base.copy is not None:
        # PEFT takes the copy for a part of the adapter, so it is not kept in half precision.
        base.copy.leaves = {name: tensor._replace(dtype=dtype) for name, tensor in base.copy.leaves.items()}
    adapter = Branch(ADAPTED, base_layer=base)
    adapter.leaves[DELTA] = Tensor(DELTA, shape, DELTA, shape, dtype=dtype)
    wrapper.children["token_adapter"] = adapter


def _wrap(root: Branch, path: str, role: str, name: str) -> Branch:
    """Put a wrapper in a module's place, with the module under `name` within it."""
    outer, _, leaf = path.rpartition(".")
    parent = root.inner(outer)
    while parent.role == ADAPTED and leaf not in parent.children:
        parent = parent.children["base_layer"]
    wrapper = Branch(role)
    wrapper.children[name] = parent.child(leaf) or Branch()
    parent.children[leaf] = wrapper
    return wrapper
