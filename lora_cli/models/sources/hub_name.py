"""The names of repositories on the Hugging Face Hub: org/name, or org/name@revision.

`huggingface_hub.utils.validate_repo_id`; a revision is a branch, a tag or a commit, and follows git's rules for these.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from lora_cli.errors import InvalidInput, quote_long

# Both parts of a name begin and end with a letter, a digit or an underscore.
PART = re.compile(r"\w([\w.-]*\w)?", re.ASCII)
MAX_NAME_CHARACTERS = 96
REVISION = re.compile(r"[\w.-]+(/[\w.-]+)*", re.ASCII)
MAX_REVISION_CHARACTERS = 200
COMMIT = re.compile(r"[0-9a-f]{40}")
MARK = "@"
SCHEME_END = "://"
HOSTS = ("huggingface.co", "www.huggingface.co", "hf.co")
# What stands in the address of a page before its revision, and before the name of what is not a model.
PAGES, OTHERS = ("blob", "commit", "raw", "resolve", "tree"), ("datasets", "spaces")
MAIN = "main"


class HubName(NamedTuple):
    """A repository, and the revision of it that is asked for; without one it is the newest."""

    repository: str
    revision: str | None = None

    def __str__(self) -> str:
        """Return the name as it is written."""
        return self.repository if self.revision is None else f"{self.repository}{MARK}{self.revision}"


def hub_name(text: str) -> HubName | None:
    """Return the name that a text is, or None if it is not formed like one.

    >>> hub_name("Qwen/Qwen3-8B@main"), hub_name("Qwen/Qwen3-8B").revision
    (HubName(repository='Qwen/Qwen3-8B', revision='main'), None)
    >>> hub_name("gpt2"), hub_name("../Qwen3-8B"), hub_name("a/b/c"), hub_name("org/name@")
    (None, None, None, None)
    """
    repository, mark, revision = text.partition(MARK)
    parts = repository.split("/")
    if len(parts) != 2 or len(repository) > MAX_NAME_CHARACTERS or not all(map(PART.fullmatch, parts)):
        return None
    if ".." in repository or "--" in repository or repository.endswith(".git"):
        return None
    if mark and not _is_revision(revision):
        return None
    return HubName(repository, revision if mark else None)


def is_meant_as_name(text: str) -> bool:
    """Whether a text that leads nowhere has the two parts of a name, and not the beginning of a path.

    >>> is_meant_as_name("my org/adapter"), is_meant_as_name("../adapter"), is_meant_as_name("no/such/file")
    (True, False, False)
    """
    return text.partition(MARK)[0].count("/") == 1 and not text.startswith(("/", "./", "../", "~"))


def _is_revision(text: str) -> bool:
    return len(text) <= MAX_REVISION_CHARACTERS and REVISION.fullmatch(text) is not None and ".." not in text


def is_commit(revision: str) -> bool:
    """Whether a revision is a whole commit, which can never mean anything else."""
    return COMMIT.fullmatch(revision) is not None


def not_a_name(what: str, text: str) -> InvalidInput:
    """Return the error for a text with a slash that leads nowhere; `what` says what it should be, e.g. a model."""
    return InvalidInput(
        f"{what} {quote_long(text)} is neither a path that exists nor a name on the Hub, which is org/name or "
        f"org/name@revision, of letters, digits, - _ and . only"
    )


def refuse_address(text: str) -> None:
    """Refuse the address of a page, with the name that stands in it if the page is that of a model or adapter on the Hub.

    >>> refuse_address("hf.co/org/name/tree/v1")
    Traceback (most recent call last):
    lora_cli.errors.InvalidInput: 'hf.co/org/name/tree/v1' is an address, neither a path that exists nor a name on the Hub; did you mean org/name@v1?
    """
    _, mark, address = text.rpartition(SCHEME_END)
    host, _, path = address.partition("/")
    is_on_hub = host.lower() in HOSTS
    if (mark or is_on_hub) and not os.path.lexists(text):
        name = _name_in(path) if is_on_hub else None
        fix = "give org/name, org/name@revision or a path" if name is None else f"did you mean {name}?"
        raise InvalidInput(f"{quote_long(text)} is an address, neither a path that exists nor a name on the Hub; {fix}")


def _name_in(path: str) -> HubName | None:
    """Return the name that stands in the path of an address on the Hub."""
    from urllib.parse import unquote

    owner, name, page, revision = (*re.split(r"[?#]", path)[0].split("/"), "", "", "", "")[:4]
    found = hub_name(f"{owner}/{name}")
    if found is None or owner in OTHERS:
        return None
    is_revision = page in PAGES and _is_revision(revision := unquote(revision)) and revision != MAIN
    return HubName(found.repository, revision if is_revision else None)
