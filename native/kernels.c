/* Kernels of few numbers in one pass each, where NumPy needs several calls. Exponentials, logarithms
 * and sums are NumPy's own inner loops, so that the results are those of the Python kernels. Each
 * returns None where its arguments are not plain. */

#include "quick.h"

/* Class numbers as a contiguous array of 32 or 64 bits with one number for each row; 0 where not. */
static int
class_numbers(PyObject *labels, npy_intp rows, npy_intp classes, npy_intp *found)
{
    if (!PyArray_CheckExact(labels) || !PyArray_ISCARRAY_RO((PyArrayObject *)labels))
        return 0;
    PyArrayObject *array = (PyArrayObject *)labels;
    char kind = PyArray_DESCR(array)->kind;
    npy_intp wide = PyArray_ITEMSIZE(array);
    if (kind != 'i' || PyArray_SIZE(array) != rows || (wide != 4 && wide != 8))
        return 0;
    for (npy_intp i = 0; i < rows; i++) {
        npy_int64 label = wide == 4 ? ((npy_int32 *)PyArray_DATA(array))[i]
                                    : ((npy_int64 *)PyArray_DATA(array))[i];
        if (label < 0 || label >= classes)
            return 0;
        found[i] = (npy_intp)label;
    }
    return 1;
}

/* The body of `sparse_softmax_loss` for a type: z becomes the softmax, loss the loss. */
#define SOFTMAX_LOSS(real, lowest) \
    do { \
        const real *x = (const real *)seen.data; \
        real *z = (real *)PyArray_DATA(soft), *loss = (real *)PyArray_DATA(losses), hit[MOST]; \
        for (npy_intp row = 0; row < rows; row++) { \
            real largest = lowest; \
            for (npy_intp k = row * width; k < (row + 1) * width; k++) \
                largest = x[k] > largest || x[k] != x[k] ? x[k] : largest; \
            for (npy_intp k = row * width; k < (row + 1) * width; k++) { \
                largest = x[k] != x[k] ? x[k] : largest; \
                z[k] = x[k] - largest; \
            } \
            hit[row] = z[row * width + labels[row]]; \
        } \
        char *both[2] = {(char *)z, (char *)z}; \
        exp_loop->loop(both, &seen.size, strides, exp_loop->data); \
        for (npy_intp row = 0; row < rows; row++) { \
            real total = 0; \
            char *sum[3] = {(char *)&total, (char *)(z + row * width), (char *)&total}; \
            add_loop->loop(sum, &width, along, add_loop->data); \
            total = total > 1 || total != total ? total : 1; \
            for (npy_intp k = row * width; k < (row + 1) * width; k++) \
                z[k] /= total; \
            loss[row] = total; \
        } \
        both[0] = both[1] = (char *)loss; \
        log_loop->loop(both, &rows, strides, log_loop->data); \
        for (npy_intp row = 0; row < rows; row++) \
            loss[row] -= hit[row]; \
    } while (0)

/* sparse_softmax_loss(labels, logits): cross entropy of the last axis, and the softmax. */
PyObject *
sparse_softmax_loss(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    View seen;
    npy_intp labels[MOST];
    if (count != 2 || !view(args[1], &seen) || seen.rank < 2 || !seen.size || seen.size > MOST)
        Py_RETURN_NONE;
    npy_intp width = seen.dims[seen.rank - 1], rows = seen.size / width;
    npy_intp wide = seen.type == NPY_FLOAT ? 4 : 8;
    npy_intp strides[2] = {wide, wide}, along[3] = {0, wide, 0};
    if (!class_numbers(args[0], rows, width, labels))
        Py_RETURN_NONE;
    if (PyArray_NDIM((PyArrayObject *)args[0]) != seen.rank - 1)
        Py_RETURN_NONE;
    Loop *exp_loop = loop_of("exp", seen.type), *log_loop = loop_of("log", seen.type);
    Loop *add_loop = loop_of("add", seen.type);
    if (!exp_loop || !log_loop || !add_loop)
        Py_RETURN_NONE;
    PyArrayObject *soft = (PyArrayObject *)new_array(seen.rank, seen.dims, seen.type);
    PyArrayObject *losses =
        (PyArrayObject *)new_array(seen.rank - 1, seen.dims, seen.type);
    PyObject *pair = NULL;
    if (soft && losses) {
        if (seen.type == NPY_FLOAT)
            SOFTMAX_LOSS(npy_float, -FLT_MAX);
        else
            SOFTMAX_LOSS(npy_double, -DBL_MAX);
        pair = PyTuple_Pack(2, losses, soft);
    }
    Py_XDECREF(soft);
    Py_XDECREF(losses);
    return pair;
}

#define SOFTMAX_PULL(real) \
    do { \
        const real *c = (const real *)ct.data, *p = (const real *)soft.data; \
        real *g = (real *)PyArray_DATA((PyArrayObject *)made); \
        for (npy_intp row = 0; row < rows; row++) { \
            for (npy_intp k = row * width; k < (row + 1) * width; k++) { \
                g[k] = p[k] * c[row]; \
                if (g[k] != g[k] && c[row] == 0) \
                    g[k] = 0; \
            } \
            g[row * width + labels[row]] -= c[row]; \
        } \
    } while (0)

/* sparse_softmax_loss_pull(ct, probabilities, labels): ct * (probabilities - onehot(labels)). */
PyObject *
sparse_softmax_loss_pull(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    View ct, soft;
    npy_intp labels[MOST];
    if (count != 3 || !view(args[0], &ct) || !view(args[1], &soft) || ct.type != soft.type
        || ct.rank < 1 || ct.rank != soft.rank - 1 || !soft.size || soft.size > MOST)
        Py_RETURN_NONE;
    npy_intp width = soft.dims[soft.rank - 1], rows = soft.size / width;
    if (ct.size != rows || !class_numbers(args[2], rows, width, labels))
        Py_RETURN_NONE;
    PyObject *made = new_array(soft.rank, soft.dims, soft.type);
    if (!made)
        return NULL;
    if (ct.type == NPY_FLOAT)
        SOFTMAX_PULL(npy_float);
    else
        SOFTMAX_PULL(npy_double);
    return made;
}

/* By the bits of the numbers, without a branch, so that the loop becomes one of vectors. */
#define RELU_PULL(real, bits) \
    do { \
        const bits *restrict c = (const bits *)ct.data; \
        const real *restrict out = (const real *)y.data; \
        bits *restrict g = (bits *)PyArray_DATA((PyArrayObject *)made); \
        for (npy_intp k = 0; k < size; k++) \
            g[k] = c[k] & -(bits)(out[k] > 0); \
    } while (0)

/* relu_pull(ct, y): ct where y is positive, and 0 elsewhere; of any size, because NumPy passes over
   the numbers three times. */
PyObject *
relu_pull(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    View ct, y;
    NPY_BEGIN_THREADS_DEF;
    if (count != 2 || !view(args[0], &ct) || !view(args[1], &y) || ct.type != y.type || y.rank < 1
        || ct.rank != y.rank || memcmp(ct.dims, y.dims, y.rank * sizeof(npy_intp)))
        Py_RETURN_NONE;
    npy_intp size = y.size; /* a local variable: nothing else can change it */
    PyObject *made = new_array(y.rank, y.dims, y.type);
    if (!made)
        return NULL;
    NPY_BEGIN_THREADS_THRESHOLDED(size);
    if (y.type == NPY_FLOAT)
        RELU_PULL(npy_float, npy_int32);
    else
        RELU_PULL(npy_double, npy_int64);
    NPY_END_THREADS;
    return made;
}

/* product(a, b): the product of two matrices of float32 or float64, by BLAS as np.dot calls it. */
PyObject *
product(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    for (int i = 0; i < 2; i++) {
        if (count != 2 || !PyArray_CheckExact(args[i]))
            Py_RETURN_NONE;
        PyArrayObject *array = (PyArrayObject *)args[i];
        int type = PyArray_DESCR(array)->type_num;
        if (PyArray_NDIM(array) != 2 || (type != NPY_FLOAT && type != NPY_DOUBLE)
            || type != PyArray_DESCR((PyArrayObject *)args[0])->type_num)
            Py_RETURN_NONE;
    }
    return PyArray_MatrixProduct2(args[0], args[1], NULL);
}
