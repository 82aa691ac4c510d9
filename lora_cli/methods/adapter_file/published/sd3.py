"""Stable Diffusion 3 and 3.5, as Stability published them: `convert_sd3_transformer_checkpoint_to_diffusers`."""

from lora_cli.methods.adapter_file.published.publication import Publication, within

SD_3 = Publication(
    {"pos_embed.proj", "transformer_blocks.0.attn.add_q_proj"},
    {
        **within(
            "joint_blocks.#.x_block.",
            "transformer_blocks.#.",
            {
                "attn.qkv": "attn.to_q attn.to_k attn.to_v",
                "attn.proj": "attn.to_out.0",
                "attn2.qkv": "attn2.to_q attn2.to_k attn2.to_v",
                "attn2.proj": "attn2.to_out.0",
                "mlp.fc1": "ff.net.0.proj",
                "mlp.fc2": "ff.net.2",
                "adaLN_modulation.1": "norm1.linear",
            },
        ),
        **within(
            "joint_blocks.#.context_block.",
            "transformer_blocks.#.",
            {
                "attn.qkv": "attn.add_q_proj attn.add_k_proj attn.add_v_proj",
                "attn.proj": "attn.to_add_out",
                "mlp.fc1": "ff_context.net.0.proj",
                "mlp.fc2": "ff_context.net.2",
                "adaLN_modulation.1": "norm1_context.linear",
            },
        ),
        **within(
            "",
            "",
            {
                "x_embedder.proj": "pos_embed.proj",
                "t_embedder.mlp.0": "time_text_embed.timestep_embedder.linear_1",
                "t_embedder.mlp.2": "time_text_embed.timestep_embedder.linear_2",
                "y_embedder.mlp.0": "time_text_embed.text_embedder.linear_1",
                "y_embedder.mlp.2": "time_text_embed.text_embedder.linear_2",
                "final_layer.linear": "proj_out",
                "final_layer.adaLN_modulation.1": "norm_out.linear",
            },
        ),
    },
)
