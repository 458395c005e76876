"""Resizing and colours."""

from __future__ import annotations

import numpy as np

from tests.differential.topic import Topic, calls, spread

METHODS = (
    "bilinear",
    "nearest",
    "bicubic",
    "area",
    "lanczos3",
    "lanczos5",
    "gaussian",
    "mitchellcubic",
)

TOPICS = [
    Topic(
        "images",
        {
            "x": spread(2, 4, 5, 3, low=0.05, high=0.95),
            "b": np.array([[0.1, 0.2, 0.8, 0.9], [0.0, 0.0, 1.2, 1.1]]),
        },
        [
            *[
                f"tf.image.resize(x, {size}, method='{m}')"
                for m in METHODS
                for size in ("[7, 8]", "[2, 3]")
            ],
            *[f"tf.image.resize(x, [2, 3], method='{m}', antialias=True)" for m in METHODS],
            "tf.image.resize(x[0], [3, 3])",
            "tf.image.resize(x, [8, 20], preserve_aspect_ratio=True)",
            "tf.image.resize(tf.cast(x * 255, tf.uint8), [3, 3])",
            "tf.image.resize(tf.cast(x * 255, tf.uint8), [3, 3], 'nearest')",
            "tf.image.crop_and_resize(x, b, [0, 1], [3, 3])",
            "tf.image.crop_and_resize(x, b, [1, 0], [2, 4], extrapolation_value=0.5)",
            "tf.image.crop_and_resize(x, b, [0, 1], [3, 3], method='nearest')",
            *calls(
                "rgb_to_grayscale rgb_to_hsv hsv_to_rgb rgb_to_yiq yiq_to_rgb rgb_to_yuv yuv_to_rgb",
                "x",
                "tf.image",
            ),
            "tf.image.grayscale_to_rgb(x[..., :1])",
            "tf.image.adjust_brightness(x, 0.1)",
            "tf.image.adjust_contrast(x, 1.5)",
            "tf.image.adjust_gamma(x, 1.7, 0.8)",
            "tf.image.adjust_hue(x, 0.1)",
            "tf.image.adjust_hue(x, -0.3)",
            "tf.image.adjust_saturation(x, 0.6)",
            "tf.image.adjust_saturation(x, 1.8)",
            "tf.image.central_crop(x, 0.5)",
            "tf.image.convert_image_dtype(x, tf.uint8)",
            "tf.image.convert_image_dtype(tf.cast(x * 255, tf.uint8), tf.float32)",
            "tf.image.convert_image_dtype(tf.constant([0, 128, 255], tf.uint8), tf.int16)",
            "tf.image.convert_image_dtype(x * 2, tf.uint8, saturate=True)",
            "tf.image.crop_to_bounding_box(x, 1, 1, 2, 3)",
            "tf.image.crop_to_bounding_box(x, 3, 1, 2, 3)",
            "tf.image.pad_to_bounding_box(x, 1, 2, 6, 8)",
            "tf.image.resize_with_crop_or_pad(x, 3, 7)",
            "tf.image.resize_with_pad(x, 6, 6)",
            "tf.image.extract_patches(x, [1, 2, 2, 1], [1, 1, 2, 1], [1, 1, 1, 1], 'VALID')",
            "tf.image.extract_patches(x, [1, 3, 3, 1], [1, 2, 2, 1], [1, 1, 1, 1], 'SAME')",
            "tf.image.extract_patches(x, [1, 2, 2, 1], [1, 1, 1, 1], [1, 2, 2, 1], 'VALID')",
            *calls(
                "flip_left_right flip_up_down transpose image_gradients sobel_edges",
                "x",
                "tf.image",
            ),
            "tf.image.rot90(x)",
            "tf.image.rot90(x[0], k=3)",
            "tf.image.per_image_standardization(x)",
            "tf.image.psnr(x, x[::-1], 1.0)",
            "tf.image.total_variation(x)",
            "tf.image.total_variation(x[0])",
            "tf.image.resize(x, [0, 3])",
            "tf.image.resize(x, [3])",
            "tf.image.resize(x, [3, 3], method='none')",
            "tf.image.rgb_to_hsv(x[..., :2])",
            "tf.image.adjust_hue(x, 2.0)",
            "tf.image.adjust_gamma(x, -1.0)",
        ],
        slack=20.0,
    ),
]
