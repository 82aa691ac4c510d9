"""The buffer that CUDA's reductions over leading dimensions allocate, which depends on the card (Reduce.cuh).

Sums for the gradients of biases, of DoRA's magnitudes and of IA3's vectors are such. On an H100 the sum of 2048 rows of
8192 columns takes 128 MiB for a result of 32 KiB:

>>> reduction_buffer(outputs=8192, inputs=2048, multiprocessors=132, threads=2048) >> 20
128
>>> reduction_buffer(outputs=8192, inputs=2048, multiprocessors=40, threads=1024) >> 20  # a T4
20
"""

from __future__ import annotations


def _power_of_two(value: int) -> int:
    return 1 << (value.bit_length() - 1)


def _up(value: int, by: int) -> int:
    return -(-value // by)


def reduction_buffer(outputs: int, inputs: int, multiprocessors: int, threads: int) -> int:
    """Return the bytes beside the result where each of `outputs` columns sums `inputs` rows, in float32.

    `threads` is how many one multiprocessor holds: 2048 on data-centre cards, 1024 on Turing, 1536 on others.
    """
    vector = next(size for size in (4, 2, 1) if not outputs % size)
    most = 512 // vector
    columns, rows = min(_power_of_two(outputs // vector or 1), most), min(_power_of_two(inputs), most)
    height = min(rows, most // min(columns, 32))
    width = min(columns, most // height)
    values = inputs
    if values < min(height * 16, 256):
        return 0  # each warp has outputs of its own
    values = _up(inputs, height)
    grid = _up(outputs // vector, width)
    target = multiprocessors * (threads // (width * height))
    if values < 256 or grid > target:
        return 0
    blocks = max(min(_up(target, grid), _up(values, 16)), _up(values, 256))
    return 4 * outputs * blocks * width * vector if blocks > 1 else 0
