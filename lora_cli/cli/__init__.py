"""The command line: options in, streams and exit codes out; no arithmetic."""

from lora_cli.cli.main import main

__all__ = ["main"]
