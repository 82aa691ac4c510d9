"""What to write instead of targets that match nothing in a model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from lora_cli.errors import argument, near_miss, near_names, quote_long
from lora_cli.methods.targeting.name_matching import ALL_LINEAR
from lora_cli.methods.targeting.patterns import regular_expression

NAME = re.compile(r"[\w.-]*")
# What stands before the last part of a name in a regular expression for whole names.
LAST_PART = r".*\."


def near_targets(wanted: str | Sequence[str], known: Sequence[str], whole_names: Iterable[str]) -> str:
    """Return what may be meant by targets that match nothing: names in a text, another expression, or other names.

    >>> near_targets("q_proj,v_proj", ["q_proj", "v_proj"], [])
    'names are given by target q_proj,v_proj, or as a list, target_modules=["q_proj", "v_proj"];'
    >>> near_targets("q_proj v_proj", ["q_proj", "v_proj"], []).partition(", or")[0]
    'names are given by target q_proj,v_proj'
    >>> near_targets("layers.*q_proj", ["q_proj"], ["model.layers.0.q_proj"])
    "did you mean '.*\\\\.layers.*q_proj'?"
    >>> near_targets(["q_prj"], ["q_proj", "lm_head"], []), near_targets(["x"], ["q_proj"], [])
    ('did you mean q_proj?', '')
    """
    names = list(dict.fromkeys(re.split(r"[,\s]+", wanted.strip()))) if isinstance(wanted, str) else []
    if names and set(names).issubset(known):
        as_list = f"target_modules={json.dumps(names)}"
        return f"names are given by {argument('target')} {','.join(names)}, or as a list, {as_list};"
    if isinstance(wanted, str) and not NAME.fullmatch(wanted):
        return _near_expression(wanted, known, whole_names)
    name = wanted if isinstance(wanted, str) else next(iter(wanted), "")
    return near_miss(name, [each for each in (*known, ALL_LINEAR) if each != name], "")


def _near_expression(wanted: str, known: Sequence[str], whole_names: Iterable[str]) -> str:
    """Return a regular expression that matches whole names instead of their ends, or names with a similar last part.

    >>> _near_expression("q_proj|v_proj", ["q_proj"], ["layers.0.q_proj"])
    "did you mean '.*\\\\.(q_proj|v_proj)'?"
    >>> _near_expression(r".*\\.(q_prj)", ["lm_head", "q_proj"], []), _near_expression("x.*", ["q_proj"], [])
    ("did you mean '.*\\\\.q_proj'?", '')
    """
    longer = LAST_PART + (f"({wanted})" if "|" in wanted else wanted)
    # What begins like a flag may be one, and that cannot stand further behind.
    if not wanted.startswith("(?") and any(map(regular_expression(longer).fullmatch, whole_names)):
        return f"did you mean {quote_long(longer)}?"
    words = reversed(re.findall(r"\w+", wanted))
    near = next((name for word in words for name in near_names(word, known)), None)
    return "" if near is None else f"did you mean {quote_long(LAST_PART + re.escape(near))}?"
