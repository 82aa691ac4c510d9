"""What the Hub's answers mean: the content that was asked for, a file that does not exist, or a sentence on what went wrong."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from lora_cli.errors import InvalidInput, near_miss, quote, quote_long
from lora_cli.models.files import near_path
from lora_cli.models.sources.hub_name import HubName
from lora_cli.models.sources.preset import hub_names

LOGIN = "`hf auth login`"
REDIRECTS = frozenset({301, 302, 303, 307, 308})
WHOLE, PART = 200, 206
RANGE = re.compile(r"bytes (?P<first>\d{1,18})-(?P<last>\d{1,18})/(?P<size>\d{1,18})")
CHUNK_BYTES = 2**16
HOST = re.compile(r"[\w.:-]{1,100}", re.ASCII)
# The Hub's own codes and messages for what is wrong.
ENTRY_MISSING, REVISION_MISSING, GATED = "EntryNotFound", "RevisionNotFound", "GatedRepo"
REFUSED_TOKEN = "Invalid credentials in Authorization header"  # noqa: S105 - a message, not a token
DISABLED = "Access to this resource is disabled."


class Inquiry(NamedTuple):
    """What is asked for: a file of a repository on a Hub, whole or the bytes from one place up to another."""

    endpoint: str
    name: HubName
    file: str = ""
    span: tuple[int, int] | None = None
    is_adapter: bool = False

    @property
    def host(self) -> str:
        """The host of the Hub, for messages."""
        host = None
        with suppress(ValueError):
            host = urlsplit(self.endpoint).hostname
        return host if host is not None and HOST.fullmatch(host) else "the Hub"

    @property
    def not_here(self) -> str:
        """That the name is not a path, as the beginning of a message: a path that is missing may look like a name."""
        near = near_path(str(self.name))
        return f"{quote_long(str(self.name))} is not a path here{f' ({near})' if near else ''}"

    def problem(self, what: str, fix: str = "try again later, or give a path") -> InvalidInput:
        """Return the error for a Hub that cannot be reached or does not answer as one."""
        path = f"{self.not_here}; " if near_path(str(self.name)) else ""
        return InvalidInput(f"{path}cannot fetch {quote_long(str(self.name))}: {what}; {fix}")

    def unknown(self, what: str) -> InvalidInput:
        """Return the error for a name that the Hub does not know or show, or that cannot be looked up: a model's may be misspelt."""
        near = "" if self.is_adapter else near_miss(self.name.repository, hub_names(), "")
        return InvalidInput(f"{what}; {near}" if near else what)

    def origin(self, url: str) -> tuple[str, str, int | None]:
        """Return the scheme, the host and the port of a URL."""
        try:
            parts = urlsplit(url)
            origin = parts.scheme, parts.hostname or "", parts.port
        except ValueError:
            origin = "", "", None
        if origin[0] not in {"http", "https"} or not origin[1] or not (url.isascii() and url.isprintable()):
            # The address is not shown, because it may hold a password.
            raise self.problem(
                f"the address of {self.host}, or one that it redirects to, is not one of HTTP",
                "set HF_ENDPOINT to the address of a Hub, or unset it",
            )
        return origin


def exists(answer: Any, inquiry: Inquiry, revision: str, *, is_hub: bool) -> bool:
    """Whether a file exists. Any other answer than that or the file is an error; `is_hub` says that it is a Hub's."""
    status, headers = answer.status_code, answer.headers
    code, message = headers.get("X-Error-Code"), headers.get("X-Error-Message")
    name, host = quote_long(str(inquiry.name)), inquiry.host
    if status in {WHOLE, PART}:
        return True
    if code == GATED:
        page = f"{inquiry.endpoint.rpartition('@')[2]}/{inquiry.name.repository}"
        raise InvalidInput(f"{name} is gated; accept its terms at {page}, and then log in with {LOGIN}")
    if code == REVISION_MISSING:
        raise InvalidInput(
            f"{inquiry.name.repository} has no revision {quote(revision)}; give a branch, a tag or a commit of it, or none"
        )
    if code == ENTRY_MISSING or (status == 404 and is_hub):
        return False
    if message == REFUSED_TOKEN:
        raise InvalidInput(f"{host} refuses the token; log in again with {LOGIN}, or unset HF_TOKEN")
    if message == DISABLED:
        raise InvalidInput(f"{name} is disabled on {host}; give another model, or a path")
    if status in {401, 404}:
        raise inquiry.unknown(
            f"{inquiry.not_here}, and {host} does not have it, or it is private; check the name, or log in with {LOGIN}"
        )
    if status == 403:
        raise InvalidInput(f"{host} denies access to {name}; log in with a token that may read it: {LOGIN}")
    if status == 429:
        wait = headers.get("Retry-After", "")
        when = f"in {wait} s" if wait.isdecimal() and len(wait) < 7 else "later"
        raise inquiry.problem(f"{host} was asked too often", f"try again {when}; {LOGIN} raises the limit")
    raise inquiry.problem(f"{host} answers {status} for {inquiry.file}")


def read_content(answer: Any, inquiry: Inquiry, most: int) -> tuple[bytes, int | None]:
    """Return what an answer sends, but of a whole file at most `most` bytes and one; and the size of the file, if known."""
    host, file, span = inquiry.host, inquiry.file, inquiry.span
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise inquiry.problem(f"{host} compresses {file}, although it was asked not to")
    length = answer.headers.get("Content-Length", "")
    size = int(length) if length.isdecimal() and len(length) < 19 else None
    first, stop = span or (0, most + 1)
    skipped = first
    if answer.status_code == PART:
        found = RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if span is None or found is None or int(found["first"]) != first:
            raise inquiry.problem(f"{host} sends another part of {file} than was asked for")
        size, skipped = int(found["size"]), 0
    elif span is not None and size is None:
        raise inquiry.problem(f"{host} does not say how large {file} is")
    wanted = stop - first + skipped
    if span is not None and wanted > most:
        raise inquiry.problem(f"{host} sends the whole of {file}, and not the part that was asked for")
    content = bytearray()
    for chunk in answer.iter_raw(CHUNK_BYTES):
        content += chunk
        if len(content) >= wanted:
            break
    end = len(content) + first - skipped
    if span is not None and end < stop and (size is None or end < size):
        raise inquiry.problem(f"{host} cut {file} off")
    return bytes(content[skipped:wanted]), size
