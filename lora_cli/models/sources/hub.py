"""The Hugging Face Hub over the network: small files, and the headers of safetensors files by ranges, never weights.

This is the one file that imports huggingface_hub, whose session, token and endpoint it uses. Redirects are followed
here, because a token must not reach another host, and every answer has a limit of time and of size.
"""

from __future__ import annotations

import json
import math
import os
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import copy_context
from hashlib import sha1
from importlib.metadata import version
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any, NamedTuple
from urllib.parse import quote as url_quote
from urllib.parse import urljoin

from lora_cli.errors import InvalidInput, LoraCliError, argument, quote, quote_long
from lora_cli.models.checkpoints.safetensors_header import LENGTH_BYTES
from lora_cli.models.network import OFFLINE_VARIABLES, is_offline, tracked
from lora_cli.models.optional_package import loaded
from lora_cli.models.sources.hub_answer import REDIRECTS, Inquiry, exists, read_content
from lora_cli.models.sources.hub_cache import DEFAULT_REVISION
from lora_cli.models.sources.hub_name import HubName, is_commit

PACKAGE = "huggingface_hub"
PROGRAM = "lora-cli"
EXTRA = "pip install 'lora-cli[hub]'"
ENDPOINT = "https://huggingface.co"
# All that is read of one repository.
BUDGET_BYTES = 8 * 2**20
# How much of a file is asked for where the length of its header is not known.
HEADER_BYTES = 2**16
# For a connection and for each piece of an answer, for an answer with all of its redirects, and for a repository.
PIECE_SECONDS = 10.0
ANSWER_SECONDS = 20.0
REPOSITORY_SECONDS = 60.0
TICK_SECONDS = 0.1
MAX_REDIRECTS = 5
# What may be the name of a file.
ETAG = re.compile(r"[\w-]{1,128}")


class Fetched(NamedTuple):
    """What was read of a file: its content or the start of that, and the size of the whole file where it is known."""

    content: bytes
    etag: str
    size: int | None


@contextmanager
def hub_forbidden() -> Iterator[None]:
    """Keep huggingface_hub, which other packages use too, from the network inside the block."""
    before = {name: os.environ.get(name) for name in OFFLINE_VARIABLES}
    was_offline = is_offline()
    os.environ |= dict.fromkeys(OFFLINE_VARIABLES, "1")
    # It reads the variables once.
    constants: Any = loaded(f"{PACKAGE}.constants") if find_spec(PACKAGE) else SimpleNamespace()
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = was_offline
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


class Hub:
    """A repository on the Hub, at the commit that the first answer names."""

    def __init__(self, name: HubName, commit: str | None = None, *, is_adapter: bool = False) -> None:
        """Prepare to ask for files of a repository, at a commit if it is known; without the package or offline, refuse."""
        self.commit = name.revision if is_commit(name.revision or "") else commit
        endpoint = (os.environ.get("HF_ENDPOINT") or ENDPOINT).rstrip("/")
        self._inquiry = Inquiry(endpoint, name, is_adapter=is_adapter)
        # Whether an answer has named a commit, which nothing but a Hub does.
        self._is_hub = False
        self._left = BUDGET_BYTES
        self._end = time.monotonic() + REPOSITORY_SECONDS
        lacks = f"{self._inquiry.not_here}, and the Hub's cache lacks what is needed of it"
        if is_offline():
            raise self._inquiry.unknown(
                f"{lacks}; {argument('offline')} or HF_HUB_OFFLINE forbids the network; allow it, or give a path"
            )
        if find_spec(PACKAGE) is None:
            raise self._inquiry.unknown(f"{lacks}; fetching it needs {PACKAGE}: {EXTRA}")
        # The package reads this variable too when it is imported, and would fail without naming it.
        self._inquiry.origin(self._inquiry.endpoint)
        package, errors = loaded(PACKAGE), loaded(f"{PACKAGE}.errors")
        self._client: Any = loaded(f"{PACKAGE}.utils", "get_session")()
        if not hasattr(self._client, "stream"):
            raise InvalidInput(f"{PACKAGE} {package.__version__} is too old to fetch {quote_long(str(name))}: {EXTRA}")
        # HTTPError of the package's own HTTP client, which differs from version to version.
        http_error = errors.HfHubHTTPError.__bases__[0]
        self._failures: tuple[type[Exception], ...] = (LoraCliError, http_error, OSError, ValueError)
        self._agent = f"{PROGRAM}/{version(PROGRAM)}; hf_hub/{package.__version__}"

    @property
    def _revision(self) -> str:
        return self.commit or self._inquiry.name.revision or DEFAULT_REVISION

    def file(self, file: str) -> Fetched | None:
        """Return a whole file, or None if the repository does not have it."""
        return self._fetch_file(file)

    def header(self, file: str, most: int = HEADER_BYTES) -> Fetched | None:
        """Return the header of a safetensors file, which has about `most` bytes, or None if there is no such file."""
        begun = self._fetch_file(file, (0, min(most, self._left)))
        if begun is None:
            return None
        end = LENGTH_BYTES + int.from_bytes(begun.content[:LENGTH_BYTES], "little")
        have = len(begun.content)
        if end <= have or begun.size is None or not have < end <= begun.size:
            return begun._replace(content=begun.content[:end])
        if end - have > self._left:
            raise self._too_much(file)
        rest = self._fetch_file(file, (have, end))
        return begun._replace(content=begun.content + (b"" if rest is None else rest.content))

    def part(self, file: str, start: int, end: int) -> bytes:
        """Return the bytes of a file from one place up to another."""
        if end - start > self._left:
            raise self._too_much(file)
        fetched = self._fetch_file(file, (start, end))
        if fetched is None or len(fetched.content) < end - start:
            raise self._inquiry.problem(f"{file} has changed since its header was fetched", "ask again")
        return fetched.content

    def names(self) -> list[str]:
        """Return the names of all files, or none if the Hub does not list them."""
        place = f"{self._inquiry.endpoint}/api/models/{self._inquiry.name.repository}"
        listed = self._fetch(
            f"{place}/revision/{url_quote(self._revision, safe='')}", self._inquiry._replace(file="its list of files")
        )
        try:
            siblings = json.loads(listed.content)["siblings"] if listed is not None else []
            return [str(each["rfilename"]) for each in siblings]
        except (ValueError, KeyError, TypeError, RecursionError):
            return []

    def _fetch_file(self, file: str, span: tuple[int, int] | None = None) -> Fetched | None:
        """Return a file, or a part of it, or None if the repository does not have it."""
        place = f"{self._inquiry.endpoint}/{self._inquiry.name.repository}"
        url = f"{place}/resolve/{url_quote(self._revision, safe='')}/{url_quote(file)}"
        fetched = self._fetch(url, self._inquiry._replace(file=file, span=span))
        if fetched is not None and not self._is_hub:
            host = self._inquiry.host
            raise self._inquiry.problem(f"{host} does not answer as a Hub does", "check HF_ENDPOINT, or give a path")
        return fetched

    def _fetch(self, url: str, inquiry: Inquiry) -> Fetched | None:
        """Ask in a thread of its own: some waits, e.g. for the address of a host, have no time limit."""
        seconds = min(ANSWER_SECONDS, self._end - time.monotonic())
        if seconds <= 0:
            raise inquiry.problem(f"{inquiry.host} took over {REPOSITORY_SECONDS:.0f} s")
        answers: list[Fetched | Exception | None] = []

        def ask() -> None:
            try:
                answers.append(self._ask(url, inquiry))
            except self._failures as error:
                answers.append(error)

        thread = threading.Thread(target=copy_context().run, args=(ask,), daemon=True)
        thread.start()
        ticks = math.ceil(seconds / TICK_SECONDS)
        for _ in tracked(f"Fetching {inquiry.file} of {inquiry.name.repository}", range(ticks), ticks):
            thread.join(TICK_SECONDS)
            if not thread.is_alive():
                break
        if thread.is_alive():
            raise inquiry.problem(f"{inquiry.host} took over {seconds:.0f} s to send {inquiry.file}")
        (answer,) = answers
        if isinstance(answer, LoraCliError):
            raise answer
        if isinstance(answer, Exception):
            # The message of such an error may hold the token.
            raise inquiry.problem(_failure(answer, inquiry.host)) from None
        return answer

    def _ask(self, url: str, inquiry: Inquiry) -> Fetched | None:
        """Return what is at a URL, or at the end of its redirects."""
        hub, etag, token = inquiry.origin(url), "", self._token()
        for _ in range(MAX_REDIRECTS + 1):
            is_hub = inquiry.origin(url) == hub
            headers = {"User-Agent": self._agent, "Accept-Encoding": "identity"}
            if is_hub and token is not None:
                headers["Authorization"] = f"Bearer {token}"
            if inquiry.span is not None:
                headers["Range"] = f"bytes={inquiry.span[0]}-{inquiry.span[1] - 1}"
            options = {"headers": headers, "follow_redirects": False, "timeout": PIECE_SECONDS}
            with self._client.stream("GET", url, **options) as answer:
                if is_hub:
                    self._learn_commit(answer.headers)
                    etag = answer.headers.get("X-Linked-Etag") or answer.headers.get("ETag") or etag
                if answer.status_code in REDIRECTS:
                    url = self._redirected(url, answer.headers.get("Location"), inquiry)
                    continue
                if not exists(answer, inquiry, self._revision, is_hub=self._is_hub):
                    return None
                content, size = read_content(answer, inquiry, self._left)
                if inquiry.span is None and len(content) > self._left:
                    raise self._too_much(inquiry.file)
                self._left -= len(content)
                return Fetched(content, _plain_etag(etag, content), size)
        raise inquiry.problem(f"{inquiry.host} redirects {inquiry.file} more than {MAX_REDIRECTS} times")

    def _token(self) -> str | None:
        """Return the token of whoever is logged in.

        `build_hf_headers` would return it too, but asks the Hub for a list of programs first.
        """
        if loaded(f"{PACKAGE}.constants").HF_HUB_DISABLE_IMPLICIT_TOKEN:
            return None
        token: str | None = loaded(PACKAGE, "get_token")()
        return token

    def _learn_commit(self, headers: Mapping[str, str]) -> None:
        commit = headers.get("X-Repo-Commit", "")
        if is_commit(commit):
            self._is_hub = True
            self.commit = self.commit or commit

    def _redirected(self, url: str, location: str | None, inquiry: Inquiry) -> str:
        """Return the address that an answer redirects to. Only a file that the Hub knows may be on another host."""
        host, file = inquiry.host, inquiry.file
        if not location:
            raise inquiry.problem(f"{host} redirects {file} to nowhere")
        target = urljoin(url, location)
        before, after = inquiry.origin(url), inquiry.origin(target)
        if after != before and (not self._is_hub or (before[0], after[0]) == ("https", "http")):
            raise inquiry.problem(f"{host} redirects {file} to another host, {quote(after[1])}, as a login page does")
        return target

    def _too_much(self, file: str) -> InvalidInput:
        repository = self._inquiry.name.repository
        return InvalidInput(
            f"{file} of {repository} is too large: at most {BUDGET_BYTES // 2**20} MiB are fetched of a repository; "
            f"download it with `hf download {repository}`, and ask again"
        )


def _failure(error: Exception, host: str) -> str:
    """Return what went wrong, without the words of a library."""
    kind = type(error).__name__
    if "Timeout" in kind:
        return f"{host} did not answer within {PIECE_SECONDS:.0f} s"
    if "Connect" in kind:
        return f"{host} cannot be reached"
    if isinstance(error, ValueError):
        return "the address or the token has characters that HTTP does not allow"
    return f"the connection to {host} broke"


def _plain_etag(etag: str, content: bytes) -> str:
    """Return an ETag as the name of a file, or else git's own for the content."""
    plain = etag.removeprefix("W/").strip('"')
    if ETAG.fullmatch(plain):
        return plain
    return sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
