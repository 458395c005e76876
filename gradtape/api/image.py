"""`tf.image`: public names, re-exports only."""

from gradtape.ops.image_colours import adjust_brightness as adjust_brightness
from gradtape.ops.image_colours import adjust_contrast as adjust_contrast
from gradtape.ops.image_colours import adjust_gamma as adjust_gamma
from gradtape.ops.image_colours import adjust_hue as adjust_hue
from gradtape.ops.image_colours import adjust_saturation as adjust_saturation
from gradtape.ops.image_colours import grayscale_to_rgb as grayscale_to_rgb
from gradtape.ops.image_colours import hsv_to_rgb as hsv_to_rgb
from gradtape.ops.image_colours import rgb_to_grayscale as rgb_to_grayscale
from gradtape.ops.image_colours import rgb_to_hsv as rgb_to_hsv
from gradtape.ops.image_colours import rgb_to_yiq as rgb_to_yiq
from gradtape.ops.image_colours import rgb_to_yuv as rgb_to_yuv
from gradtape.ops.image_colours import yiq_to_rgb as yiq_to_rgb
from gradtape.ops.image_colours import yuv_to_rgb as yuv_to_rgb
from gradtape.ops.image_resizing import ResizeMethod as ResizeMethod
from gradtape.ops.image_resizing import crop_and_resize as crop_and_resize
from gradtape.ops.image_resizing import resize as resize
