"""What is wrong with a trained adapter: a rule for each way in which config, file, values and model can disagree."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from math import isfinite, prod

from lora_cli.analysis.count.remarks import untied
from lora_cli.analysis.inspect.finding import FINDINGS, SEVERITIES, Finding
from lora_cli.analysis.inspect.inspection import Inspection
from lora_cli.errors import quote_long
from lora_cli.methods.adapter_file.trained_adapter import PICKLED, ROOT
from lora_cli.methods.targeting.name_matching import excluder, patient_with
from lora_cli.methods.targeting.patterns import compiled
from lora_cli.methods.targeting.ties import EMBEDDING_LAYERS

Said = Iterator[tuple[str, str]]
Sizes = tuple[int, ...]

# What LoRA calls A and B, and each one's other.
AS, BS = ("lora_A.weight", "lora_embedding_A"), ("lora_B.weight", "lora_embedding_B")
OTHER = dict(zip((*AS, *BS), (*BS, *AS), strict=True))
# What PEFT saves of an adapted module itself, and rows of embeddings.
BESIDE = (".base_layer.weight", ".base_layer.bias", ".trainable_tokens_delta")
NAMED = 3
# Percent of a file that embeddings may be, and scalings at which an update hardly learns or blows up.
MOST_OF_IT = 50
LEAST_SCALING, MOST_SCALING = 1 / 16, 16


def findings(found: Inspection) -> list[Finding]:
    """Return what is wrong with an adapter, the worst first."""
    made = [
        Finding(found.adapter, FINDINGS[code].severity, code, message, FINDINGS[code].remedy)
        for rule in RULES
        for code, message in rule(found)
    ]
    return sorted(made, key=lambda finding: SEVERITIES.index(finding.severity))


def _file(found: Inspection) -> Said:
    if found.broken:
        yield "broken-file", found.broken.rpartition(";")[0]
    # So ZeRO-3 leaves what it has not gathered. Some methods have tensors without values for some sizes.
    is_lora, expected = found.trained.config.method == "lora", found.expected
    empty = [
        key
        for key, stored in found.tensors.items()
        if not stored.values and (is_lora if expected is None else key in expected and expected[key].params)
    ]
    nothing = not (found.broken or found.tensors) and (is_lora if expected is None else expected)
    if empty or nothing:
        yield "empty-tensor", f"{_some('tensor', empty)} without values" if empty else "the file has no tensors"
    if os.path.lexists(os.path.join(found.trained.folder, PICKLED)):
        yield "pickled-beside", f"{PICKLED} lies beside the safetensors file and is not read"


def _config(found: Inspection) -> Said:
    if found.trained.unknown:
        yield "unknown-field", f"{_some('field', found.trained.unknown)} of adapter_config.json unknown"
    if found.refused:
        yield "refused-config", f"PEFT refuses the config on this model: {found.refused}"


def _prefixes(found: Inspection) -> Said:
    """Find keys that PEFT would look for under another name."""
    wrong = [(key, right) for key, right in zip(found.trained.tensors, found.tensors, strict=False) if key != right]
    if wrong:
        _, right = wrong[0]
        yield "wrong-prefix", f"{_some('key', [key for key, _ in wrong])} not PEFT's, which is {quote_long(right)}"


def _against_model(found: Inspection) -> Said:
    """Hold the file's names and shapes against those that PEFT saves of this config on this model."""
    expected, model = found.expected, found.model
    if expected is None or model is None or found.broken:
        return
    if expected and expected.keys().isdisjoint(found.tensors):
        yield "other-model", f"no tensor of the file belongs to this config on {quote_long(model.name)}"
        return
    unknown = [key for key in found.tensors if key not in expected]
    if unknown:
        yield "unknown-tensor", f"{_some('tensor', unknown)} not of this config on {quote_long(model.name)}"
    missing = [key for key in expected if key not in found.tensors]
    if missing:
        yield "missing-tensor", f"{_some('tensor', missing)} missing that this config has on {quote_long(model.name)}"
    wrong = [
        (key, found.tensors[key].shape, tensor.stored or ())
        for key, tensor in expected.items()
        if key in found.tensors and found.tensors[key].shape != tensor.stored
    ]
    off = _off_rank(found)
    wrong = [each for each in wrong if not _is_rank_alone(each, off.get((found.split(each[0]) or ("",))[0]))]
    if wrong:
        _, ours, theirs = wrong[0]
        shapes = f"{_shape(ours)}, and {quote_long(model.name)} takes {_shape(theirs)}"
        yield "shape-mismatch", f"{_some('tensor', [name for name, *_ in wrong])} of another shape: {shapes}"


def _is_rank_alone(wrong: tuple[str, Sizes, Sizes], ranks: tuple[int, int] | None) -> bool:
    """Whether a shape differs by the rank and nothing else, which is said of the module."""
    _, ours, theirs = wrong
    differ = {pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]}
    return len(ours) == len(theirs) and differ == {ranks}


def _stands_alone(found: Inspection) -> bool:
    """Whether LoRA's tensors can be held against each other alone: there is no model, or it does not take the config."""
    return found.trained.config.method == "lora" and found.expected is None and not found.broken


def _unknown_alone(found: Inspection) -> Said:
    """Find tensors that are neither LoRA's nor those of what the config trains beside it."""
    config = found.trained.config
    saved = {*config.saved, *EMBEDDING_LAYERS}
    beside = (*BESIDE, ".bias") if config.bias != "none" else BESIDE
    unknown = [
        key
        for key in found.tensors
        if not found.split(key) and not key.endswith(beside) and not any(f".{name}." in f".{key}" for name in saved)
    ]
    if unknown and _stands_alone(found):
        yield "unknown-tensor", f"{_some('tensor', unknown)} neither LoRA's nor named by modules_to_save"


def _missing_alone(found: Inspection) -> Said:
    """Find modules that have an A or a B alone, or no magnitude with DoRA."""
    magnitude = ("lora_magnitude_vector",) if found.trained.config.use_dora else ()
    missing = [
        f"{ROOT}{module}.{other}"
        for module, tensors in found.beside.items()
        for other in (*(OTHER[ending] for ending in tensors if ending in OTHER), *magnitude)
        if other not in tensors
    ]
    if missing and _stands_alone(found):
        yield "missing-tensor", f"{_some('tensor', missing)} missing beside the rest of its module"


def _unlike_alone(found: Inspection) -> Said:
    """Find an A and a B that are not of one rank."""
    unlike = {
        module: (tensors[ending].shape, tensors[OTHER[ending]].shape)
        for module, tensors in found.beside.items()
        for ending in AS
        if module not in found.factors and ending in tensors and OTHER[ending] in tensors
    }
    if unlike and _stands_alone(found) and not found.stacks:
        a, b = next(iter(unlike.values()))
        shapes = f"A is {_shape(a)}, B is {_shape(b)}"
        yield "shape-mismatch", f"{_some('module', list(unlike))} with an A and a B that do not fit: {shapes}"


def _off_rank(found: Inspection) -> dict[str, tuple[int, int]]:
    """Return the modules whose rank in the file is not the config's, with both."""
    if found.stacks:
        return {}
    wanted = {module: (pair.r, found.ranks[module]) for module, pair in found.factors.items()}
    return {module: both for module, both in wanted.items() if both[0] != both[1]}


def _ranks(found: Inspection) -> Said:
    off = _off_rank(found)
    if off:
        ours, theirs = next(iter(off.values()))
        yield (
            "rank-mismatch",
            f"{_some('module', list(off))} of another rank: {ours} in the file, {theirs} in the config",
        )
    if found.stacks:
        return
    past, over = [], []
    for module, pair in found.factors.items():
        d, h = prod(pair.a.shape[1:]), pair.b.shape[0]
        if pair.r > min(d, h):
            over.append((module, pair.r, min(d, h)))
        elif pair.r * (d + h) > d * h:
            past.append((module, pair.r, d * h / (d + h)))
    if past:
        _, r, most = past[0]
        yield (
            "rank-past-break-even",
            f"{_some('module', [m for m, *_ in past])} with rank {r}, past the break-even at {most:.6g}",
        )
    if over:
        _, r, most = over[0]
        yield "rank-past-dimension", f"{_some('module', [m for m, *_ in over])} with rank {r}, past min(d, h) = {most}"


def _values(found: Inspection) -> Said:
    seen = found.seen or {}
    nan = [key for key, values in seen.items() if values.nan]
    infinite = [key for key, values in seen.items() if values.infinite]
    zero = [key for key, values in seen.items() if values.zero and key.endswith(BS)]
    if nan:
        yield "nan", f"{_some('tensor', nan)} with NaN among the values"
    if infinite:
        yield "infinity", f"{_some('tensor', infinite)} with infinity among the values"
    if zero:
        yield "zero-b", f"{_some('tensor', zero)} all zero"


def _targets(found: Inspection) -> Said:
    """Find targets that nothing in the model, or else in the file, is called."""
    wanted = found.trained.config.target_modules
    if found.cost is not None:
        unmatched = [what for what in found.cost.targets.unmatched if "pattern" not in what]
    elif isinstance(wanted, tuple) and found.beside:
        names, excluded = _names(found), excluder(found.trained.config)
        unmatched = [
            f"target {quote_long(target)}" for target in wanted if f".{target}." not in names and not excluded(target)
        ]
    else:
        return
    if unmatched:
        yield "unmatched-target", f"{_listed(unmatched)} matched nothing"


def _names(found: Inspection) -> str:
    """Return all names of the file as one text, in which a module within or at the end of one stands between dots."""
    return "\n".join(f".{key.removeprefix(ROOT)}." for key in found.tensors)


def _patterns(found: Inspection) -> Said:
    """Find keys of rank_pattern and alpha_pattern that are no module's."""
    modules = [module.removesuffix(".base_layer") for module in found.factors]
    ends = "".join(f".{module}\n" for module in modules)
    with patient_with(len(modules)):
        unused = [
            f"{name} {quote_long(key)}"
            for name in ("rank_pattern", "alpha_pattern")
            for key in found.trained.fields.get(name) or {}
            if modules and f".{key}\n" not in ends and not any(map(compiled(rf"(.*\.)?({key})$").match, modules))
        ]
    if unused:
        yield "unmatched-pattern", f"{_listed(unused)} matched nothing"


def _embeddings(found: Inspection) -> Said:
    model = found.model
    named = {name for name in (model.embeddings, model.output) if name} if model else set()
    layers = {*EMBEDDING_LAYERS, *(name.rpartition(".")[2] for name in named)}
    whole = [
        key
        for key, stored in found.tensors.items()
        if not found.split(key) and len(stored.shape) == 2 and key.endswith(".weight")
        if not layers.isdisjoint(key.split("."))
    ]
    size = sum(found.tensors[key].end - found.tensors[key].start for key in whole)
    if whole and 100 * size > MOST_OF_IT * found.adapter_bytes:
        share = 100 * size / found.adapter_bytes
        yield "full-embeddings", f"{_some('full embedding', whole)} {share:.1f} % of the file"
    for said in untied(found.cost) if found.cost is not None else ():
        yield "tied-apart", said


def _scalings(found: Inspection) -> Said:
    extreme = {
        module: pair.scaling
        for module, pair in found.factors.items()
        if not (isfinite(pair.scaling) and LEAST_SCALING <= abs(pair.scaling) <= MOST_SCALING)
    }
    if extreme:
        scaling = next(iter(extreme.values()))
        yield "extreme-scaling", f"{_some('module', list(extreme))} scaled by {scaling:.6g}"


RULES: tuple[Callable[[Inspection], Said], ...] = (
    _file,
    _config,
    _prefixes,
    _against_model,
    _unknown_alone,
    _missing_alone,
    _unlike_alone,
    _ranks,
    _values,
    _targets,
    _patterns,
    _embeddings,
    _scalings,
)


def _some(what: str, names: Sequence[str]) -> str:
    """Return how many there are, and the first names.

    >>> _some("tensor", ["a", "b"]), _some("module", list("abcde"))
    ("2 tensors ('a', 'b')", "5 modules ('a', 'b', 'c', ...)")
    """
    more = ", ..." if len(names) > NAMED else ""
    shown = ", ".join(map(quote_long, names[:NAMED]))
    return f"{len(names)} {what}{'s' if len(names) != 1 else ''} ({shown}{more})"


def _listed(texts: Sequence[str]) -> str:
    """Return the first texts, and how many more there are."""
    more = f" and {len(texts) - NAMED} more" if len(texts) > NAMED else ""
    return ", ".join(texts[:NAMED]) + more


def _shape(sizes: Sequence[int]) -> str:
    return " x ".join(map(str, sizes)) or "one value"
