"""How it is shown: records as a table, plain text, JSON, NDJSON, CSV or Markdown, a file a format."""

from lora_cli.output.registry import FORMATS, field_writer, format_writer
from lora_cli.output.report import Report, Screen

__all__ = ["FORMATS", "Report", "Screen", "field_writer", "format_writer"]
