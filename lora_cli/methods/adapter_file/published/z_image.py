"""Z-Image, as Tongyi published it: `convert_z_image_transformer_checkpoint_to_diffusers`."""

from lora_cli.methods.adapter_file.published.publication import Publication, within

ATTENTION = {"qkv": "to_q to_k to_v", "out": "to_out.0"}
Z_IMAGE = Publication(
    {"layers.0.attention.to_q", "cap_embedder.1"},
    {
        **within("layers.#.attention.", "layers.#.attention.", ATTENTION),
        **within("noise_refiner.#.attention.", "noise_refiner.#.attention.", ATTENTION),
        **within("context_refiner.#.attention.", "context_refiner.#.attention.", ATTENTION),
        "x_embedder": ("all_x_embedder.2-1",),
        "final_layer.linear": ("all_final_layer.2-1.linear",),
        "final_layer.adaLN_modulation.1": ("all_final_layer.2-1.adaLN_modulation.1",),
    },
)
