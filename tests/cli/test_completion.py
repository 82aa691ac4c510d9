"""Completion: what is offered for each option, in real shells, and how it is set up."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import shells
from adapter_files import pair, write_adapter
from machine_fields import LOCKS, REFERENCE
from program import PROGRAM, environment, run

from lora_cli.analysis.check.check import known_names
from lora_cli.cli.registry import command_names
from lora_cli.cli.terminal import COLORS
from lora_cli.dtypes import VALUE_TYPES
from lora_cli.methods import METHODS
from lora_cli.methods.variants import VARIANTS
from lora_cli.models.sources.preset import names as presets
from lora_cli.output.registry import formats_of

ASK = "_LORA_CLI_COMPLETE"
# The linear modules of gpt2 and llama-3.1-8b, but c_attn.
SWEPT_NAMES = ["c_fc", "c_proj", "lm_head", "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
ALL_METHODS = {*METHODS, *VARIANTS}


def candidates(*words: str, folder: Path | None = None) -> list[str]:
    """Return what bash is offered for the last of some words."""
    env = {ASK: "complete_bash", "COMP_WORDS": "\n".join(("lora-cli", *words)), "COMP_CWORD": str(len(words))}
    done = run(env=env, cwd=folder)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("", {*command_names()}),
        ("co", {"count"}),
        ("count ", {*presets()}),
        ("count --model ", {*presets()}),
        ("sweep gpt2 -m gpt2-", {"gpt2-medium", "gpt2-large", "gpt2-xl"}),
        ("inspect -m gpt2-x", {"gpt2-xl"}),
        ("count --method ", ALL_METHODS),
        ("sweep --method ", ALL_METHODS),
        ("fit --method lora,ver", {"lora,vera"}),
        ("sweep --method vera,ver", set()),
        ("methods ", ALL_METHODS),
        ("cards am", {"amd", "ampere"}),
        ("cards cdna", {"cdna-2", "cdna-3", "cdna-4"}),
        ("memory gpt2 --gpu am", set()),
        ("memory gpt2 --gpu t", {"t4", "titan-rtx", "titan-v"}),
        ("memory gpt2 --gpu 409", {"4090", "4090-laptop"}),
        ("count meta-llama/Llama-3.1-4", {"meta-llama/Llama-3.1-405B"}),
        ("count --format ", {"auto", *formats_of(judged=False)}),
        ("check --format ", {"auto", *formats_of(judged=True)}),
        ("count --color ", {*COLORS}),
        ("count --adapter-dtype ", {*VALUE_TYPES}),
        ("forward --dtype ", {*VALUE_TYPES}),
        ("forward --init ", {"random", "zero"}),
        ("check --ignore ", {*known_names("ignore")}),
        ("check --fail-on ", {*known_names("fail_on")}),
        ("count -t all", {"all-linear"}),
        ("count -t ", {"all-linear"}),
        ("count -m gpt2 -t ", {"all-linear", "c_attn", "c_fc", "c_proj", "lm_head"}),
        ("memory llama-3.1-8b --target q", {"q_proj"}),
        ("fit llama-3.1-8b -t q_proj,v", {"q_proj,v_proj"}),
        ("sweep gpt2 -m llama-3.1-8b -t c_attn,", {f"c_attn,{name}" for name in SWEPT_NAMES}),
        ("check -m nowhere/model -t q", set()),
        ("count - -t q", set()),
        ("count --field trainable_", {"trainable_params", "trainable_percent"}),
        ("count --field r,all_", {"r,all_params"}),
        ("sweep --sort all_", {"all_params"}),
        ("sweep --sort -all_", {"-all_params"}),
        ("count --set use_", {"use_dora=", "use_rslora=", "use_qalora=", "use_bdlora="}),
        ("count --set use_dora", {"use_dora=", "use_dora=true", "use_dora=false"}),
        ("count --set bias=", {"bias=none", "bias=all", "bias=lora_only"}),
        ("count --set bias=l", {"bias=lora_only"}),
        (
            "count --method miss --set init_w",
            {f"init_weights={value}" for value in ("", "true", "false", "bat", "mini")},
        ),
        ("count --method glora --set config_C=", {f"config_C={value}" for value in ("lora", "vector", "none")}),
        ("count --method vera --set d_in", {"d_initial=", "d_initial=0.1"}),
        ("sweep --method ia3,vera --set d_in", {"d_initial=", "d_initial=0.1"}),
        ("count --per", {"--per-module"}),
        ("memory --accumulate ", {"2", "4", "8", "16"}),
        # Where a file is meant, the shell offers files.
        ("count --adapter ", set()),
        ("memory --recipe ", set()),
        ("count -o ", set()),
        ("fit --write ", set()),
        ("check ", set()),
        ("check --loads-in v", {"vllm"}),
        ("check --peft-version 0.13", {"0.13.0", "0.13.1", "0.13.2"}),
        ("check --lock ", set()),
        # What cannot be completed.
        ("count --method bogus --set ", set()),
        ("count ' ", set()),
    ],
)
def test_what_is_offered(line: str, offered: set[str], tmp_path: Path) -> None:
    """The names of the registries, and nothing where a file is meant."""
    assert set(candidates(*line.split(" "), folder=tmp_path)) == offered


def test_bash_takes_words_apart(tmp_path: Path) -> None:
    """It replaces only what follows the last = of a word."""
    assert candidates("count", "--method", "=", "ver", folder=tmp_path) == ["vera"]
    assert "vera" in candidates("count", "--method", "=", folder=tmp_path)
    assert candidates("count", "--set", "use_dora", "=", "t", folder=tmp_path) == ["true"]
    assert candidates("count", "--set", "use_dora", "=", folder=tmp_path) == ["true", "false"]
    assert candidates("count", "gpt2", "--target", "=", "c_a", folder=tmp_path) == ["c_attn"]
    assert candidates("sweep", "-r", "1", ":", "8", "--method", "ver", folder=tmp_path) == ["vera"]


def test_files_stand_beside_presets(tmp_path: Path) -> None:
    """Unless no preset fits, where the shell knows better; nor is offered what a shell would have to quote."""
    for name in ("gpt2-mine.json", "gpt2 mine", ".gpt2", "other.json"):
        (tmp_path / name).touch()
    (tmp_path / "gpt2-tuned").mkdir()
    offered = candidates("count", "gpt2-", folder=tmp_path)
    assert offered == ["gpt2-medium", "gpt2-large", "gpt2-xl", "gpt2-mine.json", "gpt2-tuned/"]
    assert candidates("count", "other", folder=tmp_path) == []


def test_modules_of_an_adapter_on_disk(tmp_path: Path) -> None:
    """What is no adapter, and none at all, offers nothing."""
    a, b = np.ones((2, 8), "<f4"), np.ones((4, 2), "<f4")
    write_adapter(tmp_path / "tuned", pair("layers.0.q_proj", a, b) | pair("layers.0.v_proj", a, b))
    (tmp_path / "empty").mkdir()
    both = ["layers.0.q_proj", "layers.0.v_proj"]
    assert candidates("forward", "--weights", "w", "--adapter", "tuned", "--module", "", folder=tmp_path) == both
    assert candidates("forward", "--adapter", "tuned", "--module", "layers.0.v", folder=tmp_path) == both[1:]
    for other in (("--adapter", "empty"), ("--adapter", "missing"), ("--adapter", "-"), ()):
        assert candidates("forward", *other, "--module", "", folder=tmp_path) == []


def test_targets_of_a_model_on_disk(tmp_path: Path) -> None:
    """Its config.json is read; a type that only transformers could build, which takes seconds, offers nothing."""
    for name, model_type in (("mine", "gpt2"), ("other", "unheard_of")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps({"model_type": model_type}), encoding="utf-8")
    assert candidates("count", "mine", "-t", "c_a", folder=tmp_path) == ["c_attn"]
    assert candidates("count", "other", "-t", "c_a", folder=tmp_path) == []


def test_the_fields_of_each_command_are_those_of_its_records() -> None:
    """None is offered that no record has, and none is left out."""
    fields = defaultdict(set)
    for example, shown in json.loads(REFERENCE.read_text(encoding="utf-8")).items():
        if example not in LOCKS:
            fields[example.split()[0]] |= {name for record in shown["ndjson"] for name in record}
    for command in command_names():
        assert set(candidates(command, "--field", "")) == fields[command]


@pytest.mark.parametrize("command", ["", *command_names()])
def test_what_is_offered_is_described_in_a_short_phrase(command: str) -> None:
    """Whole words that a shell shows beside the names at 80 columns; the other one of a pair says what it turns off."""
    line = f"lora-cli {command} --" if command else "lora-cli "
    env = {ASK: "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "get-args", "_TYPER_COMPLETE_ARGS": line}
    described = dict(row.split("\t") for row in run(env=env).stdout.splitlines())
    widest = max(map(len, described))
    for name, phrase in described.items():
        assert widest + len(phrase) <= 71, phrase
        assert phrase[-1].isalnum(), phrase
        assert not name.startswith("--no-") or phrase == f"Turn off --{name.removeprefix('--no-')}"


def test_an_apostrophe_stays_in_what_zsh_shows() -> None:
    """Within its quoted text."""
    env = {ASK: "complete_zsh", "_TYPER_COMPLETE_ARGS": "lora-cli count --alp"}
    assert r"""The method'\''s alpha""" in run(env=env).stdout


@pytest.mark.parametrize(
    "env",
    [
        {ASK: "complete_bash"},
        {ASK: "complete_bash", "COMP_WORDS": "lora-cli count", "COMP_CWORD": "x"},
        {ASK: "complete_bash", "COMP_WORDS": "lora-cli\ncount", "COMP_CWORD": "-7"},
        {ASK: "complete_bash", "COMP_WORDS": "lora-cli\ncount\n--method=\x1b[31m\udcff", "COMP_CWORD": "2"},
        {ASK: "complete_bash", "COMP_WORDS": "lora-cli\ncount\n--set\n" + "x" * 100_000, "COMP_CWORD": "3"},
        {ASK: "complete_zsh"},
        {ASK: "complete_zsh", "_TYPER_COMPLETE_ARGS": "lora-cli check --ignore '\"$(x)"},
        {ASK: "complete_fish"},
        {ASK: "complete_fish", "_TYPER_COMPLETE_ARGS": "lora-cli", "_TYPER_COMPLETE_FISH_ACTION": "other"},
        {ASK: "complete_pwsh"},
    ],
)
def test_nothing_is_said_in_the_middle_of_a_line(env: dict[str, str]) -> None:
    """Whatever a shell asks."""
    done = run(env=env, errors="surrogateescape")
    assert done.stderr == ""
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("instruction", ["bogus", "complete_basch", "_", "complete_bash_"])
def test_an_instruction_that_is_not_known_is_refused(instruction: str) -> None:
    """In one line."""
    done = run(env={ASK: instruction})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"lora-cli: error: {ASK} is '{instruction}'; ")


@pytest.mark.parametrize("name", ["bash", "zsh"])
@pytest.mark.parametrize(
    ("keys", "seen"),
    [
        ("lora-cli sweep gpt2 -r 8 --method lora,ver\t\n", "--method lora,vera"),
        ("lora-cli count gpt2 -r 8 --set use_dor\tf\t\n", "--set use_dora=false"),
        ("lora-cli count gpt2 -r 8 --method=ver\t\n", "--method=vera"),
        ("lora-cli count gpt2 -r 8 --adapter my-c\t\n", "--adapter my-config.json"),
        ("lora-cli sweep gpt2 -r 8 --sort -trainable_par\t\n", "--sort -trainable_params"),
        ("lora-cli meth\t\n", "lora-cli methods"),
        ("lora-cli count --per\t\n", "--per-module"),
        ("lora-cli count llama-3.2\t\t\t", "llama-3.2-3b"),
    ],
)
def test_a_shell_completes_what_is_typed(name: str, keys: str, seen: str, tmp_path: Path) -> None:
    """On a terminal, with the script that the program prints for that shell."""
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    (tmp_path / "my-config.json").write_text("{}", encoding="utf-8")
    with shells.shell(name, tmp_path, run("--show-completion", name).stdout) as shell:
        shell.press(keys)
        assert shell.wait_for(seen)


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("sweep --method lora,ver", ["lora,vera"]),
        ("count --set use_dora=", ["use_dora=false", "use_dora=true"]),
        ("count --method=ver", ["--method=vera"]),
        ("count --adapter my-c", ["my-config.json"]),
        ("sweep --sort -all_", ["-all_params"]),
        ("count gpt2-x", ["gpt2-xl"]),
        ("count --per", ["--per-module\tList the adapted modules of a model"]),
    ],
)
def test_fish_completes_what_is_typed(line: str, offered: list[str], tmp_path: Path) -> None:
    """Fish itself says what it would offer."""
    (tmp_path / "my-config.json").write_text("{}", encoding="utf-8")
    script = tmp_path / "script.fish"
    script.write_text(run("--show-completion", "fish").stdout, encoding="utf-8")
    env = environment(HOME=str(tmp_path))
    env["PATH"] = f"{Path(PROGRAM).parent}:{env['PATH']}"
    code = f"source {script}; complete -C 'lora-cli {line}'"
    done = subprocess.run(
        ["fish", "--no-config", "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_is_installed_is_what_is_shown(shell: str, tmp_path: Path) -> None:
    """A second time changes nothing, and what a start-up file has stays."""
    startup = {"bash": ".bashrc", "zsh": ".zshrc"}.get(shell)
    if startup is not None:
        (tmp_path / startup).write_text("alias l=ls", encoding="utf-8")
    for _ in range(2):
        done = run("--install-completion", shell, env={"HOME": str(tmp_path)})
        assert done.returncode == 0
        assert done.stdout.startswith(f"completion for {shell} is installed in {tmp_path}")
        files = {path.name: path for path in tmp_path.rglob("*") if path.is_file()}
        if startup is not None:
            assert len(files.pop(startup).read_text(encoding="utf-8").splitlines()) == 2
        (script,) = files.values()
        assert script.read_text(encoding="utf-8").startswith(run("--show-completion", shell).stdout)


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_what_is_installed_answers_the_first_tab_in_zsh(tmp_path: Path) -> None:
    """There zsh reads the script, and takes it for the function that answers."""
    assert run("--install-completion", "zsh", env={"HOME": str(tmp_path)}).returncode == 0
    with shells.shell("zsh", tmp_path, "", "unsetopt zle_bracketed_paste; . ~/.zshrc; set -x") as shell:
        shell.press("lora-cli sweep gpt2 -r 8 --method lora,ver\t\n")
        assert shell.wait_for("--method lora,vera")


@pytest.mark.parametrize("in_the_way", [".bashrc/", ".bash_completions", ".bash_completions/lora-cli.sh/"])
def test_an_installation_that_fails_leaves_nothing(in_the_way: str, tmp_path: Path) -> None:
    """One line says what to do instead, and no start-up file reads what is not there."""
    path = tmp_path / in_the_way
    path.parent.mkdir(exist_ok=True)
    if in_the_way.endswith("/"):
        path.mkdir()
    else:
        path.touch()
    done = run("--install-completion", "bash", env={"HOME": str(tmp_path)})
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "add what `lora-cli --show-completion bash` prints to what bash reads when it starts" in done.stderr
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == ([path] if path.is_file() else [])


@pytest.mark.parametrize("home", ["", "/dev/null", "/nowhere"])
def test_a_home_that_is_missing_is_not_made(home: str) -> None:
    """A misspelt HOME must not become a folder."""
    done = run("--install-completion", "fish", env={"HOME": home})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"lora-cli: error: cannot write '{home or '/'}': there is no such home folder; ")
    assert not Path("/nowhere").exists()


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (("--show-completion", "basch"), "'basch' is not a known shell; did you mean bash?"),
        (
            ("--install-completion", "x" * 1000),
            "... (1000 characters) is not a known shell; choose from: bash, zsh, fish",
        ),
        (("--show-completion", "bash", "zsh"), "--show-completion takes one shell, and 2 words follow it; keep one"),
        (("--install-completion", "pwsh"), "completion for powershell is not installed automatically; add what"),
        (("--install-completion", ""), "'' is not a known shell"),
    ],
)
def test_a_shell_that_cannot_be_set_up_is_refused(arguments: tuple[str, ...], answer: str, tmp_path: Path) -> None:
    """In one line, and nothing is written."""
    done = run(*arguments, env={"HOME": str(tmp_path)})
    assert (done.returncode, done.stdout) == (2, "")
    assert answer in done.stderr
    assert list(tmp_path.iterdir()) == []
