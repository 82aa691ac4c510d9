"""`python -m lora_cli`, the same as `lora-cli`."""

import sys

from lora_cli.cli import main

sys.exit(main())
