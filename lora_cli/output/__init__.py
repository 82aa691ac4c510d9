"""How an answer is shown: a report in one of the formats, each a file in `formats`."""

from lora_cli.output.registry import field_writer, format_names, format_writer
from lora_cli.output.report import Report, Screen

__all__ = ["Report", "Screen", "field_writer", "format_names", "format_writer"]
