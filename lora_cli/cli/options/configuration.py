"""The options of a count: what is adapted, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lora_cli.cli.options import adaptation, subject
from lora_cli.cli.options.reading import size

if TYPE_CHECKING:
    from lora_cli.analysis.count.count import Count
    from lora_cli.methods.config.adaptation import Adaptation
    from lora_cli.models.model import Model


class Configuration(NamedTuple):
    """One matrix or a model, and how it is adapted."""

    d: subject.D = None
    h: subject.H = None
    r: adaptation.R = None
    model: subject.ModelSource = None
    target: adaptation.Target = None
    adapter: adaptation.Adapter = None
    method: adaptation.Method = None
    alpha: adaptation.Alpha = None
    settings: adaptation.Set = None
    adapter_dtype: adaptation.AdapterDtype = None
    recipe: subject.Recipe = None

    @property
    def names_subject(self) -> bool:
        """Whether a matrix or a model is named."""
        return self.has_matrix or self.model is not None

    @property
    def has_subject(self) -> bool:
        """Whether a matrix or a model is named, if only by an adapter."""
        return self.names_subject or self.adapter is not None

    @property
    def has_matrix(self) -> bool:
        """Whether a size of a matrix is given."""
        return self.d is not None or self.h is not None

    def adaptation(self) -> Adaptation:
        """Return how the subject is adapted."""
        return adaptation.read_adaptation(
            self.method, self.r, self.alpha, self.target, self.settings, self.adapter, self.adapter_dtype
        )

    def count_subject(self, default_model: Model | None = None) -> Count:
        """Count what the options name, or how they adapt a model where they name none."""
        from lora_cli.analysis.count.count import count

        model = self.model if self.names_subject else default_model
        return count(size("d", self.d), size("h", self.h), model=model, **self.adaptation()._asdict())
