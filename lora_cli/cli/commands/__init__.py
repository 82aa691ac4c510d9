"""The commands, a file each: the function with the name of the command returns its answer.

Each has `field_names()`, the fields that its records can have, for whoever completes `--field`.
A command whose records are verdicts sets JUDGES = True, and gets the formats for verdicts in its help. One whose answers
can be drawn sets PLOTS = True, and gets the option --plot.
Help lists the commands of FIRST first, in this order, and then the others by name.
"""

FIRST = ("count", "forward", "sweep", "fit", "check", "inspect", "memory", "explain")
