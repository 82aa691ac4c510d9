"""HunyuanVideo, as Tencent published it: `convert_hunyuan_video_transformer_to_diffusers`."""

from lora_cli.methods.adapter_file.published.publication import Publication, within

HUNYUAN_VIDEO = Publication(
    {"x_embedder.proj", "single_transformer_blocks.0.proj_mlp"},
    {
        **within(
            "double_blocks.#.",
            "transformer_blocks.#.",
            {
                "img_attn_qkv": "attn.to_q attn.to_k attn.to_v",
                "img_attn_proj": "attn.to_out.0",
                "img_mlp.fc1": "ff.net.0.proj",
                "img_mlp.fc2": "ff.net.2",
                "img_mod.linear": "norm1.linear",
                "txt_attn_qkv": "attn.add_q_proj attn.add_k_proj attn.add_v_proj",
                "txt_attn_proj": "attn.to_add_out",
                "txt_mlp.fc1": "ff_context.net.0.proj",
                "txt_mlp.fc2": "ff_context.net.2",
                "txt_mod.linear": "norm1_context.linear",
            },
        ),
        **within(
            "single_blocks.#.",
            "single_transformer_blocks.#.",
            {
                "linear1": "attn.to_q attn.to_k attn.to_v proj_mlp",
                "linear2": "proj_out",
                "modulation.linear": "norm.linear",
            },
        ),
        **within(
            "txt_in.individual_token_refiner.blocks.#.",
            "context_embedder.token_refiner.refiner_blocks.#.",
            {
                "self_attn_qkv": "attn.to_q attn.to_k attn.to_v",
                "self_attn_proj": "attn.to_out.0",
                "mlp.fc1": "ff.net.0.proj",
                "mlp.fc2": "ff.net.2",
                "adaLN_modulation.1": "norm_out.linear",
            },
        ),
        **within(
            "txt_in.",
            "context_embedder.",
            {
                "input_embedder": "proj_in",
                "t_embedder.mlp.0": "time_text_embed.timestep_embedder.linear_1",
                "t_embedder.mlp.2": "time_text_embed.timestep_embedder.linear_2",
                "c_embedder.linear_1": "time_text_embed.text_embedder.linear_1",
                "c_embedder.linear_2": "time_text_embed.text_embedder.linear_2",
            },
        ),
        **within(
            "",
            "time_text_embed.",
            {
                "time_in.mlp.0": "timestep_embedder.linear_1",
                "time_in.mlp.2": "timestep_embedder.linear_2",
                "vector_in.in_layer": "text_embedder.linear_1",
                "vector_in.out_layer": "text_embedder.linear_2",
                "guidance_in.mlp.0": "guidance_embedder.linear_1",
                "guidance_in.mlp.2": "guidance_embedder.linear_2",
            },
        ),
        **within(
            "",
            "",
            {
                "img_in.proj": "x_embedder.proj",
                "final_layer.linear": "proj_out",
                "final_layer.adaLN_modulation.1": "norm_out.linear",
            },
        ),
    },
)
