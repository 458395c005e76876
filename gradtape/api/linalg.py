"""`tf.linalg`: public names, re-exports only."""

from gradtape.api import linalg_experimental as experimental
from gradtape.api.left_out import refusing
from gradtape.ops.clipping import global_norm as global_norm
from gradtape.ops.einsum import einsum as einsum
from gradtape.ops.linalg_cholesky import cholesky as cholesky
from gradtape.ops.linalg_determinants import det as det
from gradtape.ops.linalg_determinants import logdet as logdet
from gradtape.ops.linalg_determinants import slogdet as slogdet
from gradtape.ops.linalg_diagonals_public import band_part as band_part
from gradtape.ops.linalg_diagonals_public import diag as diag
from gradtape.ops.linalg_diagonals_public import diag_part as diag_part
from gradtape.ops.linalg_diagonals_public import eye as eye
from gradtape.ops.linalg_diagonals_public import set_diag as set_diag
from gradtape.ops.linalg_diagonals_public import tensor_diag as tensor_diag
from gradtape.ops.linalg_diagonals_public import tensor_diag_part as tensor_diag_part
from gradtape.ops.linalg_diagonals_public import trace as trace
from gradtape.ops.linalg_functions import expm as expm
from gradtape.ops.linalg_functions import logm as logm
from gradtape.ops.linalg_functions import sqrtm as sqrtm
from gradtape.ops.linalg_least_squares import lstsq as lstsq
from gradtape.ops.linalg_lu import lu as lu
from gradtape.ops.linalg_lu import lu_matrix_inverse as lu_matrix_inverse
from gradtape.ops.linalg_lu import lu_reconstruct as lu_reconstruct
from gradtape.ops.linalg_lu import lu_solve as lu_solve
from gradtape.ops.linalg_products import cross as cross
from gradtape.ops.linalg_products import kron as kron
from gradtape.ops.linalg_qr import qr as qr
from gradtape.ops.linalg_solving import cholesky_solve as cholesky_solve
from gradtape.ops.linalg_solving import inv as inv
from gradtape.ops.linalg_solving import solve as solve
from gradtape.ops.linalg_solving import triangular_solve as triangular_solve
from gradtape.ops.linalg_spectra import eig as eig
from gradtape.ops.linalg_spectra import eigh as eigh
from gradtape.ops.linalg_spectra import eigvals as eigvals
from gradtape.ops.linalg_spectra import eigvalsh as eigvalsh
from gradtape.ops.linalg_svd import matrix_rank as matrix_rank
from gradtape.ops.linalg_svd import pinv as pinv
from gradtape.ops.linalg_svd import svd as svd
from gradtape.ops.linalg_tridiagonal import banded_triangular_solve as banded_triangular_solve
from gradtape.ops.linalg_tridiagonal import eigh_tridiagonal as eigh_tridiagonal
from gradtape.ops.linalg_tridiagonal import tridiagonal_matmul as tridiagonal_matmul
from gradtape.ops.linalg_tridiagonal import tridiagonal_solve as tridiagonal_solve
from gradtape.ops.norms_public import l2_normalize as l2_normalize
from gradtape.ops.norms_public import norm as norm
from gradtape.ops.norms_public import normalize as normalize
from gradtape.ops.products import adjoint as adjoint
from gradtape.ops.products import matmul as matmul
from gradtape.ops.products import matrix_transpose as matrix_transpose
from gradtape.ops.products import matvec as matvec
from gradtape.ops.tensordot import tensordot as tensordot

__getattr__ = refusing("tf.linalg")
