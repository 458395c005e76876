"""Derivatives of functions, loaded when one is first asked for: public names, re-exports only."""

from gradtape.autodiff.curvature import ggn as ggn
from gradtape.autodiff.curvature import hessian as hessian
from gradtape.autodiff.curvature import hvp as hvp
from gradtape.autodiff.jacobians import jacobian as jacobian
from gradtape.autodiff.laplace import laplacian as laplacian
from gradtape.autodiff.pullbacks import grad as grad
from gradtape.autodiff.pullbacks import value_and_grad as value_and_grad
from gradtape.autodiff.pullbacks import vjp as vjp
from gradtape.autodiff.pushforwards import jvp as jvp
from gradtape.autodiff.pushforwards import linearize as linearize
