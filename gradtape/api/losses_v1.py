"""`tf.compat.v1.losses`: public names, re-exports only."""

from gradtape.train.losses_v1 import Reduction as Reduction
from gradtape.train.losses_v1 import absolute_difference as absolute_difference
from gradtape.train.losses_v1 import add_loss as add_loss
from gradtape.train.losses_v1 import compute_weighted_loss as compute_weighted_loss
from gradtape.train.losses_v1 import cosine_distance as cosine_distance
from gradtape.train.losses_v1 import get_losses as get_losses
from gradtape.train.losses_v1 import get_regularization_loss as get_regularization_loss
from gradtape.train.losses_v1 import get_regularization_losses as get_regularization_losses
from gradtape.train.losses_v1 import get_total_loss as get_total_loss
from gradtape.train.losses_v1 import hinge_loss as hinge_loss
from gradtape.train.losses_v1 import huber_loss as huber_loss
from gradtape.train.losses_v1 import log_loss as log_loss
from gradtape.train.losses_v1 import mean_squared_error as mean_squared_error
from gradtape.train.losses_v1 import sigmoid_cross_entropy as sigmoid_cross_entropy
from gradtape.train.losses_v1 import softmax_cross_entropy as softmax_cross_entropy
from gradtape.train.losses_v1 import sparse_softmax_cross_entropy as sparse_softmax_cross_entropy
