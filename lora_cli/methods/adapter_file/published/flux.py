"""FLUX.1 and FLUX.2, as Black Forest Labs published them: `convert_flux(2)_transformer_checkpoint_to_diffusers`."""

from lora_cli.methods.adapter_file.published.publication import Publication, within

FLUX_1 = Publication(
    {"x_embedder", "single_transformer_blocks.0.proj_mlp"},
    {
        **within(
            "double_blocks.#.",
            "transformer_blocks.#.",
            {
                "img_attn.qkv": "attn.to_q attn.to_k attn.to_v",
                "img_attn.proj": "attn.to_out.0",
                "img_mlp.0": "ff.net.0.proj",
                "img_mlp.2": "ff.net.2",
                "img_mod.lin": "norm1.linear",
                "txt_attn.qkv": "attn.add_q_proj attn.add_k_proj attn.add_v_proj",
                "txt_attn.proj": "attn.to_add_out",
                "txt_mlp.0": "ff_context.net.0.proj",
                "txt_mlp.2": "ff_context.net.2",
                "txt_mod.lin": "norm1_context.linear",
            },
        ),
        **within(
            "single_blocks.#.",
            "single_transformer_blocks.#.",
            {
                "linear1": "attn.to_q attn.to_k attn.to_v proj_mlp",
                "linear2": "proj_out",
                "modulation.lin": "norm.linear",
            },
        ),
        **within(
            "",
            "",
            {
                "img_in": "x_embedder",
                "txt_in": "context_embedder",
                "final_layer.linear": "proj_out",
                "final_layer.adaLN_modulation.1": "norm_out.linear",
            },
        ),
        **within(
            "",
            "time_text_embed.",
            {
                "time_in.in_layer": "timestep_embedder.linear_1",
                "time_in.out_layer": "timestep_embedder.linear_2",
                "vector_in.in_layer": "text_embedder.linear_1",
                "vector_in.out_layer": "text_embedder.linear_2",
                "guidance_in.in_layer": "guidance_embedder.linear_1",
                "guidance_in.out_layer": "guidance_embedder.linear_2",
            },
        ),
    },
)
FLUX_2 = Publication(
    {"x_embedder", "single_transformer_blocks.0.attn.to_qkv_mlp_proj"},
    {
        **within(
            "double_blocks.#.",
            "transformer_blocks.#.",
            {
                "img_attn.qkv": "attn.to_q attn.to_k attn.to_v",
                "img_attn.proj": "attn.to_out.0",
                "img_mlp.0": "ff.linear_in",
                "img_mlp.2": "ff.linear_out",
                "txt_attn.qkv": "attn.add_q_proj attn.add_k_proj attn.add_v_proj",
                "txt_attn.proj": "attn.to_add_out",
                "txt_mlp.0": "ff_context.linear_in",
                "txt_mlp.2": "ff_context.linear_out",
            },
        ),
        **within(
            "single_blocks.#.",
            "single_transformer_blocks.#.",
            {"linear1": "attn.to_qkv_mlp_proj", "linear2": "attn.to_out"},
        ),
        **within(
            "",
            "",
            {
                "img_in": "x_embedder",
                "txt_in": "context_embedder",
                "time_in.in_layer": "time_guidance_embed.timestep_embedder.linear_1",
                "time_in.out_layer": "time_guidance_embed.timestep_embedder.linear_2",
                "guidance_in.in_layer": "time_guidance_embed.guidance_embedder.linear_1",
                "guidance_in.out_layer": "time_guidance_embed.guidance_embedder.linear_2",
                "double_stream_modulation_img.lin": "double_stream_modulation_img.linear",
                "double_stream_modulation_txt.lin": "double_stream_modulation_txt.linear",
                "single_stream_modulation.lin": "single_stream_modulation.linear",
                "final_layer.linear": "proj_out",
                "final_layer.adaLN_modulation.1": "norm_out.linear",
            },
        ),
    },
)
