"""`tf.config`: public names, re-exports only."""

from gradtape.api import config_threading as threading
from gradtape.api.left_out import refusing as _refusing
from gradtape.graph.devices import LogicalDevice as LogicalDevice
from gradtape.graph.devices import PhysicalDevice as PhysicalDevice
from gradtape.graph.devices import disable_compilation_cache as disable_compilation_cache
from gradtape.graph.devices import enable_compilation_cache as enable_compilation_cache
from gradtape.graph.devices import get_soft_device_placement as get_soft_device_placement
from gradtape.graph.devices import list_logical_devices as list_logical_devices
from gradtape.graph.devices import list_physical_devices as list_physical_devices
from gradtape.graph.devices import set_soft_device_placement as set_soft_device_placement
from gradtape.graph.function import functions_run_eagerly as experimental_functions_run_eagerly
from gradtape.graph.function import functions_run_eagerly as functions_run_eagerly
from gradtape.graph.function import run_functions_eagerly as experimental_run_functions_eagerly
from gradtape.graph.function import run_functions_eagerly as run_functions_eagerly

__getattr__ = _refusing("tf.config")
