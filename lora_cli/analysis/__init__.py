"""The questions. Each combines modules and a method into records."""
