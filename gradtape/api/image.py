"""`tf.image`: public names, re-exports only."""

from gradtape.api.left_out import refusing as _refusing
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

__getattr__ = _refusing("tf.image")
from gradtape.ops.image_arranging import central_crop as central_crop
from gradtape.ops.image_arranging import convert_image_dtype as convert_image_dtype
from gradtape.ops.image_arranging import crop_to_bounding_box as crop_to_bounding_box
from gradtape.ops.image_arranging import extract_patches as extract_patches
from gradtape.ops.image_arranging import flip_left_right as flip_left_right
from gradtape.ops.image_arranging import flip_up_down as flip_up_down
from gradtape.ops.image_arranging import image_gradients as image_gradients
from gradtape.ops.image_arranging import pad_to_bounding_box as pad_to_bounding_box
from gradtape.ops.image_arranging import per_image_standardization as per_image_standardization
from gradtape.ops.image_arranging import psnr as psnr
from gradtape.ops.image_arranging import resize_with_crop_or_pad as resize_with_crop_or_pad
from gradtape.ops.image_arranging import resize_with_pad as resize_with_pad
from gradtape.ops.image_arranging import rot90 as rot90
from gradtape.ops.image_arranging import sobel_edges as sobel_edges
from gradtape.ops.image_arranging import total_variation as total_variation
from gradtape.ops.image_arranging import transpose_image as transpose
