"""A Hub of one's own on the loopback: it answers as the Hugging Face Hub does, or misbehaves as it is told.

Small files are at the end of a relative redirect, large ones (safetensors) on a host for contents, which takes ranges.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER_COMMIT = "89abcdef0123456789abcdef0123456789abcdef"
TOKEN = "hf_" + "nobody" * 5

Misbehaviour = Callable[["Handler"], bool]


@dataclass
class Repository:
    """The files of a repository at each commit, the commits of its branches, and who may read it."""

    files: Mapping[str, bytes]
    commit: str = COMMIT
    branches: dict[str, str] = field(default_factory=dict)
    gated: bool = False
    private: bool = False

    def commit_of(self, revision: str) -> str | None:
        """Return the commit that a revision means."""
        known = {"main": self.commit, self.commit: self.commit, **self.branches}
        return known.get(revision)


@dataclass
class Request:
    """A request that reached one of the two hosts."""

    host: str
    path: str
    headers: Mapping[str, str]


@dataclass
class HubServer:
    """The repositories, what was asked for, and how to misbehave; `hub` and `contents` are the addresses of both hosts."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    misbehaviour: Misbehaviour | None = None
    hub: str = ""
    contents: str = ""
    sent: int = 0

    @property
    def asked(self) -> list[Request]:
        """The requests without those that a redirect led to."""
        return [request for request in self.requests if "/resolve-cache/" not in request.path and request.host == "hub"]

    def environment(self, home: Path, **others: str) -> dict[str, str]:
        """Return the variables by which a program finds this Hub, and keeps its cache in `home`."""
        return {
            "HF_ENDPOINT": self.hub,
            "HF_HOME": str(home),
            "HF_HUB_OFFLINE": "",
            "TRANSFORMERS_OFFLINE": "",
            "HF_TOKEN": "",
            "NO_PROXY": "*",
            **others,
        }


class Handler(BaseHTTPRequestHandler):
    """The answers of both hosts."""

    protocol_version = "HTTP/1.1"
    state: HubServer
    host: str

    def log_message(self, *_: object) -> None:
        """Write nothing."""

    def do_HEAD(self) -> None:
        """Answer without content, as huggingface_hub asks first."""
        self.do_GET()

    def answer(self, status: int, content: bytes = b"", **headers: str) -> None:
        """Send a whole answer."""
        self.send_response(status)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in {"Content-Length": str(len(content)), **named}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.write(content)

    def write(self, content: bytes) -> None:
        """Send bytes, as long as there is somebody who reads them."""
        try:
            self.wfile.write(content)
            self.state.sent += len(content)
        except OSError:
            self.close_connection = True

    def do_GET(self) -> None:
        """Answer a request."""
        self.state.requests.append(Request(self.host, self.path, dict(self.headers.items())))
        if self.state.misbehaviour is not None and self.state.misbehaviour(self):
            return
        parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
        if self.host == "contents":
            self._content(self.state.repositories["/".join(parts[:2])].files["/".join(parts[2:])])
        elif parts[:2] == ["api", "resolve-cache"]:
            self._small(parts[2:])
        elif parts[:2] == ["api", "models"]:
            self._listing("/".join(parts[2:4]), parts[-1])
        elif len(parts) > 4 and parts[2] == "resolve":
            self._resolve("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        else:
            self.answer(404)

    def _allowed(self, name: str) -> Repository | None:
        """Return a repository, or answer why there is none."""
        repository = self.state.repositories.get(name)
        has_token = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        if self.headers.get("Authorization") not in {None, f"Bearer {TOKEN}"}:
            self.answer(401, X_Error_Message="Invalid credentials in Authorization header")
        elif repository is None or (repository.private and not has_token):
            if has_token:
                self.answer(404, X_Error_Code="RepoNotFound", X_Error_Message="Repository not found")
            else:
                self.answer(401, X_Error_Message="Invalid username or password.")
        else:
            return repository
        return None

    def _resolve(self, name: str, revision: str, file: str) -> None:
        repository = self._allowed(name)
        if repository is None:
            return
        commit = repository.commit_of(revision)
        if commit is None:
            self.answer(404, X_Error_Code="RevisionNotFound", X_Error_Message=f"Invalid rev id: {revision}")
        elif repository.gated and self.headers.get("Authorization") is None:
            self.answer(401, X_Error_Code="GatedRepo", X_Error_Message="Access to this model is restricted.")
        elif file not in repository.files:
            self.answer(404, X_Error_Code="EntryNotFound", X_Repo_Commit=commit)
        elif file.endswith(".safetensors"):
            content = repository.files[file]
            location = f"{self.state.contents}/{name}/{file}?signature=1"
            linked = {"X_Linked_Etag": f'"{sha256(content).hexdigest()}"', "X_Linked_Size": str(len(content))}
            self.answer(302, Location=location, X_Repo_Commit=commit, **linked)
        else:
            self.answer(307, Location=f"/api/resolve-cache/{name}/{commit}/{file}", X_Repo_Commit=commit)

    def _small(self, parts: list[str]) -> None:
        content = self.state.repositories["/".join(parts[:2])].files["/".join(parts[3:])]
        self.answer(200, content, ETag=f'"{sha256(content).hexdigest()}"', X_Repo_Commit=parts[2])

    def _listing(self, name: str, revision: str) -> None:
        repository = self._allowed(name)
        if repository is not None:
            files = [{"rfilename": file} for file in repository.files]
            self.answer(200, json.dumps({"sha": repository.commit_of(revision), "siblings": files}).encode())

    def _content(self, content: bytes) -> None:
        span = self.headers.get("Range")
        if span is None:
            self.answer(200, content)
            return
        first, _, last = span.removeprefix("bytes=").partition("-")
        end = min(int(last), len(content) - 1)
        self.answer(206, content[int(first) : end + 1], Content_Range=f"bytes {first}-{end}/{len(content)}")


@contextmanager
def hub_server(**repositories: Repository) -> Iterator[HubServer]:
    """Run a Hub with some repositories until the block ends."""
    state = HubServer(dict(repositories))
    servers = []
    for host in ("hub", "contents"):
        handler = type("Own", (Handler,), {"state": state, "host": host})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        servers.append(server)
    state.hub, state.contents = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    try:
        yield state
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
