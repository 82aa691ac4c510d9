"""The Hub over the network, on the loopback: what is asked for, and each way in which it fails."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import checkpoints
import pytest
from hub_server import COMMIT, OTHER_COMMIT, TOKEN, Handler, HubServer, Repository, hub_server
from program import run
from small_llama import LLAMA_PARAMS, llama

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.model import read_config
from lora_cli.models.network import network_use
from lora_cli.models.sources import hub as hub_module
from lora_cli.models.sources import installed_transformers
from lora_cli.models.sources.read_model import read_model

hub_constants = pytest.importorskip("huggingface_hub.constants")

CONFIG = json.dumps(llama()).encode()
# No family here has this type, so that the headers are needed.
UNKNOWN = json.dumps({"model_type": "brand-new"}).encode()


def tensors() -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return the tensors of the small model."""
    return {p.name: ("BF16", p.shape) for p in read_config(Config(llama()), "").all_parameters()}


def whole(folder: Path) -> dict[str, bytes]:
    """Return a checkpoint of one file."""
    checkpoints.write(folder / "one.safetensors", tensors())
    return {"model.safetensors": (folder / "one.safetensors").read_bytes()}


def shards(folder: Path, number: int = 3) -> dict[str, bytes]:
    """Return a checkpoint of several shards and their index."""
    every = list(tensors().items())
    parts = [dict(every[start::number]) for start in range(number)]
    index = checkpoints.write_shards(folder, *parts)
    return {path.name: path.read_bytes() for path in (index, *folder.glob("model-*.safetensors"))}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """Run a Hub, and use it with a cache of its own and without a token."""
    with hub_server() as server:
        for name, value in server.environment(tmp_path / "home").items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(installed_transformers, "is_installed", lambda: False)
        monkeypatch.setattr(hub_constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(hub_constants, "HF_TOKEN_PATH", str(tmp_path / "home" / "token"))
        yield server


def refusal(source: str = "org/name") -> str:
    """Return the sentence by which a source is refused."""
    start = time.monotonic()
    with pytest.raises(InvalidInput) as caught:
        read_model(source)
    sentence = str(caught.value)
    assert sentence.isprintable()
    assert len(sentence) < 500
    assert TOKEN not in sentence
    assert time.monotonic() - start < 30
    return sentence


def test_a_config_is_fetched_by_one_request(hub: HubServer) -> None:
    """A note says what was fetched, and the second time nothing is."""
    hub.repositories["org/name"] = Repository({"config.json": CONFIG})
    model = read_model("org/name")
    assert (model.name, model.full_params, model.revision) == ("org/name", LLAMA_PARAMS, COMMIT)
    assert model.notes == (f"org/name: fetched config.json at commit {COMMIT}",)
    assert len(hub.asked) == 1
    again = read_model("org/name")
    assert (again.full_params, again.revision, again.notes) == (LLAMA_PARAMS, COMMIT, ())
    assert len(hub.asked) == 1


def test_a_revision_is_fetched(hub: HubServer) -> None:
    """And stored under its own name."""
    hub.repositories["org/name"] = Repository({"config.json": CONFIG}, branches={"refs/pr/1": OTHER_COMMIT})
    for _ in range(2):
        model = read_model("org/name@refs/pr/1")
        assert (model.name, model.revision) == ("org/name@refs/pr/1", OTHER_COMMIT)
    assert len(hub.asked) == 1
    assert "org/name@nightly" not in refusal("org/name@nightly")
    assert refusal("org/name@nightly").startswith(
        "org/name has no revision 'nightly'; give a branch, a tag or a commit"
    )


def test_headers_are_fetched_by_one_request_a_file(hub: HubServer, tmp_path: Path) -> None:
    """Three besides, and of the values next to nothing."""
    hub.repositories["org/name"] = Repository({"config.json": UNKNOWN, **shards(tmp_path)})
    model = read_model("org/name")
    assert (model.full_params, model.revision) == (LLAMA_PARAMS, COMMIT)
    assert "brand-new" in model.warnings[0]
    assert len(hub.asked) == 3 + 3
    assert all("Range" in r.headers for r in hub.requests if r.host == "contents")
    assert model.notes[0].startswith(
        "org/name: fetched config.json, model.safetensors.index.json, the header of model-"
    )


def test_a_single_file_needs_three_requests(hub: HubServer, tmp_path: Path) -> None:
    """Also without a config.json, which is looked for, and whatever the name of the checkpoint is."""
    hub.repositories["org/name"] = Repository({"config.json": UNKNOWN, **whole(tmp_path)})
    hub.repositories["org/bare"] = Repository(whole(tmp_path))
    (content,) = whole(tmp_path).values()
    hub.repositories["org/other"] = Repository({"config.json": UNKNOWN, "weights.safetensors": content})
    for name in ("org/name", "org/bare", "org/other"):
        before = len(hub.asked)
        assert read_model(name).full_params == LLAMA_PARAMS
        assert len(hub.asked) - before == 3


@pytest.mark.parametrize("denoiser", ["transformer", "unet"])
def test_a_pipeline_is_the_model_that_its_loras_adapt(hub: HubServer, denoiser: str) -> None:
    """Its config.json is found by the list of files, and then in the cache."""
    fields = {"_class_name": "FluxTransformer2DModel", "num_layers": 1, "num_single_layers": 0}
    files = {
        "model_index.json": b"{}",
        "vae/config.json": b"{}",
        f"{denoiser}/config.json": json.dumps(fields).encode(),
    }
    hub.repositories["org/name"] = Repository(files)
    for offline in (False, True):
        model = read_model("org/name", offline=offline)
        assert (model.name, model.model_type, model.revision) == ("org/name", "FluxTransformer2DModel", COMMIT)
        assert model.notes[-1] == f"'org/name' is a pipeline of diffusers; its {denoiser} is the model here"
    assert len(hub.asked) == 3


@pytest.mark.parametrize("number", [1, 3])
def test_a_pipeline_of_an_unknown_class_is_read_by_its_headers(hub: HubServer, tmp_path: Path, number: int) -> None:
    """Those in the folder of its transformer, in one file or in several."""
    files = whole(tmp_path) if number == 1 else shards(tmp_path, number)
    own = {
        name.replace("model.safetensors", "diffusion_pytorch_model.safetensors"): each for name, each in files.items()
    }
    config = {"model_index.json": b"{}", "transformer/config.json": b'{"_class_name": "BrandNew"}'}
    hub.repositories["org/name"] = Repository({**config, **{f"transformer/{name}": own[name] for name in own}})
    model = read_model("org/name")
    assert (model.name, model.full_params, model.revision) == ("org/name", LLAMA_PARAMS, COMMIT)
    assert "_class_name 'BrandNew' is not known" in model.warnings[0]
    assert len(hub.asked) == 3 + number


def test_a_pipeline_in_the_cache_is_compared_with_its_checkpoint(hub: HubServer, tmp_path: Path) -> None:
    """As a pipeline in a folder of one's own is."""
    config = {"model_index.json": b"{}", "transformer/config.json": b'{"_class_name": "BrandNew"}'}
    (content,) = whole(tmp_path).values()
    hub.repositories["org/name"] = Repository({**config, "transformer/diffusion_pytorch_model.safetensors": content})
    assert read_model("org/name").full_params == LLAMA_PARAMS
    (cached,) = (tmp_path / "home").glob("hub/*/snapshots/*/transformer")
    (cached / "diffusion_pytorch_model.safetensors").write_bytes(content)
    asked = len(hub.asked)
    assert read_model("org/name", offline=True).full_params == LLAMA_PARAMS
    assert len(hub.asked) == asked


def test_a_header_may_be_longer_than_what_is_asked_for_first(hub: HubServer, tmp_path: Path) -> None:
    """The rest is a second range."""
    many = {f"layers.{number}.norm.weight": ("F32", (1,)) for number in range(3000)}
    checkpoints.write(tmp_path / "many.safetensors", many)
    content = (tmp_path / "many.safetensors").read_bytes()
    assert len(content) > 3 * hub_module.HEADER_BYTES
    hub.repositories["org/name"] = Repository({"model.safetensors": content})
    assert read_model("org/name").full_params == 3000


def test_a_checkpoint_of_another_name_is_found_by_the_list_of_files(hub: HubServer, tmp_path: Path) -> None:
    """If it is the only one."""
    (content,) = whole(tmp_path).values()
    hub.repositories["org/name"] = Repository({"weights.safetensors": content})
    assert read_model("org/name").full_params == LLAMA_PARAMS
    hub.repositories["org/two"] = Repository({"a.safetensors": content, "b.safetensors": content})
    assert "several checkpoints: 'a.safetensors', 'b.safetensors'; download one" in refusal("org/two")


@pytest.mark.parametrize(
    ("files", "fix"),
    [
        (["pytorch_model.bin"], "'pytorch_model.bin': a pickle is never unpickled"),
        (["model-Q4_K_M.gguf"], "another format ('model-Q4_K_M.gguf'); give the model that they were made from"),
        (["adapter_config.json", "adapter_model.safetensors"], "it is an adapter, which goes to adapter"),
        (["model_index.json", "vae/config.json"], "it is a pipeline of several models; download one"),
        (["README.md"], "give another model"),
    ],
)
def test_a_repository_without_a_model_says_what_to_do(hub: HubServer, files: list[str], fix: str) -> None:
    """By what it has instead."""
    hub.repositories["org/name"] = Repository(dict.fromkeys(files, b"{}"))
    assert fix in refusal()


def test_an_unknown_type_says_first_why_its_headers_are_needed(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its weights are a pickle, so the type is what a user may have misspelt."""
    monkeypatch.setattr("lora_cli.models.sources.installed_transformers.PACKAGES", ("no_such_package",))
    config = json.dumps({"model_type": "odd_new", "auto_map": {}}).encode()
    hub.repositories["org/name"] = Repository({"config.json": config, "pytorch_model.bin": b"x"})
    why, _, rest = refusal().partition("; so its headers are needed: ")
    assert "model_type 'odd_new' is not known" in why
    assert "'pytorch_model.bin': a pickle is never unpickled" in rest
    assert "give a model's config.json" not in rest


def test_a_known_type_needs_no_safetensors(hub: HubServer) -> None:
    """Its config.json says all, whatever its weights are stored in."""
    hub.repositories["org/name"] = Repository({"config.json": CONFIG, "pytorch_model.bin": b"x"})
    assert read_model("org/name").full_params == LLAMA_PARAMS


def test_gated_private_and_missing_models_say_how_to_log_in(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Private and missing ones look alike; the right token opens both."""
    hub.repositories["org/gated"] = Repository({"config.json": CONFIG}, gated=True)
    hub.repositories["org/private"] = Repository({"config.json": CONFIG}, private=True)
    assert "'org/gated' is gated; accept its terms at http://127.0.0.1" in refusal("org/gated")
    for name in ("org/private", "org/missing"):
        said = refusal(name)
        assert said.startswith(f"'{name}' is not a path here, and 127.0.0.1 does not have it, or it is private; ")
        assert "check the name, or log in with `hf auth login`" in said
    assert "did you mean meta-llama/Llama-3.1-8B" in refusal("meta-lama/Llama-3.1-8B")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert read_model("org/gated").revision == read_model("org/private").revision == COMMIT
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    assert "refuses the token; log in again with `hf auth login`" in refusal("org/missing")


def test_the_token_stays_with_the_hub(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host of the contents never sees it."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.repositories["org/name"] = Repository({"config.json": UNKNOWN, **shards(tmp_path)}, private=True)
    assert read_model("org/name").full_params == LLAMA_PARAMS
    assert {r.host for r in hub.requests} == {"hub", "contents"}
    for request in hub.requests:
        assert ("authorization" in map(str.lower, request.headers)) == (request.host == "hub")


@pytest.mark.parametrize("token", ["hf_\nX-Evil: 1", "hf_é", "hf_\x00"])
def test_a_token_that_http_cannot_carry_is_not_shown(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    """Only that there is something wrong with it."""
    hub.repositories["org/name"] = Repository({"config.json": CONFIG}, private=True)
    if "\0" in token:
        (Path(str(hub_constants.HF_TOKEN_PATH)).parent).mkdir()
        Path(hub_constants.HF_TOKEN_PATH).write_text(token)
    else:
        monkeypatch.setenv("HF_TOKEN", token)
    assert "hf_" not in refusal()


def misbehaving(status: int = 200, content: bytes = CONFIG, **headers: str) -> Callable[[Handler], bool]:
    """Return what gives one answer to everything."""

    def answer(handler: Handler) -> bool:
        handler.answer(status, content, **headers)
        return True

    return answer


def cut(handler: Handler) -> bool:
    """Say more than is sent."""
    handler.answer(200, CONFIG[:20], Content_Length=str(len(CONFIG)), X_Repo_Commit=COMMIT)
    handler.close_connection = True
    return True


def endless(handler: Handler) -> bool:
    """Send until nobody listens."""
    handler.send_response(200)
    handler.send_header("X-Repo-Commit", COMMIT)
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.close_connection = False
    while not handler.close_connection:
        handler.write(b" " * 2**16)
    return True


def dripping(handler: Handler) -> bool:
    """Send a header a byte at a time, each within any time limit of a piece."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Repo-Commit: ")
    for _ in range(200):
        try:
            handler.wfile.write(b"0")
            time.sleep(0.05)
        except OSError:
            break
    handler.close_connection = True
    return True


def around(handler: Handler) -> bool:
    """Redirect to itself."""
    handler.answer(302, Location=handler.path, X_Repo_Commit=COMMIT)
    return True


def elsewhere(handler: Handler) -> bool:
    """Redirect to a page on another host, as a network does that wants a login first."""
    if handler.host == "hub":
        handler.answer(302, Location=f"{handler.state.contents}/login")
    else:
        handler.answer(200, b"<html>")
    return True


@pytest.mark.parametrize(
    ("misbehaviour", "problem"),
    [
        (
            misbehaving(429, Retry_After="30"),
            "was asked too often; try again in 30 s; `hf auth login` raises the limit",
        ),
        (misbehaving(429, Retry_After="x" * 100), "was asked too often; try again later"),
        (misbehaving(500), "answers 500 for config.json; try again later, or give a path"),
        (misbehaving(503), "answers 503 for config.json"),
        (misbehaving(418), "answers 418 for config.json"),
        (misbehaving(403), "denies access to 'org/name'; log in with a token that may read it: `hf auth login`"),
        (
            misbehaving(403, X_Error_Message="Access to this resource is disabled."),
            "'org/name' is disabled on 127.0.0.1",
        ),
        (misbehaving(403, X_Error_Code="GatedRepo"), "'org/name' is gated"),
        (misbehaving(content=b"<html>login</html>"), "does not answer as a Hub does; check HF_ENDPOINT"),
        (
            misbehaving(content=b"<html>", X_Repo_Commit=COMMIT),
            "'org/name/config.json' is not JSON: Expecting value: line 1 column 1 (char 0); try again later, or give a path",
        ),
        (misbehaving(content=b"[1]", X_Repo_Commit=COMMIT), "'org/name/config.json' holds an array"),
        (
            misbehaving(content=gzip.compress(CONFIG), Content_Encoding="gzip", X_Repo_Commit=COMMIT),
            "compresses config.json",
        ),
        (misbehaving(X_Repo_Commit="../../x"), "does not answer as a Hub does"),
        (misbehaving(302), "redirects config.json to nowhere"),
        (misbehaving(302, Location="ftp://other/x", X_Repo_Commit=COMMIT), "is not one of HTTP"),
        (misbehaving(302, Location="http://[x", X_Repo_Commit=COMMIT), "cannot fetch 'org/name'"),
        (misbehaving(206, X_Repo_Commit=COMMIT, Content_Range="bytes 5-9/10"), "sends another part of config.json"),
        (cut, "the connection to 127.0.0.1 broke"),
        (endless, "config.json of org/name is too large: at most 8 MiB are fetched"),
        (around, "redirects config.json more than 5 times"),
        (elsewhere, "redirects config.json to another host, '127.0.0.1', as a login page does"),
    ],
)
def test_a_hub_that_fails_or_misbehaves_is_one_line(
    hub: HubServer, tmp_path: Path, misbehaviour: Callable[[Handler], bool], problem: str
) -> None:
    """Within seconds, and nothing of it is left in the cache."""
    hub.misbehaviour = misbehaviour
    assert problem in refusal()
    assert hub.sent < 32 * 2**20
    assert not (tmp_path / "home").exists()


def test_an_answer_that_drips_is_given_up(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time, and there is no end."""
    monkeypatch.setattr(hub_module, "ANSWER_SECONDS", 1.0)
    hub.misbehaviour = dripping
    assert "127.0.0.1 took over 1 s to send config.json; try again later" in refusal()


def test_a_repository_has_a_time_limit_too(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many answers come in time."""
    monkeypatch.setattr(hub_module, "REPOSITORY_SECONDS", 0.0)
    hub.repositories["org/name"] = Repository({"config.json": CONFIG})
    assert "127.0.0.1 took over 0 s" in refusal()


def of_contents(**headers: str) -> Callable[[Handler], bool]:
    """Return what makes the host of the contents lie about a range."""

    def answer(handler: Handler) -> bool:
        if handler.host == "contents":
            handler.answer(
                int(headers.get("status", "206")), b"x" * 100, **{k: v for k, v in headers.items() if k != "status"}
            )
        return handler.host == "contents"

    return answer


@pytest.mark.parametrize(
    ("misbehaviour", "problem"),
    [
        (of_contents(Content_Range="bytes 8-107/1000"), "sends another part of model.safetensors"),
        (of_contents(), "sends another part of model.safetensors"),
        (of_contents(Content_Range="bytes 0-99/100000000"), "cut model.safetensors off"),
        (of_contents(Content_Range="bytes 0-99/100"), "is not a complete safetensors file: its header claims"),
        (of_contents(status="200"), "is not a complete safetensors file: its header claims"),
        (of_contents(status="404"), "has no safetensors checkpoint"),
        (of_contents(status="416"), "answers 416 for model.safetensors"),
        (of_contents(Content_Range="bytes 0-99/100", Content_Encoding="br"), "compresses model.safetensors"),
    ],
)
def test_a_range_that_is_not_what_was_asked_for_is_refused(
    hub: HubServer, tmp_path: Path, misbehaviour: Callable[[Handler], bool], problem: str
) -> None:
    """Lengths and positions that do not fit each other."""
    hub.repositories["org/name"] = Repository({"config.json": UNKNOWN, **whole(tmp_path)})
    hub.misbehaviour = misbehaviour
    assert problem in refusal()


def test_a_host_that_ignores_ranges_is_read_no_further_than_the_header(hub: HubServer) -> None:
    """It would send the whole file."""
    hub.repositories["org/name"] = Repository({"model.safetensors": b""})

    def all_of_it(handler: Handler) -> bool:
        if handler.host != "contents":
            return False
        header = json.dumps(checkpoints.entries({"w.weight": ("F32", (2**20, 2**8))})).encode()
        content = len(header).to_bytes(8, "little") + header
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content) + 2**30))
        handler.end_headers()
        handler.write(content)
        while not handler.close_connection:
            handler.write(b"\0" * 2**16)
        return True

    hub.misbehaviour = all_of_it
    assert read_model("org/name").full_params == 2**28
    assert hub.sent < 32 * 2**20


@pytest.mark.parametrize(
    ("index", "problem"),
    [
        ({"weight_map": {"a": "../x.safetensors"}}, "a shard must be a .safetensors file beside it"),
        ({"weight_map": {"a": "x.bin"}}, "a shard must be a .safetensors file beside it"),
        ({"weight_map": {"a": "x.safetensors"}}, "has no 'x.safetensors', which its index names"),
        ({"weight_map": {}}, "does not have a weight_map"),
    ],
)
def test_an_index_that_lies_is_refused(hub: HubServer, index: dict[str, Any], problem: str) -> None:
    """It cannot lead out of the repository."""
    files = {"config.json": UNKNOWN, "model.safetensors.index.json": json.dumps(index).encode()}
    hub.repositories["org/name"] = Repository(files)
    assert problem in refusal()


@pytest.mark.parametrize(
    "endpoint", ["ftp://hub", "hub", "http://", "http://hub:99999999", "http://h\x7fub", "http://[::1"]
)
@pytest.mark.usefixtures("hub")
def test_an_address_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """The variable is named."""
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    assert "HF_ENDPOINT" in refusal()


@pytest.mark.parametrize(
    ("name", "value"), [("HF_ENDPOINT", "http://127.0.0.1:99999"), ("HF_HUB_ETAG_TIMEOUT", "soon")]
)
def test_a_variable_that_the_package_cannot_read_is_one_line(tmp_path: Path, name: str, value: str) -> None:
    """It reads its variables when it is imported."""
    online = {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "", "TRANSFORMERS_OFFLINE": ""}
    ran = run("count", "org/name", env={**online, name: value})
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    assert "HF_" in ran.stderr


@pytest.mark.usefixtures("hub")
def test_a_hub_that_is_not_there_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """A near name helps, if there is one."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert "127.0.0.1 cannot be reached; try again later, or give a path" in refusal()


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", None])
def test_offline_asks_nobody(hub: HubServer, monkeypatch: pytest.MonkeyPatch, variable: str | None) -> None:
    """By a variable or by the caller's wish."""
    hub.repositories["org/name"] = Repository({"config.json": CONFIG})
    if variable is not None:
        monkeypatch.setenv(variable, "on")
    with network_use(offline=variable is None):
        assert "forbids the network; allow it, or give a path" in refusal()
    with pytest.raises(InvalidInput, match="forbids the network"):
        read_model("org/name", offline=True)
    assert not hub.requests


@pytest.mark.usefixtures("hub")
def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache needs no package, the network does."""
    monkeypatch.setattr(hub_module, "find_spec", lambda _: None)
    said = refusal()
    assert said.startswith("'org/name' is not a path here, and the Hub's cache lacks what is needed of it; ")
    assert said.endswith("fetching it needs huggingface_hub: pip install 'lora-cli[hub]'")


def test_progress_is_shown_by_whoever_has_a_terminal(hub: HubServer, tmp_path: Path) -> None:
    """One bar for a file, and one for all headers."""
    shown: list[tuple[str, int]] = []

    def tracker(work: str, parts: Any, total: int) -> Any:
        shown.append((work, total))
        return parts

    hub.repositories["org/name"] = Repository({"config.json": UNKNOWN, **shards(tmp_path)})
    with network_use(tracker=tracker):
        read_model("org/name")
    assert shown[-1] == ("Fetching headers of org/name", 3)
    assert [work for work, _ in shown[:3]] == [
        f"Fetching {file} of org/name" for file in ("config.json", "its list of files", "model.safetensors.index.json")
    ]


def test_what_is_built_by_transformers_asks_nobody_and_leaves_the_network_to_others(hub: HubServer) -> None:
    """A name on the Hub can be read after a model that transformers built."""
    hub.repositories["org/name"] = Repository({"config.json": CONFIG})
    with hub_module.hub_forbidden():
        assert hub_constants.HF_HUB_OFFLINE
        assert "forbids the network" in refusal()
    assert read_model("org/name").revision == COMMIT
