"""The names of repositories on the Hugging Face Hub: org/name, or org/name@revision.

`huggingface_hub.utils.validate_repo_id`; a revision is a branch, a tag or a commit, and follows git's rules for these.
"""

from __future__ import annotations

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
URL = "://"


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
    """Whether a text that leads nowhere has the two parts of a name, or a host before them, and not the beginning of a path.

    >>> is_meant_as_name("my org/adapter"), is_meant_as_name("../adapter"), is_meant_as_name("no/such/file")
    (True, False, False)
    """
    return URL in text or (text.partition(MARK)[0].count("/") == 1 and not text.startswith(("/", "./", "../", "~")))


def _is_revision(text: str) -> bool:
    return len(text) <= MAX_REVISION_CHARACTERS and REVISION.fullmatch(text) is not None and ".." not in text


def is_commit(revision: str) -> bool:
    """Whether a revision is a whole commit, which can never mean anything else."""
    return COMMIT.fullmatch(revision) is not None


def not_a_name(what: str, text: str) -> InvalidInput:
    """Return the error for a text with a slash that leads nowhere; `what` says what it should be, e.g. a model."""
    _, _, address = text.partition(URL)
    name = hub_name("/".join(address.split("/")[1:3]))
    near = "" if name is None else f"; did you mean {name}?"
    return InvalidInput(
        f"{what} {quote_long(text)} is neither a path that exists nor a name on the Hub, which is org/name or "
        f"org/name@revision, of letters, digits, - _ and . only{near}"
    )
