"""Hub names on the command line: models, adapters, checks and locks, against a Hub on the loopback."""

from __future__ import annotations

import json
import os
import pty
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import checkpoints
import program
import pytest
import recorded_files
from adapter_files import CONFIG as ADAPTER
from hub_server import COMMIT, OTHER_COMMIT, TOKEN, Handler, HubServer, Repository, hub_server
from small_llama import LLAMA_PARAMS, llama

Run = Callable[..., subprocess.CompletedProcess[str]]
CONFIG = json.dumps(llama()).encode()
# r · (d + h) in two layers.
Q_PROJ = 2 * 4 * (64 + 64)


@pytest.fixture
def hub() -> Iterator[HubServer]:
    """Run a Hub with a model."""
    pytest.importorskip("huggingface_hub")
    with hub_server() as server:
        server.repositories["org/base"] = Repository({"config.json": CONFIG})
        yield server


@pytest.fixture
def run(hub: HubServer, tmp_path: Path) -> Run:
    """Return the program, which finds this Hub, in an empty folder."""
    (tmp_path / "here").mkdir()

    def program_run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        env = hub.environment(tmp_path / "home", **variables)
        return program.run(*arguments, env=env, cwd=tmp_path / "here")

    return program_run


def adapter(folder: Path, **fields: object) -> dict[str, bytes]:
    """Return the files of a trained adapter of `org/base`."""
    shapes = {
        f"base_model.model.model.layers.{layer}.self_attn.q_proj.lora_{name}.weight": ("F32", shape)
        for layer in range(2)
        for name, shape in (("A", (4, 64)), ("B", (64, 4)))
    }
    checkpoints.write(folder / "adapter_model.safetensors", shapes)
    config = {**ADAPTER, "base_model_name_or_path": "org/base", **fields}
    return {
        "adapter_config.json": json.dumps(config).encode(),
        "adapter_model.safetensors": (folder / "adapter_model.safetensors").read_bytes(),
    }


def test_a_hub_name_is_counted_and_its_commit_is_recorded(run: Run, hub: HubServer) -> None:
    """In every format that machines read; then without the network, from the cache."""
    first = run("count", "org/base", "-r", "4", "--json")
    (record,) = json.loads(first.stdout)["results"]
    assert (record["model"], record["full_params"], record["model_revision"]) == ("org/base", LLAMA_PARAMS, COMMIT)
    assert first.stderr == f"lora-cli: note: org/base: fetched config.json at commit {COMMIT}\n"
    again = run("count", "org/base", "-r", "4", "--field", "full_params,model_revision", "--offline")
    assert (again.stdout, again.stderr) == (f"{LLAMA_PARAMS}\t{COMMIT}\n", "")
    assert len(hub.asked) == 1


def test_a_typo_stays_off_the_network(run: Run, hub: HubServer) -> None:
    """By the option or by the Hub's own variable, for every way of naming a source."""
    for arguments in (
        ["count", "org/bsae", "-r", "4"],
        ["count", "--model", "org/bsae", "-r", "4"],
        ["count", "org/base", "--adapter", "org/adatper"],
        ["sweep", "org/bsae", "-r", "4"],
        ["fit", "org/bsae", "--max-params", "1M"],
        ["check", "org/bsae", "--max-params", "1M"],
        ["check", "--model", "org/bsae", "--max-params", "1M"],
        ["inspect", "org/adatper"],
        ["forward", "--weights", "x.safetensors", "--adapter", "org/adatper", "--module", "q_proj"],
    ):
        for done in (run(*arguments, "--offline"), run(*arguments, HF_HUB_OFFLINE="1")):
            assert done.returncode == 2
            assert "forbids the network" in done.stderr
            assert len(done.stderr.splitlines()) == 1
    assert not hub.requests


def test_a_preset_by_its_hub_name_needs_no_network(run: Run, hub: HubServer) -> None:
    """Nor a token, nor a revision."""
    done = run(
        "check", "meta-llama/llama-3.1-8B", "-r", "8", "--target", "all-linear", "--max-params", "100M", "--json"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert run("count", "meta-llama/Llama-3.1-8B", "-r", "8", "--field", "full_params").stdout == "8030261248\n"
    assert not hub.requests


def test_a_sweep_has_the_commits_of_its_models(run: Run) -> None:
    """In a column of their own, which is empty for a preset."""
    done = run("sweep", "org/base", "gpt2", "-r", "4", "--field", "model,model_revision")
    assert done.stdout == f"org/base\t{COMMIT}\ngpt2\t\n"
    assert "fetched config.json" in done.stderr
    assert "model_revision" not in run("sweep", "gpt2", "-r", "4", "--format", "csv").stdout


def test_an_adapter_on_the_hub_is_counted_on_the_model_that_it_names(run: Run, hub: HubServer, tmp_path: Path) -> None:
    """And says so; both commits are recorded."""
    hub.repositories["org/adapter"] = Repository(adapter(tmp_path), commit=OTHER_COMMIT)
    done = run("count", "--adapter", "org/adapter", "--json")
    (record,) = json.loads(done.stdout)["results"]
    assert record["trainable_params"] == Q_PROJ
    assert (record["model"], record["model_revision"]) == ("org/base", COMMIT)
    assert record["adapter_revision"] == OTHER_COMMIT
    assert "the model is 'org/base', the base_model_name_or_path of 'org/adapter/adapter_config.json'" in done.stderr
    fitted = run(
        "fit", "--adapter", "org/adapter", "--max-params", "10K", "--field", "size,adapter_revision", "--offline"
    )
    assert fitted.stdout == f"39\t{OTHER_COMMIT}\n"


def test_a_local_adapter_is_counted_on_the_model_that_it_names(run: Run, tmp_path: Path) -> None:
    """At the revision that its config names, or as it says."""
    folder = tmp_path / "here" / "own"
    folder.mkdir()
    for name, revision, expected in (("org/base", None, "org/base"), ("org/base", COMMIT, f"org/base@{COMMIT}")):
        (folder / "adapter_config.json").write_text(
            json.dumps({**ADAPTER, "base_model_name_or_path": name, "revision": revision})
        )
        assert run("count", "--adapter", "own", "--field", "model").stdout == f"{expected}\n"
    (folder / "adapter_config.json").write_text(json.dumps({**ADAPTER, "base_model_name_or_path": None}))
    assert "has no base_model_name_or_path; give the model" in run("count", "--adapter", "own").stderr
    for name in ("-", "/dev/stdin"):
        (folder / "adapter_config.json").write_text(json.dumps({**ADAPTER, "base_model_name_or_path": name}))
        assert run("count", "--adapter", "own").returncode == 2
    (folder / "adapter_config.json").write_text(json.dumps({**ADAPTER, "base_model_name_or_path": "/home/a/model"}))
    done = run("count", "--adapter", "own")
    assert (
        "its base_model_name_or_path cannot be read; give -m/--model: model '/home/a/model' is neither" in done.stderr
    )


def test_inspect_reads_the_header_of_an_adapter_on_the_hub(run: Run, hub: HubServer, tmp_path: Path) -> None:
    """Two requests, and no values."""
    files = adapter(tmp_path)
    hub.repositories["org/adapter"] = Repository(files)
    done = run("inspect", "org/adapter", "--json")
    (record,) = json.loads(done.stdout)["results"]
    assert (record["adapter"], record["file_params"], record["adapter_revision"]) == ("org/adapter", Q_PROJ, COMMIT)
    assert record["adapter_bytes"] == len(files["adapter_model.safetensors"])
    assert "the values of the file are on the Hub and were not read" in done.stderr
    assert len(hub.asked) == 2
    compared = json.loads(run("inspect", "org/adapter", "--model", "org/base", "--json").stdout)["results"][0]
    assert (compared["expected_params"], compared["model_revision"]) == (Q_PROJ, COMMIT)
    assert (
        "only headers are fetched; download it with `hf download org/adapter`"
        in run("inspect", "org/adapter", "--spectrum").stderr
    )


def test_an_adapter_in_the_cache_is_read_with_its_values(run: Run, hub: HubServer, tmp_path: Path) -> None:
    """As hf_hub_download leaves it there."""
    hub.repositories["org/adapter"] = Repository(adapter(tmp_path))
    code = "import huggingface_hub as h, sys; [h.hf_hub_download('org/adapter', f) for f in sys.argv[1:]]"
    names = list(hub.repositories["org/adapter"].files)
    env = program.environment(**hub.environment(tmp_path / "home"), HF_HUB_DISABLE_XET="1")
    subprocess.run([sys.executable, "-c", code, *names], env=env, check=True, capture_output=True)
    hub.requests.clear()
    done = run("inspect", "org/adapter", "--json")
    assert [finding["code"] for finding in json.loads(done.stdout)["findings"]] == ["zero-b"]
    assert not hub.requests


MODULE = "model.layers.1.self_attn.q_proj"
PASS = ["forward", "--weights", "model.safetensors", "--module", MODULE, "--json", "--adapter"]


def values(*names: str, rows: int, columns: int) -> dict[str, bytes]:
    """Return small values for some tensors in float32."""
    numbers = [(index * 37 % 101 - 50) / 500 for index in range(rows * columns)]
    return dict.fromkeys(names, struct.pack(f"<{len(numbers)}f", *numbers))


@pytest.fixture
def pass_files(run: Run, hub: HubServer, tmp_path: Path) -> Path:  # noqa: ARG001 - `run` makes its folder
    """Put an adapter on the Hub that is trained, and the weight of a module of its base beside the program."""
    weight = f"{MODULE}.weight"
    shapes = {weight: ("F32", (64, 64))}
    checkpoints.write(tmp_path / "here" / "model.safetensors", shapes, values(weight, rows=64, columns=64))
    files = adapter(tmp_path)
    trained = [f"base_model.model.{MODULE}.lora_{name}.weight" for name in "AB"]
    factors = {name: ("F32", shape) for name, shape in zip(trained, ((4, 64), (64, 4)), strict=True)}
    # More than may be fetched of a repository lies before it.
    shapes = {"base_model.model.lm_head.weight": ("F32", (9 * 2**18, 1)), **factors}
    checkpoints.write(tmp_path / "adapter_model.safetensors", shapes, values(*trained, rows=4, columns=64))
    files["adapter_model.safetensors"] = (tmp_path / "adapter_model.safetensors").read_bytes()
    (tmp_path / "adapter_config.json").write_bytes(files["adapter_config.json"])
    hub.repositories["org/adapter"] = Repository(files)
    return tmp_path


def test_a_pass_fetches_a_and_b_of_its_module(run: Run, hub: HubServer, pass_files: Path) -> None:
    """By a range each, however large the file is; the figures are those of the downloaded adapter."""
    done = run(*PASS, "org/adapter")
    config, factors = done.stderr.splitlines()
    assert config.endswith(f"adapter_config.json, the header of adapter_model.safetensors at commit {COMMIT}")
    assert factors == f"lora-cli: note: 'org/adapter': fetched A and B of '{MODULE}'"
    assert len([request for request in hub.requests if request.host == "contents"]) == 3
    assert hub.sent < 2**18
    (figures,) = json.loads(done.stdout)["results"]
    assert [figures] == json.loads(run(*PASS, str(pass_files)).stdout)["results"]
    assert figures["percent_survived"] > 99


@pytest.mark.usefixtures("pass_files")
def test_a_pass_does_not_download_a_whole_adapter(run: Run, hub: HubServer) -> None:
    """A host that ignores ranges would send all that lies before A and B."""

    def without_ranges(handler: Handler) -> bool:
        del handler.headers["Range"]
        return False

    hub.misbehaviour = without_ranges
    done = run(*PASS, "org/adapter")
    assert done.returncode == 2
    assert "sends the whole of adapter_model.safetensors, and not the part that was asked for" in done.stderr
    assert "HF_HUB_OFFLINE forbids the network" in run(*PASS, "org/other", "--offline").stderr


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"config.json": CONFIG}, "has no adapter_config.json, so it is not an adapter; a model goes to -m/--model"),
        ({"adapter_config.json": json.dumps(ADAPTER).encode()}, "has no adapter_model.safetensors"),
        (
            {"adapter_config.json": json.dumps(ADAPTER).encode(), "adapter_model.bin": b""},
            (
                "/adapter_model.bin': a pickle is never unpickled here, because that can run any code; convert it with "
                "safetensors.torch.save_file(torch.load(FILE, weights_only=True), NEW)\n"
            ),
        ),
        (
            {"adapter_config.json": json.dumps(ADAPTER).encode(), "adapter_model.safetensors": b"x" * 50},
            "is not a complete safetensors file",
        ),
        ({"adapter_config.json": b'{"r": 4}', "adapter_model.safetensors": b"x" * 50}, "has no peft_type"),
    ],
)
def test_what_is_not_an_adapter_says_why(run: Run, hub: HubServer, files: dict[str, bytes], problem: str) -> None:
    """One line, whatever is in the repository."""
    hub.repositories["org/adapter"] = Repository(files)
    done = run("inspect", "org/adapter")
    assert done.returncode == 2
    assert problem in done.stderr.splitlines(keepends=True)[-1]


def kohya_file(folder: Path) -> bytes:
    """Return a file of kohya's scripts: two modules of rank 4 with an alpha of 2."""
    shapes, numbers = {}, {}
    for name in ("to_q", "to_k"):
        module = f"lora_unet_{name}"
        tensors = {"alpha": (), "lora_down.weight": (4, 64), "lora_up.weight": (32, 4)}
        shapes |= {f"{module}.{key}": ("F32", shape) for key, shape in tensors.items()}
        numbers[f"{module}.alpha"] = struct.pack("<f", 2)
    checkpoints.write(folder / "style.safetensors", shapes, numbers, {"ss_steps": "30", "ss_sd_model_name": "sd_xl"})
    return (folder / "style.safetensors").read_bytes()


def test_a_file_of_another_format_is_read_by_its_header(run: Run, hub: HubServer, tmp_path: Path) -> None:
    """Whatever its name; what stands in values is not known, and from the cache it is."""
    content = kohya_file(tmp_path)
    hub.repositories["org/style"] = Repository({"README.md": b"", "style.safetensors": content})
    done = run("inspect", "org/style", "--json")
    (record,) = json.loads(done.stdout)["results"]
    assert (record["format"], record["r"], record["alpha"], record["steps"]) == ("kohya", 4, None, 30)
    assert (record["trainable_params"], record["adapter_revision"]) == (2 * 4 * 96, COMMIT)
    assert "the scaling of 2 modules ('lora_unet_to_q', 'lora_unet_to_k') is unknown" in done.stderr
    assert json.loads(done.stdout)["findings"] == []
    assert run("check", "org/style", "--max-params", "1K").returncode == 0
    assert run("check", "org/style", "--max-params", "700").returncode == 1
    assert "its values are on the Hub" in run("inspect", "org/style", "--spectrum").stderr


def test_a_repository_of_several_files_asks_which(run: Run, hub: HubServer, tmp_path: Path) -> None:
    """One of them is downloaded."""
    content = kohya_file(tmp_path)
    hub.repositories["org/style"] = Repository({"a.safetensors": content, "b.safetensors": content})
    done = run("inspect", "org/style")
    assert done.returncode == 2
    assert "has 2 safetensors files ('a.safetensors', 'b.safetensors'); download one" in done.stderr


def test_a_repository_of_mlx_lm_is_read_by_its_own_file(run: Run, hub: HubServer, tmp_path: Path) -> None:
    """Beside the checkpoints of its training, and with the scale of its config."""
    case = recorded_files.case("mlx", "lora")
    content = Path(recorded_files.write_case(case, tmp_path / "adapters.safetensors")).read_bytes()
    config = (tmp_path / "adapter_config.json").read_bytes()
    files = {"adapter_config.json": config, "adapters.safetensors": content, "0000100_adapters.safetensors": content}
    hub.repositories["org/mlx"] = Repository(files)
    done = run("inspect", "org/mlx", "--json")
    found = json.loads(done.stdout)
    assert (found["results"][0]["format"], found["results"][0]["trainable_params"]) == ("mlx", case["params"])
    assert {module["scaling"] for module in found["modules"]} == {20.0}
    assert run("check", "org/mlx", "--max-params", "1K").returncode == 1


def test_check_tells_models_and_adapters_on_the_hub_apart(run: Run, hub: HubServer, tmp_path: Path) -> None:
    """And warns of a name without a revision, because what it leads to changes."""
    model = run("check", "org/base", "-r", "4", "--target", "q_proj", "--expect-params", str(Q_PROJ))
    assert model.returncode == 0
    assert "lora-cli: warning: 'org/base' has no revision" in model.stderr
    assert f"give org/base@{COMMIT}" in model.stderr
    assert model.stderr.count("org/base: ") == model.stderr.count("note: org/base: ") == 1
    hub.repositories["org/adapter"] = Repository(adapter(tmp_path), commit=OTHER_COMMIT)
    done = run("check", "org/adapter", "--max-params", "10K", "--model", "org/base")
    assert done.returncode == 0
    for name, commit in (("org/adapter", OTHER_COMMIT), ("org/base", COMMIT)):
        assert f"warning: '{name}' has no revision" in done.stderr
        assert f"give {name}@{commit}" in done.stderr
    pinned = run("check", f"org/base@{COMMIT}", "-r", "4", "--max-params", "1", "--json")
    assert json.loads(pinned.stdout)["sources"] == [{"subject": f"org/base@{COMMIT}", "model_revision": COMMIT}]
    assert pinned.returncode == 1
    assert "has no revision" not in pinned.stderr


def test_check_says_all_that_it_fetched_of_an_adapter(run: Run, hub: HubServer, tmp_path: Path) -> None:
    """The config, which tells an adapter from a model, and the header."""
    hub.repositories["org/adapter"] = Repository(adapter(tmp_path))
    done = run("check", "org/adapter", "--max-params", "1M")
    fetched = [line for line in done.stderr.splitlines() if "fetched" in line]
    assert [line.partition("fetched ")[2] for line in fetched] == [
        f"{file} at commit {COMMIT}" for file in ("adapter_config.json", "the header of adapter_model.safetensors")
    ]


def test_a_model_given_as_an_adapter_says_where_it_goes(run: Run, hub: HubServer) -> None:
    """Without the network: the name of a bundled model is known."""
    for arguments in (["inspect", "Qwen/Qwen3-8B"], ["count", "gpt2", "--adapter", "Qwen/Qwen3-8B@main"]):
        done = run(*arguments)
        assert done.returncode == 2
        assert "is a model, not an adapter; a model goes to -m/--model" in done.stderr
    assert not hub.requests


def test_the_name_of_an_adapter_is_not_a_misspelt_model(run: Run) -> None:
    """As those of its base models are near, it would be taken for one of them; a model's own name may be misspelt."""
    adapter, model = (
        run("count", *each, "--offline") for each in (["gpt2", "--adapter", "Qwen/Qwen3-8B-lora"], ["Qwen/Qwen3-8C"])
    )
    assert "did you mean" not in adapter.stderr
    assert "did you mean Qwen/Qwen3-8B" in model.stderr


def test_a_lock_records_the_commit(run: Run, hub: HubServer, tmp_path: Path) -> None:
    """And a later commit is a difference; a file of that name never was one."""
    check = ["check", "org/base", "-r", "4", "--lock", "counts.lock"]
    assert run(*check, "--update-lock").returncode == 0
    lock = json.loads((tmp_path / "here" / "counts.lock").read_text())
    ((key, figures),) = lock["subjects"].items()
    assert key.startswith("hf://org/base | lora r=4")
    assert figures["model_revision"] == COMMIT
    assert run(*check).returncode == 0
    hub.repositories["org/base"] = Repository({"config.json": CONFIG}, commit=OTHER_COMMIT, branches={"old": COMMIT})
    moved = run("check", f"org/base@{OTHER_COMMIT}", *check[2:])
    assert moved.returncode == 1
    differs = f"org/base@{OTHER_COMMIT}: lock: model_revision is '{OTHER_COMMIT}', recorded as '{COMMIT}'"
    assert f"check failed: {differs}" in moved.stderr
    other = run("check", "-d", "8", "-h", "8", "-r", "2", "--lock", "counts.lock", "--update-lock")
    assert "no longer exists" not in other.stderr


def test_a_token_is_never_printed(run: Run, hub: HubServer) -> None:
    """Not in an error either."""
    hub.misbehaviour = lambda handler: handler.answer(500, X_Error_Message=TOKEN) is None
    for variables in ({"HF_TOKEN": TOKEN}, {"HF_TOKEN": f"{TOKEN}\né"}, {"HF_TOKEN": TOKEN, "HF_DEBUG": "1"}):
        done = run("count", "org/base", "-r", "4", **variables)
        assert done.returncode == 2
        assert TOKEN not in done.stdout + done.stderr


def test_progress_is_shown_on_a_terminal_after_a_second(hub: HubServer, tmp_path: Path) -> None:
    """And not elsewhere."""

    def slow(handler: Handler) -> bool:
        handler.state.misbehaviour = None
        time.sleep(2.5)
        return False

    env = program.environment(**hub.environment(tmp_path / "home"))
    hub.misbehaviour = slow
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [program.PROGRAM, "count", "org/base", "-r", "4"], env=env, stdout=subprocess.PIPE, stderr=theirs, check=True
    )
    os.close(theirs)
    assert b"Fetching config.json" in os.read(ours, 2**16)
    assert b"trainable" in done.stdout


def test_the_cache_needs_no_package(hub: HubServer, run: Run, tmp_path: Path) -> None:
    """Nor does a matrix look at presets or the cache."""
    assert run("count", "org/base", "-r", "4").returncode == 0
    heavy = {"huggingface_hub", "httpx", "httpx2", "lora_cli.models.sources.hub"}
    code = (
        "import sys; from lora_cli.cli import main\n"
        "main(['count', 'org/base', '-r', '4', '--target', 'q_proj', '--field', 'trainable_params'])\n"
        f"print(*({heavy!r} & sys.modules.keys()), file=sys.stderr)"
    )
    env = program.environment(**hub.environment(tmp_path / "home"))
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f"{Q_PROJ}\n", "\n")
