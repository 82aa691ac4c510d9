"""The classes that transformers builds around a body that hears speech."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.parts.encoder import dense
from lora_cli.models.parts.layers import Build, Nodes, Part, Skeleton, hollow, listed, parameter, under
from lora_cli.models.parts.speech import output_width
from lora_cli.models.parts.stages import stage_sizes


def classes(
    stem: str,
    prefix: str,
    body: Part,
    *,
    hidden: Callable[[Config], int],
    layers: int = 12,
    vocabulary: int | None = 32,
    projected: int = 256,
    tasks: Iterable[str] = (),
) -> dict[str, Build]:
    """Return the classes around a body named `prefix`, the default class first; no class has input embeddings.

    `layers`, `vocabulary` and `projected` are the defaults that differ between families. `tasks` selects the classes,
    of which there are five.
    """

    def weights(config: Config) -> Nodes:
        """Build the weights of the sum over all layers."""
        summed = config.flag("use_weighted_layer_sum", default=False)
        return parameter("layer_weights", config.layers("num_hidden_layers", default=layers) + 1) if summed else ()

    def headed(config: Config, *head: Nodes) -> Skeleton:
        return Skeleton([*under(prefix, body(config)), *(node for part in head for node in part)])

    def classified(config: Config, *head: Nodes) -> Skeleton:
        if config.flag("add_adapter", default=False):
            raise InvalidInput(
                f"{config.source}: add_adapter is true, which transformers does not take in a classifier"
            )
        return headed(config, weights(config), *head)

    def bare(config: Config) -> Skeleton:
        return Skeleton(body(config))

    def ctc(config: Config) -> Skeleton:
        words = config.needed("vocab_size") if vocabulary is None else config.size("vocab_size", default=vocabulary)
        return headed(config, hollow("dropout"), dense("lm_head", output_width(config, hidden(config)), words))

    def sequences(config: Config) -> Skeleton:
        width = config.size("classifier_proj_size", default=projected)
        return classified(
            config, dense("projector", hidden(config), width), dense("classifier", width, config.labels())
        )

    def frames(config: Config) -> Skeleton:
        return classified(config, dense("classifier", hidden(config), config.labels()))

    def voices(config: Config) -> Skeleton:
        """Build the class that tells voices apart, by layers that see ever more frames at once."""
        widths = stage_sizes(config, "tdnn_dim", default=(512, 512, 512, 512, 1500))
        kernels = stage_sizes(config, "tdnn_kernel", default=(5, 3, 3, 1, 1), stages=len(widths))
        before = [widths[0], *widths]
        seen = (
            [*dense("kernel", before[layer] * kernels[layer], width), *hollow("activation")]
            for layer, width in enumerate(widths)
        )
        width = config.size("xvector_output_dim", default=512)
        return headed(
            config,
            weights(config),
            dense("projector", hidden(config), widths[0]),
            listed("tdnn", seen),
            dense("feature_extractor", 2 * widths[-1], width),
            dense("classifier", width, width),
            parameter("objective.weight", width, config.labels()),
            hollow("objective.loss"),
        )

    built = {
        "ForCTC": ctc,
        "Model": bare,
        "ForSequenceClassification": sequences,
        "ForAudioFrameClassification": frames,
        "ForXVector": voices,
    }
    return {f"{stem}{task}": built[task] for task in tasks or built}
