"""The Hub's local cache: what is read from it, what is refused, and that nothing else is needed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import checkpoints
import pytest
from hub_server import COMMIT, OTHER_COMMIT
from small_llama import LLAMA_PARAMS, llama

from lora_cli.errors import InvalidInput, LoraCliError
from lora_cli.models.config import Config
from lora_cli.models.model import read_config
from lora_cli.models.sources.hub_cache import Snapshot, cache_folder, cached_snapshot
from lora_cli.models.sources.hub_name import HubName
from lora_cli.models.sources.read_model import read_model

NAME = HubName("org/name")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of an empty repository in a cache of its own."""
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    return tmp_path / "hub" / "models--org--name"


def cached(name: HubName = NAME, commit: str = COMMIT, **files: object) -> Snapshot:
    """Put files into the cache as they would be fetched: JSON objects by their stems."""
    snapshot = Snapshot(name.repository, commit)
    for stem, content in files.items():
        snapshot.store(f"{stem}.json", f"etag-{commit}-{stem}", json.dumps(content).encode(), name.revision or "main")
    return snapshot


def test_the_variables_of_the_hub_say_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of huggingface_hub."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert cache_folder() == "/home/somebody/.cache/huggingface/hub"
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache_folder() == "/x/huggingface/hub"
    monkeypatch.setenv("HF_HOME", "~/hf")
    assert cache_folder() == "/home/somebody/hf/hub"
    monkeypatch.setenv("HUGGINGFACE_HUB_CACHE", "/old")
    assert cache_folder() == "/old"
    monkeypatch.setenv("HF_HUB_CACHE", "$HOME/new")
    assert cache_folder() == "/home/somebody/new"


def test_what_is_stored_is_laid_out_as_by_the_hub(home: Path) -> None:
    """A link into blobs, and a reference."""
    cached(config={"a": 1})
    link = home / "snapshots" / COMMIT / "config.json"
    assert os.readlink(link) == f"../../blobs/etag-{COMMIT}-config"
    assert json.loads(link.read_text()) == {"a": 1}
    assert (home / "refs" / "main").read_text() == COMMIT
    assert not list(home.rglob("*.partial"))


def test_the_hubs_own_package_finds_what_is_stored(home: Path) -> None:
    """And the other way round: it is one cache."""
    hub = pytest.importorskip("huggingface_hub")
    cached(config={"a": 1})
    cached(HubName("org/name", "v1"), OTHER_COMMIT, config={"a": 2})
    for revision, value in ((None, 1), ("main", 1), ("v1", 2), (COMMIT, 1), (OTHER_COMMIT, 2)):
        path = hub.try_to_load_from_cache("org/name", "config.json", cache_dir=home.parent, revision=revision)
        assert json.loads(Path(path).read_text()) == {"a": value}
    assert not hub.scan_cache_dir(home.parent).warnings


def test_where_links_are_off_the_file_itself_is_stored(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows."""
    monkeypatch.setenv("HF_HUB_DISABLE_SYMLINKS", "1")
    path = Path(str(cached(config={"a": 1}).path("config.json")))
    assert not path.is_symlink()
    assert json.loads(path.read_text()) == {"a": 1}
    assert not (home / "blobs").exists()


@pytest.mark.usefixtures("home")
def test_a_model_is_read_from_the_cache() -> None:
    """Under its own name, with its commit."""
    cached(config=llama())
    model = read_model("org/name")
    assert (model.name, model.full_params, model.revision, model.notes) == ("org/name", LLAMA_PARAMS, COMMIT, ())


@pytest.mark.usefixtures("home")
def test_a_revision_is_read_by_its_reference_or_its_commit() -> None:
    """A branch, a pull request and a commit."""
    cached(config=llama())
    cached(HubName("org/name", "refs/pr/1"), OTHER_COMMIT, config=llama(vocab_size=200))
    assert read_model("org/name@main").full_params == LLAMA_PARAMS
    for revision in ("refs/pr/1", OTHER_COMMIT):
        model = read_model(f"org/name@{revision}")
        assert (model.full_params, model.revision) == (LLAMA_PARAMS + 2 * 100 * 64, OTHER_COMMIT)


@pytest.mark.parametrize("revision", ["v2", "2" * 40, "0123456"])
@pytest.mark.usefixtures("home")
def test_another_revision_is_not_in_the_cache(revision: str) -> None:
    """Not even one that begins like a commit."""
    cached(config=llama())
    with pytest.raises(
        InvalidInput,
        match=rf"^'org/name@{revision}' is not a path here, and the Hub's cache lacks what is needed of it; .*forbids the network",
    ):
        read_model(f"org/name@{revision}")


@pytest.mark.usefixtures("home")
def test_a_checkpoint_in_the_cache_is_compared_if_it_is_whole() -> None:
    """One shard of two says nothing."""
    snapshot = cached(config=llama())
    tensors = {p.name: ("BF16", p.shape) for p in read_config(Config(llama()), "").all_parameters()}
    first = dict(list(tensors.items())[:5])
    rest = {**dict(list(tensors.items())[5:]), "more.weight": ("BF16", (2, 2))}
    checkpoints.write_shards(Path(snapshot.folder), first, rest)
    model = read_model("org/name")
    assert model.dtype == "BF16"
    assert "+4: more +4" in "".join(model.warnings)
    (Path(snapshot.folder) / "model-00002-of-00002.safetensors").unlink()
    assert read_model("org/name").warnings == ()


@pytest.mark.usefixtures("home")
def test_a_snapshot_without_a_config_is_not_cached() -> None:
    """It is half-written, or of something else."""
    cached(tokenizer={})
    assert cached_snapshot(NAME) is not None
    with pytest.raises(
        InvalidInput, match=r"^'org/name' is not a path here, and the Hub's cache lacks what is needed of it; "
    ):
        read_model("org/name")


def test_a_link_that_leads_nowhere_is_refused(home: Path) -> None:
    """Something was deleted."""
    cached(config=llama())
    (home / "blobs" / f"etag-{COMMIT}-config").unlink()
    with pytest.raises(InvalidInput, match=r"^the cache of org/name is broken: .* a file that is missing; delete"):
        read_model("org/name")


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
@pytest.mark.usefixtures("home")
def test_a_link_out_of_the_cache_is_refused(tmp_path: Path, file: str) -> None:
    """Whatever it leads to."""
    snapshot = cached(config=llama())
    outside = tmp_path / "outside"
    outside.write_text(json.dumps(llama()))
    link = Path(snapshot.folder) / file
    link.unlink(missing_ok=True)
    link.symlink_to(outside)
    with pytest.raises(InvalidInput, match=r"^the cache of org/name is broken: .* is a link out of the cache; delete"):
        read_model("org/name")


@pytest.mark.parametrize(
    "content", ["../../../outside", "", "main", COMMIT.upper(), COMMIT + "/..", "\0" * 40, "x" * 10**6]
)
def test_a_reference_that_is_not_a_commit_is_refused(home: Path, tmp_path: Path, content: str) -> None:
    """It would lead out of the cache."""
    cached(config=llama())
    (tmp_path / "outside").mkdir()
    (home / "refs" / "main").write_text(content)
    with pytest.raises(
        InvalidInput, match=r"^the cache is broken: .*main' holds .*, which is not a commit; delete"
    ) as caught:
        read_model("org/name")
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("exists", "problem"), [(True, "link out of the cache"), (False, "link to a file that is missing")]
)
def test_a_reference_that_leads_elsewhere_is_refused(home: Path, tmp_path: Path, exists: bool, problem: str) -> None:
    """And nothing of what it leads to is shown."""
    cached(config=llama())
    target = tmp_path / "outside" if exists else home / "refs" / "none"
    if exists:
        target.write_text("a secret")
    (home / "refs" / "main").unlink()
    (home / "refs" / "main").symlink_to(target)
    with pytest.raises(InvalidInput, match=rf"^the cache of org/name is broken: .*main' is a {problem}") as caught:
        read_model("org/name")
    assert "secret" not in str(caught.value)


def test_nothing_is_stored_through_a_folder_that_leads_out_of_the_cache(home: Path, tmp_path: Path) -> None:
    """A link in the place of blobs or snapshots."""
    (tmp_path / "outside").mkdir()
    home.mkdir(parents=True)
    (home / "blobs").symlink_to(tmp_path / "outside")
    with pytest.raises(InvalidInput, match="link out of the cache"):
        cached(config={})
    assert not list((tmp_path / "outside").iterdir())


def test_a_cache_that_cannot_be_written_says_so(home: Path) -> None:
    """With the variable that moves it."""
    home.parent.parent.mkdir(exist_ok=True)
    home.parent.write_text("a file in its place")
    with pytest.raises(LoraCliError, match=r"^cannot write to the Hub's cache .*; set HF_HOME to a folder"):
        cached(config={})
