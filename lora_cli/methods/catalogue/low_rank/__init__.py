"""Methods other than LoRA whose update comes from thin matrices."""
