"""What TensorFlow has and gradtape has not, each with the reason; using such a name raises an error that gives it.

`docs/limits.md` shows this table, and a test compares both with TensorFlow's list of public names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

LATER = "is not there yet: "

REASONS: dict[str, str] = {
    "is left out: a graph is kept as the program that builds it; str(graph) and graph.to_svg() show it": """
        tf.import_graph_def tf.graph_util tf.test.assert_equal_graph_def""",
    "is in Keras, which runs on gradtape: tf.keras.losses, tf.keras.metrics, tf.keras.initializers, tf.keras.layers": """
        tf.losses tf.metrics tf.initializers tf.feature_column tf.nn.RNNCellDeviceWrapper
        tf.nn.RNNCellDropoutWrapper tf.nn.RNNCellResidualWrapper""",
    "is left out: read files with Python, NumPy or pandas, and give arrays or a generator to tf.data.Dataset": """
        tf.data.FixedLengthRecordDataset tf.data.TFRecordDataset tf.data.TextLineDataset
        tf.data.experimental.CsvDataset tf.data.experimental.SqlDataset tf.data.experimental.TFRecordWriter
        tf.data.experimental.index_table_from_dataset tf.data.experimental.load
        tf.data.experimental.make_batched_features_dataset tf.data.experimental.make_csv_dataset
        tf.data.experimental.parse_example_dataset tf.data.experimental.save
        tf.data.experimental.distributed_save tf.data.experimental.snapshot
        tf.data.experimental.table_from_dataset tf.data.experimental.DatasetInitializer""",
    "is left out: options and graphs of pipelines are TensorFlow's own; tf.data.Options takes any": """
        tf.data.IteratorSpec tf.data.ThreadingOptions tf.data.experimental.AutotuneAlgorithm
        tf.data.experimental.AutotuneOptions tf.data.experimental.DistributeOptions
        tf.data.experimental.ExternalStatePolicy tf.data.experimental.OptimizationOptions
        tf.data.experimental.SHARD_HINT tf.data.experimental.ServiceOptions
        tf.data.experimental.ThreadingOptions tf.data.experimental.at tf.data.experimental.enable_debug_mode
        tf.data.experimental.from_variant tf.data.experimental.get_model_proto
        tf.data.experimental.make_saveable_from_iterator tf.data.experimental.service
        tf.data.experimental.to_variant""",
    "is left out: use the methods of tf.data.Dataset (random, reduce, interleave, padded_batch, filter, prefetch)": """
        tf.data.experimental.RandomDataset tf.data.experimental.Reducer
        tf.data.experimental.copy_to_device tf.data.experimental.dense_to_ragged_batch
        tf.data.experimental.dense_to_sparse_batch tf.data.experimental.group_by_reducer
        tf.data.experimental.pad_to_cardinality tf.data.experimental.parallel_interleave
        tf.data.experimental.rejection_resample""",
    LATER + "read with Python and NumPy, and hand arrays or a generator to tf.data.Dataset": """
        tf.io tf.lookup tf.queue""",
    LATER + "save variables with tf.train.Checkpoint, and keep the program that builds the model": """
        tf.saved_model tf.lite""",
    LATER + "devices and many machines come with compiled functions": """
        tf.distribute tf.dtensor tf.tpu tf.DeviceSpec tf.CriticalSection
        tf.config.LogicalDeviceConfiguration tf.config.experimental
        tf.config.experimental_connect_to_cluster tf.config.experimental_connect_to_host
        tf.config.get_logical_device_configuration
        tf.config.get_visible_devices tf.config.set_logical_device_configuration
        tf.config.set_visible_devices tf.test.create_local_cluster
        tf.test.gpu_device_name tf.test.is_gpu_available tf.test.is_built_with_cuda
        tf.test.is_built_with_gpu_support tf.test.is_built_with_rocm tf.test.is_built_with_xla
        tf.test.is_cpu_target_available tf.debugging.get_log_device_placement
        tf.debugging.set_log_device_placement""",
    "is left out: gradtape differentiates numbers, and strings are none": """
        tf.string tf.strings tf.as_string tf.fingerprint tf.edit_distance tf.dtypes.string""",
    "is not supported: pad the rows to one length and mask them, or use tf.math.segment_sum": """
        tf.RaggedTensor tf.RaggedTensorSpec tf.ragged tf.ragged_fill_empty_rows
        tf.ragged_fill_empty_rows_grad""",
    "is not supported: use dense tensors, tf.IndexedSlices, tf.gather and tf.scatter_nd": """
        tf.SparseTensor tf.SparseTensorSpec tf.sparse tf.sets tf.IndexedSlicesSpec
        tf.nn.embedding_lookup_sparse tf.nn.safe_embedding_lookup_sparse""",
    "is left out: quantized numbers carry no derivative": """
        tf.qint8 tf.qint16 tf.qint32 tf.quint8 tf.quint16 tf.quantization tf.dtypes.qint8 tf.dtypes.qint16
        tf.dtypes.qint32 tf.dtypes.quint8 tf.dtypes.quint16 tf.dtypes.QUANTIZED_DTYPES""",
    "is left out: it belongs to TensorFlow's own run time": """
        tf.TensorArraySpec tf.nondifferentiable_batch_function tf.config.optimizer
        tf.mlir tf.xla tf.sysconfig tf.profiler tf.summary tf.load_library tf.load_op_library
        tf.make_ndarray tf.make_tensor_proto tf.resource tf.variant tf.security tf.tools tf.types tf.version
        tf.experimental tf.TypeSpec tf.NoneTensorSpec tf.OptionalSpec tf.register_tensor_conversion_function
        tf.check_pinned tf.guarantee_const tf.audio tf.dtypes.resource tf.dtypes.variant
        tf.dtypes.experimental tf.debugging.experimental tf.debugging.disable_traceback_filtering
        tf.debugging.enable_traceback_filtering tf.debugging.is_traceback_filtering_enabled
        tf.test.Benchmark tf.test.TestCase tf.test.benchmark_config tf.test.disable_with_predicate
        tf.test.experimental tf.test.main tf.test.with_eager_op_as_function
        tf.random_index_shuffle tf.conv tf.conv2d_backprop_filter_v2 tf.conv2d_backprop_input_v2
        tf.nn.depthwise_conv2d_backprop_filter tf.nn.depthwise_conv2d_backprop_input
        tf.errors.OK tf.errors.ABORTED tf.errors.ALREADY_EXISTS tf.errors.CANCELLED tf.errors.DATA_LOSS
        tf.errors.DEADLINE_EXCEEDED tf.errors.FAILED_PRECONDITION tf.errors.INTERNAL
        tf.errors.INVALID_ARGUMENT tf.errors.NOT_FOUND tf.errors.OUT_OF_RANGE tf.errors.PERMISSION_DENIED
        tf.errors.RESOURCE_EXHAUSTED tf.errors.UNAUTHENTICATED tf.errors.UNAVAILABLE
        tf.errors.UNIMPLEMENTED tf.errors.UNKNOWN""",
    "is left out: write the matrix, or a function that multiplies by it": """
        tf.linalg.LinearOperator tf.linalg.LinearOperatorAdjoint tf.linalg.LinearOperatorBlockDiag
        tf.linalg.LinearOperatorBlockLowerTriangular tf.linalg.LinearOperatorCirculant
        tf.linalg.LinearOperatorCirculant2D tf.linalg.LinearOperatorCirculant3D
        tf.linalg.LinearOperatorComposition tf.linalg.LinearOperatorDiag
        tf.linalg.LinearOperatorFullMatrix tf.linalg.LinearOperatorHouseholder
        tf.linalg.LinearOperatorIdentity tf.linalg.LinearOperatorInversion
        tf.linalg.LinearOperatorKronecker tf.linalg.LinearOperatorLowRankUpdate
        tf.linalg.LinearOperatorLowerTriangular tf.linalg.LinearOperatorPermutation
        tf.linalg.LinearOperatorScaledIdentity tf.linalg.LinearOperatorToeplitz
        tf.linalg.LinearOperatorTridiag tf.linalg.LinearOperatorZeros""",
    "is left out: sampled losses serve vocabularies that gradtape is not made for": """
        tf.nn.nce_loss tf.nn.sampled_softmax_loss tf.nn.all_candidate_sampler tf.nn.compute_accidental_hits
        tf.nn.fixed_unigram_candidate_sampler tf.nn.learned_unigram_candidate_sampler
        tf.random.all_candidate_sampler tf.random.fixed_unigram_candidate_sampler
        tf.random.learned_unigram_candidate_sampler tf.random.log_uniform_candidate_sampler
        tf.random.uniform_candidate_sampler""",
    "is left out: prepare pictures with slicing, tf.reverse, tf.transpose, tf.pad and tf.random": """
        tf.image.extract_glimpse
        tf.image.random_brightness
        tf.image.random_contrast tf.image.random_crop tf.image.random_flip_left_right
        tf.image.random_flip_up_down tf.image.random_hue tf.image.random_saturation
        tf.image.ssim tf.image.ssim_multiscale
        tf.image.stateless_random_brightness tf.image.stateless_random_contrast
        tf.image.stateless_random_crop tf.image.stateless_random_flip_left_right
        tf.image.stateless_random_flip_up_down tf.image.stateless_random_hue
        tf.image.stateless_random_saturation
        tf.extract_volume_patches""",
    "is left out: boxes are chosen, not differentiated; use torchvision or OpenCV": """
        tf.image.combined_non_max_suppression tf.image.generate_bounding_box_proposals
        tf.image.non_max_suppression tf.image.non_max_suppression_overlaps
        tf.image.non_max_suppression_padded tf.image.non_max_suppression_with_scores
        tf.image.sample_distorted_bounding_box tf.image.stateless_sample_distorted_bounding_box""",
    "is left out: it is exact elsewhere in gradtape; use tf.math.top_k": """
        tf.approx_top_k""",
    "is left out: use scipy.stats.qmc.Sobol, sklearn.isotonic or the dilations of tf.nn.pool": """
        tf.math.sobol_sample tf.nn.isotonic_regression tf.nn.with_space_to_batch""",
    "is left out: decode and encode pictures with Pillow or imageio": """
        tf.image.decode_and_crop_jpeg tf.image.decode_bmp tf.image.decode_gif tf.image.decode_image
        tf.image.decode_jpeg tf.image.decode_jxl tf.image.decode_png tf.image.decode_webp
        tf.image.encode_jpeg tf.image.encode_png tf.image.extract_jpeg_shape tf.image.is_jpeg
        tf.image.adjust_jpeg_quality tf.image.random_jpeg_quality tf.image.stateless_random_jpeg_quality
        tf.image.draw_bounding_boxes""",
}  # fmt: skip

LEFT_OUT: dict[str, str] = {n: reason for reason, names in REASONS.items() for n in names.split()}


class LeftOutError(AttributeError):
    """A name of TensorFlow's that gradtape does not have; the message says why and what to use."""


def refusing(path: str) -> Callable[[str], NoReturn]:
    """The `__getattr__` of a public module: it explains names that are left out.

    Args:
        path: the module's public name, as in "tf.math".
    """

    def explain(name: str) -> Any:
        reason = LEFT_OUT.get(f"{path}.{name}")
        if reason is not None:
            raise LeftOutError(f"{path}.{name} {reason} (docs/limits.md).")
        raise AttributeError(
            f"module '{path.replace('tf', 'gradtape', 1)}' has no attribute {name!r}"
        )

    return explain
