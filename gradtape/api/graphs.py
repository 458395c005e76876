"""What records now and runs later, under `tf`: public names, re-exports only."""

from gradtape.graph.branches import case as case
from gradtape.graph.branches import cond as cond
from gradtape.graph.branches import switch_case as switch_case
from gradtape.graph.building import Graph as Graph
from gradtape.graph.function import function as function
from gradtape.graph.gradients import AggregationMethod as AggregationMethod
from gradtape.graph.gradients import gradients as gradients
from gradtape.graph.gradients import hessians as hessians
from gradtape.graph.graph import Operation as Operation
from gradtape.graph.host_calls import numpy_function as numpy_function
from gradtape.graph.host_calls import py_function as py_function
from gradtape.graph.loops import while_loop as while_loop
from gradtape.graph.scanning import foldl as foldl
from gradtape.graph.scanning import foldr as foldr
from gradtape.graph.scanning import map_fn as map_fn
from gradtape.graph.scanning import scan as scan
from gradtape.graph.tensor_array import TensorArray as TensorArray
