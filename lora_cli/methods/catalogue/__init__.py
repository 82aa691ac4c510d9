"""One file per PEFT method, in a folder per family. A file declares its method as METHOD."""
