"""`tf.nn`: public names, re-exports only."""

from gradtape.api import nn_experimental as experimental
from gradtape.api.left_out import refusing as _refusing
from gradtape.ops.convolution_public import atrous_conv2d as atrous_conv2d
from gradtape.ops.convolution_public import conv1d as conv1d
from gradtape.ops.convolution_public import conv2d as conv2d
from gradtape.ops.convolution_public import conv3d as conv3d
from gradtape.ops.convolution_public import convolution as convolution
from gradtape.ops.convolution_public import depthwise_conv2d as depthwise_conv2d
from gradtape.ops.convolution_public import separable_conv2d as separable_conv2d
from gradtape.ops.convolution_transposed import atrous_conv2d_transpose as atrous_conv2d_transpose
from gradtape.ops.convolution_transposed import conv1d_transpose as conv1d_transpose
from gradtape.ops.convolution_transposed import conv2d_transpose as conv2d_transpose
from gradtape.ops.convolution_transposed import conv3d_transpose as conv3d_transpose
from gradtape.ops.convolution_transposed import conv_transpose as conv_transpose
from gradtape.ops.cross_entropies import (
    softmax_cross_entropy_with_logits as softmax_cross_entropy_with_logits,
)
from gradtape.ops.cross_entropies import (
    sparse_softmax_cross_entropy_with_logits as sparse_softmax_cross_entropy_with_logits,
)
from gradtape.ops.ctc import ctc_loss as ctc_loss
from gradtape.ops.ctc_decoding import collapse_repeated as collapse_repeated
from gradtape.ops.ctc_decoding import ctc_beam_search_decoder as ctc_beam_search_decoder
from gradtape.ops.ctc_decoding import ctc_greedy_decoder as ctc_greedy_decoder
from gradtape.ops.ctc_decoding import ctc_unique_labels as ctc_unique_labels
from gradtape.ops.dilation import dilation2d as dilation2d
from gradtape.ops.dilation import erosion2d as erosion2d
from gradtape.ops.dropout import dropout as dropout
from gradtape.ops.exponential import sigmoid as sigmoid
from gradtape.ops.exponential import softplus as softplus
from gradtape.ops.exponential import tanh as tanh
from gradtape.ops.leading import approx_max_k as approx_max_k
from gradtape.ops.leading import approx_min_k as approx_min_k
from gradtape.ops.leading import in_top_k as in_top_k
from gradtape.ops.leading import top_k as top_k
from gradtape.ops.logistic_losses import log_poisson_loss as log_poisson_loss
from gradtape.ops.logistic_losses import (
    sigmoid_cross_entropy_with_logits as sigmoid_cross_entropy_with_logits,
)
from gradtape.ops.logistic_losses import (
    weighted_cross_entropy_with_logits as weighted_cross_entropy_with_logits,
)
from gradtape.ops.neural import bias_add as bias_add
from gradtape.ops.neural import crelu as crelu
from gradtape.ops.neural import elu as elu
from gradtape.ops.neural import gelu as gelu
from gradtape.ops.neural import leaky_relu as leaky_relu
from gradtape.ops.neural import relu as relu
from gradtape.ops.neural import relu6 as relu6
from gradtape.ops.neural import selu as selu
from gradtape.ops.neural import silu as silu
from gradtape.ops.neural import softsign as softsign
from gradtape.ops.neural import swish as swish
from gradtape.ops.normalising import (
    batch_norm_with_global_normalization as batch_norm_with_global_normalization,
)
from gradtape.ops.normalising import batch_normalization as batch_normalization
from gradtape.ops.normalising import compute_average_loss as compute_average_loss
from gradtape.ops.normalising import local_response_normalization as local_response_normalization
from gradtape.ops.normalising import lrn as lrn
from gradtape.ops.normalising import moments as moments
from gradtape.ops.normalising import normalize_moments as normalize_moments
from gradtape.ops.normalising import scale_regularization_loss as scale_regularization_loss
from gradtape.ops.normalising import sufficient_statistics as sufficient_statistics
from gradtape.ops.normalising import weighted_moments as weighted_moments
from gradtape.ops.norms import l2_loss as l2_loss
from gradtape.ops.norms_public import l2_normalize as l2_normalize
from gradtape.ops.pooling_public import avg_pool as avg_pool
from gradtape.ops.pooling_public import avg_pool1d as avg_pool1d
from gradtape.ops.pooling_public import avg_pool2d as avg_pool2d
from gradtape.ops.pooling_public import avg_pool3d as avg_pool3d
from gradtape.ops.pooling_public import fractional_avg_pool as fractional_avg_pool
from gradtape.ops.pooling_public import fractional_max_pool as fractional_max_pool
from gradtape.ops.pooling_public import max_pool as max_pool
from gradtape.ops.pooling_public import max_pool1d as max_pool1d
from gradtape.ops.pooling_public import max_pool2d as max_pool2d
from gradtape.ops.pooling_public import max_pool3d as max_pool3d
from gradtape.ops.pooling_public import max_pool_with_argmax as max_pool_with_argmax
from gradtape.ops.pooling_public import pool as pool
from gradtape.ops.rearranging import depth_to_space as depth_to_space
from gradtape.ops.rearranging import space_to_batch as space_to_batch
from gradtape.ops.rearranging import space_to_depth as space_to_depth
from gradtape.ops.reductions import zero_fraction as zero_fraction
from gradtape.ops.softmax import log_softmax as log_softmax
from gradtape.ops.softmax import softmax as softmax
from gradtape.ops.tables import embedding_lookup as embedding_lookup

__getattr__ = _refusing("tf.nn")
