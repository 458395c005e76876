"""Keras's functions of images, gathered."""

from keras_gradtape.src.ops.image_colours import hsv_to_rgb as hsv_to_rgb
from keras_gradtape.src.ops.image_colours import rgb_to_grayscale as rgb_to_grayscale
from keras_gradtape.src.ops.image_colours import rgb_to_hsv as rgb_to_hsv
from keras_gradtape.src.ops.image_filters import gaussian_blur as gaussian_blur
from keras_gradtape.src.ops.image_filters import sobel_edges as sobel_edges
from keras_gradtape.src.ops.image_resizing import resize as resize
from keras_gradtape.src.ops.image_resizing import scale_and_translate as scale_and_translate
from keras_gradtape.src.ops.image_warping import affine_transform as affine_transform
from keras_gradtape.src.ops.image_warping import (
    compute_homography_matrix as compute_homography_matrix,
)
from keras_gradtape.src.ops.image_warping import elastic_transform as elastic_transform
from keras_gradtape.src.ops.image_warping import map_coordinates as map_coordinates
from keras_gradtape.src.ops.image_warping import perspective_transform as perspective_transform
