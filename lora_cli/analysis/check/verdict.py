"""One rule of a check, judged: a limit, a finding or a figure of a lock."""

from __future__ import annotations

from lora_cli.analysis.result import Result, value_text
from lora_cli.quantities import Value

FIELDS = ("rule", "value", "limit", "passed")


class Verdict(Result):
    """What a rule says of a subject: the `value`, its `limit`, and whether the subject `passed`, None if that is not known.

    `path` is the subject's, where a check has paths. As a text it is the sentence that the command line says, and its repr
    has that of a failure, too. A verdict is false where the subject failed, so `all(verdicts)` says what the exit
    code of the command does.

    >>> failed = Verdict("max-params", 100, 50, "max-params: trainable_params is 100, over the limit of 50 by 50; r 2 would hold")
    >>> failed.passed, bool(failed), str(failed)
    (False, False, 'max-params: trainable_params is 100, over the limit of 50 by 50; r 2 would hold')
    >>> print(Verdict("max-params", 50, 100, path="my-adapter"))
    my-adapter: max-params holds: value 50, limit 100
    >>> print(Verdict("loads-in diffusers", None, 0, path="my-adapter", checked=False))
    my-adapter: loads-in diffusers was not checked
    """

    __slots__ = ("_failure",)

    path: str | None
    rule: str
    value: Value
    limit: Value
    passed: bool | None
    _failure: str | None

    def __init__(
        self,
        rule: str,
        value: Value,
        limit: Value,
        failure: str | None = None,
        path: str | None = None,
        *,
        checked: bool = True,
    ) -> None:
        """Make a verdict, which fails if there is a sentence for its failure; what was not `checked` does not pass."""
        passed = failure is None if checked else None
        record = dict(zip(FIELDS, (rule, value, limit, passed), strict=True))
        super().__init__(record if path is None else {"path": path, **record}, _failure=failure)

    def __bool__(self) -> bool:
        """Return whether the subject did not fail, not whether there are fields, as of other mappings."""
        return self._failure is None

    def failure(self) -> str | None:
        """Return what is wrong, as a sentence; None where the subject did not fail."""
        return self._failure

    def __str__(self) -> str:
        """Return the verdict as a sentence."""
        where = "" if self.path is None else f"{self.path}: "
        if self.passed is None:
            return f"{where}{self.rule} was not checked"
        return (
            self._failure or f"{where}{self.rule} holds: value {value_text(self.value)}, limit {value_text(self.limit)}"
        )

    def __repr__(self) -> str:
        fields = super().__repr__()
        return fields if self._failure is None else f"{fields[:-1]}, failure={self._failure!r})"

    def of_path(self, path: str | None, key: str = "") -> Verdict:
        """Return the same verdict on the subject at `path`, which its failure names instead of a lock's `key`."""
        failure = self._failure
        if path is not None and failure is not None and failure.startswith(start := f"{key}: "):
            failure = f"{path}: {failure.removeprefix(start)}"
        return Verdict(self.rule, self.value, self.limit, failure, path, checked=self.passed is not None)
