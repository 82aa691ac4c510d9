"""What is drawn for the methods that turn inputs or outputs."""

DRAWS = {
    "oft": {
        "r": [0, 0, 0, 2, 5],
        "oft_block_size": [4, 8, 7, 32, 1, 500, 0],
        "module_dropout": [0.1],
        "block_share": [True],
        "coft": [True],
        "use_cayley_neumann": [False],
        "init_weights": [False],
    },
    "boft": {
        "boft_block_size": [2, 4, 8, 0, 3],
        "boft_block_num": [0, 0, 0, 2, 4],
        "boft_n_butterfly_factor": [1, 2],
        "boft_dropout": [0.1],
        "init_weights": [False],
    },
    "hra": {"r": [1, 2, 8], "apply_GS": [True], "init_weights": [False]},
    "psoft": {
        "r": [1, 2, 4, 32],
        "psoft_alpha": [8],
        "ab_svd_init": ["pissa_init", "other"],
        "psoft_svd": ["lowrank"],
        "psoft_orth": [False],
        "psoft_mag_b": [False],
        "psoft_mag_a": [False],
        "use_cayley_neumann": [True],
        "num_cayley_neumann_terms": [0, 3],
        "cayley_neumann_eps": [0.5, 1.5],
    },
    "road": {"variant": ["road_1", "road_2", "road_4", "road_3"], "group_size": [2, 4, 8, 16, 3]},
}
