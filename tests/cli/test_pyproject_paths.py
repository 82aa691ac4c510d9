"""Tables of pyproject.toml whose adapter is given on the command line, as pre-commit does."""

from __future__ import annotations

from pathlib import Path

import adapter_files
import numpy as np
import pytest
from program import run

TABLE = "[[tool.lora-cli.check]]\npath = 'adapters/support'\n"


def write_trained(path: Path, r: int = 4) -> None:
    """Write an adapter that nothing is wrong with."""
    arrays = adapter_files.pair("c_attn", np.ones((r, 8), "<f4"), np.ones((24, r), "<f4"))
    adapter_files.write_adapter(path, arrays, r=r, target_modules=["c_attn"])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory, with two trained adapters."""
    (tmp_path / "adapters").mkdir()
    for name in ("support", "sales"):
        write_trained(tmp_path / "adapters" / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def project(body: str, folder: str = ".") -> None:
    """Write pyproject.toml."""
    Path(folder, "pyproject.toml").write_text(body, encoding="utf-8")


def lines(*arguments: str, **options: str) -> list[str]:
    """Return the records of a check as CSV."""
    return run("check", "--format", "csv", *arguments, **options).stdout.splitlines()[1:]


@pytest.mark.parametrize("name", ["", "/adapter_config.json", "/adapter_model.safetensors"])
def test_the_limits_of_a_table_hold_for_its_adapter_however_it_is_named(folder: Path, name: str) -> None:
    """By its folder, its config or its weights, from any folder, and whichever of these the table names."""
    written = (folder / "adapters/support/adapter_model.safetensors").stat().st_size
    for named in ("", "/adapter_config.json", "/adapter_model.safetensors"):
        project(f"[[tool.lora-cli.check]]\npath = 'adapters/support{named}'\nmax-bytes = 100\n")
        done = run("check", f"adapters/support{name}", "--format", "csv")
        assert done.returncode == 1, done.stderr
        assert done.stdout.splitlines()[1:] == [
            f"adapters/support{name},findings,0,0,true",
            f"adapters/support{name},max-bytes,{written},100,false",
        ]
    assert lines(f"support{name}", cwd="adapters")[1].startswith(f"support{name},max-bytes,")
    Path("link").symlink_to("adapters/support")
    assert lines(f"link{name}")[1].startswith(f"link{name},max-bytes,")


@pytest.mark.usefixtures("folder")
def test_other_paths_have_the_limits_of_the_section() -> None:
    """Beside one with a table, in one run, and the table's own rules are its own."""
    project(f"[tool.lora-cli]\nmax-params = '1M'\nmax-rank = 8\n{TABLE}max-rank = 2\nfail-on = ['note']\n")
    assert lines("adapters") == [
        "adapters/sales,findings,0,0,true",
        "adapters/sales,max-params,128,1000000,true",
        "adapters/sales,max-rank,4,8,true",
        "adapters/support,findings,0,0,true",
        "adapters/support,max-params,128,1000000,true",
        "adapters/support,max-rank,4,2,false",
    ]


@pytest.mark.usefixtures("folder")
def test_an_option_wins_over_the_table_of_a_path() -> None:
    """Key by key."""
    project(f"{TABLE}max-rank = 2\nmax-params = 1\n")
    assert lines("adapters/support", "--max-rank", "4") == [
        "adapters/support,findings,0,0,true",
        "adapters/support,max-params,128,1,false",
        "adapters/support,max-rank,4,4,true",
    ]


def test_a_file_of_another_format_has_the_table_of_its_folder(folder: Path) -> None:
    """And the other way round."""
    arrays = {
        f"lora_unet_to_q.{name}": np.ones(shape, np.float32)
        for name, shape in {"lora_down.weight": (4, 32), "lora_up.weight": (32, 4), "alpha": ()}.items()
    }
    (folder / "style").mkdir()
    adapter_files.write_arrays(folder / "style" / "style.safetensors", arrays)
    names = ["style", "style/style.safetensors"]
    for own, given in (names, reversed(names)):
        project(f"[[tool.lora-cli.check]]\npath = '{own}'\nmax-params = 255\n")
        assert f"{given},max-params,256,255,false" in lines(given)


def test_a_table_says_how_its_adapter_is_trained(folder: Path) -> None:
    """An option about the training wins over that, and one without a limit of memory is refused."""
    for name in ("support", "sales"):
        config = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj"], "base_model_name_or_path": "llama-3.2-1b"}
        adapter_files.write_adapter(folder / "adapters" / name, {}, **config)
    project(f"{TABLE}max-memory = '80GB'\nfail-on = []\ntraining = {{seq = 64}}\n")
    options = ("--max-memory", "80GB", "--seq", "64", "--fail-on", "nan")
    (own,) = (line for line in lines("adapters/support") if "max-memory" in line)
    (other,) = (line for line in lines("adapters/sales", *options) if "max-memory" in line)
    assert own.partition(",")[2] == other.partition(",")[2]
    (longer,) = (line for line in lines("adapters/support", "--seq", "512") if "max-memory" in line)
    assert longer == lines("--seq", "512")[-1] != own
    for arguments in (("--batch", "2", "adapters/sales"), ("--batch", "2", "--max-memory", "1X")):
        done = run("check", *arguments)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    project(f"{TABLE}max-rank = 8\n")
    done = run("check", "--batch", "2")
    assert done.returncode == 2
    assert "--batch says how an adapter is trained, which only --max-memory depends on" in done.stderr


@pytest.mark.usefixtures("folder")
def test_a_path_may_be_a_folder_of_several_adapters() -> None:
    """As on the command line: each of them has the table's limits, in a bare check and where it is given itself."""
    project("[[tool.lora-cli.check]]\npath = 'adapters'\nmax-rank = 2\n")
    sales = ["adapters/sales,findings,0,0,true", "adapters/sales,max-rank,4,2,false"]
    support = [line.replace("sales", "support") for line in sales]
    assert lines() == lines("adapters") == [*sales, *support]
    assert lines("adapters/support") == support
    Path("adapters/sales/adapter_config.json").write_text("{", encoding="utf-8")
    done = run("check", "--format", "csv")
    assert (done.returncode, done.stdout.splitlines()[1:]) == (2, support)
    assert "tool.lora-cli.check[0].path: 'adapters/sales/adapter_config.json' is not JSON" in done.stderr


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["adapters/support", "adapters/support/adapter_config.json"])
def test_two_tables_for_one_adapter_are_refused(name: str) -> None:
    """However they name it, whether it is given on the command line or not."""
    project(f"[[tool.lora-cli.check]]\npath = 'adapters'\n[[tool.lora-cli.check]]\npath = '{name}'\n")
    for arguments in ((), ("adapters/support",)):
        done = run("check", *arguments)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert f"check[1] has the same subject as tool.lora-cli.check[0], '{name}'; write the limits" in done.stderr


def test_the_name_of_a_table_is_told_as_one(tmp_path: Path) -> None:
    """Where no path has it; what to run instead is said."""
    table = '[tool.lora-cli]\nmax-params = "20M"\n[[tool.lora-cli.check]]\nname = "3b"\nmodel = "llama-3.2-3b"\n'
    (tmp_path / "pyproject.toml").write_text(table, encoding="utf-8")
    done = run("check", "3b", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    told = "'3b' is the name of tool.lora-cli.check[0] in pyproject.toml; `lora-cli check` without arguments checks it"
    assert told in done.stderr
    (tmp_path / "3b").write_text("{}", encoding="utf-8")
    assert "is the name of" not in run("check", "3b", cwd=tmp_path).stderr
