"""The local cache of the Hugging Face Hub, as `huggingface_hub` lays it out; it is read and written without that package.

    models--ORG--NAME/refs/REVISION            the commit that a branch or a tag had when it was fetched
    models--ORG--NAME/snapshots/COMMIT/FILE    a link to the file's content
    models--ORG--NAME/blobs/ETAG               that content

https://huggingface.co/docs/huggingface_hub/guides/manage-cache
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from lora_cli.errors import InvalidInput, OutputFailed, quote, quote_long
from lora_cli.models.files import regular_file, replacement
from lora_cli.models.network import TRUE
from lora_cli.models.sources.hub_name import HubName, is_commit

DEFAULT_REVISION = "main"
BLOBS, SNAPSHOTS, REFS = "blobs", "snapshots", "refs"
# A reference holds a commit, and perhaps the end of a line.
MAX_REFERENCE_BYTES = 100


def cache_folder() -> str:
    """Return the folder of the cache (`huggingface_hub.constants.HF_HUB_CACHE`)."""
    home = _variable("HF_HOME") or os.path.join(
        _variable("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "huggingface"
    )
    return _variable("HF_HUB_CACHE") or _variable("HUGGINGFACE_HUB_CACHE") or os.path.join(home, "hub")


def _variable(name: str) -> str:
    return os.path.expandvars(os.path.expanduser(os.environ.get(name, "")))


def repository_folder(repository: str) -> str:
    """Return the folder of a repository in the cache.

    >>> os.path.basename(repository_folder("Qwen/Qwen3-8B"))
    'models--Qwen--Qwen3-8B'
    """
    return os.path.join(cache_folder(), f"models--{repository.replace('/', '--')}")


class Snapshot(NamedTuple):
    """The files of a repository at one commit, as far as they are in the cache."""

    repository: str
    commit: str

    @property
    def folder(self) -> str:
        """The folder of these files."""
        return os.path.join(repository_folder(self.repository), SNAPSHOTS, self.commit)

    def path(self, file: str) -> str | None:
        """Return the path of a file, or None if it is not there; a link that leads nowhere or out of the cache is refused."""
        path = os.path.join(self.folder, file)
        if not os.path.lexists(path):
            return None
        _refuse_stray(self.repository, path)
        return path

    def store(self, file: str, etag: str, content: bytes, revision: str) -> str:
        """Write a file that was fetched, and which commit a revision is, as hf_hub_download does; return its path."""
        folder = repository_folder(self.repository)
        blob, path = os.path.join(folder, BLOBS, etag), os.path.join(self.folder, file)
        reference = os.path.join(folder, REFS, *revision.split("/"))
        with _writing(folder):
            self._make_folders(
                path, *([] if _links_are_off() else [blob]), *([] if revision == self.commit else [reference])
            )
            if _links_are_off():
                _write(path, content)
            else:
                _write(blob, content)
                _link(os.path.relpath(blob, os.path.dirname(path)), path)
            if revision != self.commit:
                _write(reference, self.commit.encode())
        return path

    def _make_folders(self, *paths: str) -> None:
        """Make the folders of some files, none of which may be a link out of the cache."""
        home = os.path.realpath(repository_folder(self.repository))
        for folder in map(os.path.dirname, paths):
            os.makedirs(folder, exist_ok=True)
            if not os.path.realpath(folder).startswith(os.path.join(home, "")):
                raise _broken(self.repository, f"{quote_long(folder)} is a link out of the cache")


def _refuse_stray(repository: str, path: str) -> None:
    """Refuse a link that leads nowhere or out of the cache."""
    home, target = os.path.realpath(repository_folder(repository)), os.path.realpath(path)
    if not target.startswith(os.path.join(home, "")):
        raise _broken(repository, f"{quote_long(path)} is a link out of the cache")
    if not os.path.exists(target):
        raise _broken(repository, f"{quote_long(path)} is a link to a file that is missing")


def _broken(repository: str, what: str) -> InvalidInput:
    folder = repository_folder(repository)
    return InvalidInput(f"the cache of {repository} is broken: {what}; delete {quote_long(folder)}, or restore it")


def cached_snapshot(name: HubName) -> Snapshot | None:
    """Return what the cache holds of a repository at its revision, or None if it never had that."""
    revision = name.revision or DEFAULT_REVISION
    folder = repository_folder(name.repository)
    reference = os.path.join(folder, REFS, *revision.split("/"))
    # A commit is not a reference.
    commit = revision if is_commit(revision) else _read_reference(name.repository, reference)
    if commit is None:
        return None
    snapshot = Snapshot(name.repository, commit)
    return snapshot if os.path.isdir(snapshot.folder) else None


def _read_reference(repository: str, path: str) -> str | None:
    if not os.path.lexists(path) or os.path.isdir(path):
        return None
    _refuse_stray(repository, path)
    with regular_file(path) as (file, _):
        content = file.read(MAX_REFERENCE_BYTES)
    commit = content.decode("ascii", "replace").strip()
    if not is_commit(commit):
        raise InvalidInput(
            f"the cache is broken: {quote_long(path)} holds {quote(commit)}, which is not a commit; delete that file"
        )
    return commit


def _links_are_off() -> bool:
    return os.name == "nt" or os.environ.get("HF_HUB_DISABLE_SYMLINKS", "").upper() in TRUE


@contextmanager
def _writing(folder: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputFailed(
            f"cannot write to the Hub's cache {quote_long(folder)}: {error.strerror}; set HF_HOME to a folder that can be written"
        ) from error


def _write(path: str, content: bytes) -> None:
    with replacement(path, None) as stream:
        stream.buffer.write(content)


def _link(target: str, path: str) -> None:
    temporary = f"{path}.{os.urandom(4).hex()}.partial"
    try:
        os.symlink(target, temporary)
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
