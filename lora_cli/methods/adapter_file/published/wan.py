"""Wan 2.1 and 2.2, as Alibaba published them: `convert_wan_transformer_to_diffusers`."""

from lora_cli.methods.adapter_file.published.publication import Publication, within

ATTENTION = {"q": "to_q", "k": "to_k", "v": "to_v", "o": "to_out.0"}
WAN = Publication(
    {"blocks.0.attn1.to_q", "condition_embedder.time_proj"},
    {
        **within("blocks.#.self_attn.", "blocks.#.attn1.", ATTENTION),
        **within(
            "blocks.#.cross_attn.", "blocks.#.attn2.", {**ATTENTION, "k_img": "add_k_proj", "v_img": "add_v_proj"}
        ),
        **within("blocks.#.ffn.", "blocks.#.ffn.", {"0": "net.0.proj", "2": "net.2"}),
        **within(
            "",
            "condition_embedder.",
            {
                "time_embedding.0": "time_embedder.linear_1",
                "time_embedding.2": "time_embedder.linear_2",
                "text_embedding.0": "text_embedder.linear_1",
                "text_embedding.2": "text_embedder.linear_2",
                "time_projection.1": "time_proj",
                "img_emb.proj.1": "image_embedder.ff.net.0.proj",
                "img_emb.proj.3": "image_embedder.ff.net.2",
            },
        ),
        "head.head": ("proj_out",),
    },
)
