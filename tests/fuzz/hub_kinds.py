"""Hostile input by a name on the Hub: a cache that somebody damaged, and a Hub that lies."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from random import Random

import hostile
from hub_server import COMMIT, OTHER_COMMIT, TOKEN, Handler, HubServer, Repository, hub_server
from small_models import SMALL

HOME = "home"
NAME = "org/name"
REFERENCES = [COMMIT, f"{COMMIT}\n", OTHER_COMMIT, "", "main", "../../..", "/", COMMIT[:-1], COMMIT * 1000, "\x1b[31m"]
LINKS = ["../../blobs/etag", "../../blobs/none", "/dev/zero", "/etc/hostname", "../../../../../x", ".", "config.json"]
LOCATIONS = ["", "/", "http://", "http://127.0.0.1:1/x", "file:///etc/hostname", "//[", "http://a\x7f/", "x" * 9000]
HEADERS = ["Content-Length", "Content-Range", "Content-Encoding", "ETag", "X-Linked-Etag", "X-Repo-Commit", "Location"]
HEADERS += ["X-Error-Code", "X-Error-Message", "Retry-After"]
SENT = ["", "0", "-1", "9" * 40, "bytes 0-1/2", "bytes 5-9/1", "gzip", '"../../x"', 'W/"a"', OTHER_COMMIT, "/etc/x"]
SENT += ["GatedRepo", "EntryNotFound", "RevisionNotFound", "a\tb", "\xff\xfe", "x" * 5000]
STATUSES = [200, 200, 204, 206, 301, 302, 307, 308, 400, 401, 403, 404, 416, 429, 500, 503]
# As long as this process.
RUNNING = ExitStack()
HTML = b"<!doctype html><title>Log in</title>"


def use_no_network() -> None:
    """Keep the runs from the network and from the user's own cache."""
    os.environ |= {
        "HF_HOME": HOME,
        "HF_HUB_OFFLINE": "1",
        "HF_TOKEN": "",
        "NO_PROXY": "*",
        "HF_ENDPOINT": "http://127.0.0.1:1",
    }


def hub_cache(draw: Random, folder: Path) -> list[str]:
    """Draw a cache of the Hub in which references, links and files are not what they should be."""
    use_no_network()
    repository = folder / HOME / "hub" / "models--org--name"
    snapshot = repository / "snapshots" / draw.choice([COMMIT, COMMIT, COMMIT, OTHER_COMMIT, "main"])
    for made in (snapshot, repository / "refs", repository / "blobs"):
        if draw.random() < 0.95:
            made.mkdir(parents=True)
    for name, content in files(draw).items():
        if snapshot.is_dir():
            put(draw, repository, snapshot, name, content)
    reference = repository / "refs" / "main"
    if reference.parent.is_dir():
        kind = draw.random()
        if kind < 0.85:
            reference.write_text(COMMIT if draw.random() < 0.6 else draw.choice(REFERENCES))
        elif kind < 0.92:
            reference.symlink_to(draw.choice([*LINKS, "/dev/zero"]))
        else:
            reference.mkdir()
    return asked(draw)


def put(draw: Random, repository: Path, snapshot: Path, name: str, content: bytes) -> None:
    """Put a file into a snapshot: a link to a blob as it should be, a plain file, or a link that leads elsewhere."""
    kind = draw.random()
    if kind < 0.5 and (repository / "blobs").is_dir():
        (repository / "blobs" / name).write_bytes(content)
        (snapshot / name).symlink_to(f"../../blobs/{name}")
    elif kind < 0.8:
        (snapshot / name).write_bytes(content[: draw.choice([None, None, 3, 0])])
    elif kind < 0.95:
        (snapshot / name).symlink_to(draw.choice(LINKS))
    else:
        (snapshot / name).mkdir()


def hub_answers(draw: Random, _: Path) -> list[str]:
    """Draw a Hub whose answers are right, damaged, or none that a Hub gives."""
    use_no_network()
    server = own_server()
    os.environ |= {
        "HF_HUB_OFFLINE": "",
        "HF_ENDPOINT": server.hub,
        "HF_TOKEN": draw.choice(["", TOKEN] if draw.random() < 0.9 else ["hf_x", "a\nb", "é"]),
    }
    server.repositories = {NAME: Repository(files(draw), gated=draw.random() < 0.05, private=draw.random() < 0.05)}
    server.misbehaviour = misbehaviour(draw)
    return asked(draw)


@cache
def own_server() -> HubServer:
    """Return the Hub of this process."""
    return RUNNING.enter_context(hub_server())


def misbehaviour(draw: Random) -> Callable[[Handler], bool]:
    """Return how a Hub answers: as it should, except sometimes."""
    often = draw.choice([0.0, 0.1, 0.5, 1.0])

    def misbehave(handler: Handler) -> bool:
        if draw.random() >= often:
            return False
        content = draw.choice([b"", HTML, b"{}", b"\0" * 100, hostile.text(draw, dict(SMALL["llama"]))])
        sent = {draw.choice(HEADERS): draw.choice(SENT) for _ in range(draw.randrange(4))}
        if draw.random() < 0.8:
            sent.setdefault("X-Repo-Commit", COMMIT)
        if draw.random() < 0.4:
            sent["Location"] = draw.choice([*LOCATIONS, handler.path, handler.state.contents])
        handler.send_response(draw.choice(STATUSES))
        for name, value in {"Content-Length": str(len(content)), **sent}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.write(content)
        # What it promised and did not send does not come any more.
        handler.close_connection = True
        return True

    return misbehave


def files(draw: Random) -> dict[str, bytes]:
    """Return the files of a repository: a model or an adapter, some of them damaged or missing."""
    config = dict(draw.choice([SMALL["llama"], SMALL["gpt2"], {"model_type": "unheard-of"}]))
    adapter = {"peft_type": "LORA", "r": 2, "target_modules": ["q_proj"], "base_model_name_or_path": NAME}
    shape, size = [4, 8], 4 * 8 * 4
    header = {"q_proj.weight": {"dtype": "F32", "shape": shape, "data_offsets": [0, size]}}
    index = {"metadata": {}, "weight_map": {"q_proj.weight": draw.choice(["model-1.safetensors", "../x.safetensors"])}}
    documents = {"config.json": config, "adapter_config.json": adapter, "model.safetensors.index.json": index}
    found = {}
    for name, document in documents.items():
        for _ in range(draw.choice([0, 0, 0, 1, 2])):
            document = hostile.damaged(draw, document)  # noqa: PLW2901 - damaged again and again
        found[name] = hostile.text(draw, document)
    for name in ("model.safetensors", "model-1.safetensors", "adapter_model.safetensors"):
        text = hostile.text(draw, header)
        claimed = len(text) if draw.random() < 0.9 else draw.choice([0, 1, 2**31, 2**64 - 1])
        found[name] = struct.pack("<Q", claimed) + text + bytes(size)
    found |= {"adapter_model.bin": b"x", "model_index.json": json.dumps({"unet": ["a", "b"]}).encode()}
    return {name: content for name, content in found.items() if draw.random() < 0.8}


def asked(draw: Random) -> list[str]:
    """Return a command line that reads a repository."""
    revision = draw.choice(
        ["", "", "@main", f"@{COMMIT}"] if draw.random() < 0.9 else ["@", "@../main", f"@{'x' * 5000}"]
    )
    name = (
        NAME + revision
        if draw.random() < 0.9
        else draw.choice(["org/..", "a/b/c", "org/a b", "../x", "x/" + "y" * 9000])
    )
    commands = [
        ["count", "--model", name, "-r", "2", "--target", "all-linear"],
        ["count", "--adapter", name],
        ["inspect", name],
        ["check", name, "--max-params", "1M"],
        ["forward", "--adapter", name, "--weights", ".", "--module", "q_proj"],
    ]
    return [
        *draw.choice(commands),
        *draw.choice([[], ["--json"], ["--format", "plain"]]),
        *([] if draw.random() < 0.9 else ["--offline"]),
    ]


HUB_KINDS = frozenset({hub_cache.__name__, hub_answers.__name__})
