/* Elements of data pipelines on their way through functions of the program. */

#include "quick.h"

/* shown(leaf): numbers as a tensor, anything else as it is. */
PyObject *
shown(PyObject *self, PyObject *leaf)
{
    int array = PyArray_Check(leaf);
    if (!array && !PyArray_CheckScalar(leaf))
        return Py_NewRef(leaf);
    char kind = array ? PyArray_DESCR((PyArrayObject *)leaf)->kind : 0;
    if (kind == 'U' || kind == 'S' || (!array && PyArray_IsScalar(leaf, Character)))
        return Py_NewRef(leaf);
    return tensor_of(leaf);
}

/* element(value): the element of a tensor or a tuple of tensors; None for anything else. */
PyObject *
element(PyObject *self, PyObject *value)
{
    int single = Py_IS_TYPE(value, bound.tensor);
    if (!single && !PyTuple_CheckExact(value))
        Py_RETURN_NONE;
    Py_ssize_t count = single ? 1 : PyTuple_GET_SIZE(value);
    for (Py_ssize_t i = 0; !single && i < count; i++)
        if (!Py_IS_TYPE(PyTuple_GET_ITEM(value, i), bound.tensor))
            Py_RETURN_NONE;
    PyObject *leaves = PyList_New(count), *made = PyTuple_New(2);
    PyObject *tree = single ? Py_NewRef(Py_None) : PyLong_FromSsize_t(count);
    if (!leaves || !made || !tree) {
        Py_XDECREF(leaves);
        Py_XDECREF(made);
        Py_XDECREF(tree);
        return NULL;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *tensor = single ? value : PyTuple_GET_ITEM(value, i);
        PyList_SET_ITEM(leaves, i, Py_NewRef(SLOT(tensor, bound.array)));
    }
    PyTuple_SET_ITEM(made, 0, tree);
    PyTuple_SET_ITEM(made, 1, leaves);
    return made;
}

#define MOST_LEAVES 16

/* each(function, rows, found, start): appends to a list the elements that a function returns for rows, from
one on; a row is (tree, leaves), and its leaves are the arguments. None at the end, or (value,) for a value
that is no tensor and no tuple of tensors. */
PyObject *
each(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    Py_ssize_t start = count == 4 ? PyLong_AsSsize_t(args[3]) : -1;
    if (start < 0 || !PyList_CheckExact(args[1]) || !PyList_CheckExact(args[2])) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "each(function, rows, found, start): two lists and a number");
        return NULL;
    }
    for (Py_ssize_t i = start; i < PyList_GET_SIZE(args[1]); i++) {
        PyObject *row = PyList_GET_ITEM(args[1], i), *given[1 + MOST_LEAVES], **leaves = given + 1;
        PyObject *taken = PyTuple_CheckExact(row) && PyTuple_GET_SIZE(row) == 2 ? PyTuple_GET_ITEM(row, 1) : NULL;
        if (taken == NULL || !PyTuple_CheckExact(taken) || PyTuple_GET_SIZE(taken) > MOST_LEAVES) {
            PyErr_SetString(PyExc_TypeError, "each: a row is a tree and a tuple of leaves");
            return NULL;
        }
        Py_ssize_t had = 0, size = PyTuple_GET_SIZE(taken);
        while (had < size && (leaves[had] = shown(self, PyTuple_GET_ITEM(taken, had))) != NULL)
            had++;
        PyObject *value = NULL, *found = NULL;
        if (had == size)
            value = PyObject_Vectorcall(args[0], leaves, size | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
        while (had > 0)
            Py_DECREF(leaves[--had]);
        found = value == NULL ? NULL : element(self, value);
        if (found == Py_None) {
            PyObject *odd = PyTuple_Pack(1, value);
            Py_DECREF(found);
            Py_DECREF(value);
            return odd;
        }
        int bad = found == NULL || PyList_Append(args[2], found);
        Py_XDECREF(found);
        Py_XDECREF(value);
        if (bad)
            return NULL;
    }
    Py_RETURN_NONE;
}

#define AHEAD 512 /* bytes of the next row that are asked for early */

static int
fits(PyObject *leaf, PyArrayObject *out)
{
    if (!PyArray_CheckExact(leaf) || PyArray_NDIM((PyArrayObject *)leaf) != PyArray_NDIM(out) - 1)
        return 0;
    PyArrayObject *row = (PyArrayObject *)leaf;
    return PyArray_DESCR(row) == PyArray_DESCR(out) && PyArray_IS_C_CONTIGUOUS(row)
        && PyArray_CompareLists(PyArray_DIMS(row), PyArray_DIMS(out) + 1, PyArray_NDIM(row));
}

/* stack_into(leaves, out): True after arrays of one shape and dtype were written into the rows of an array;
False, and nothing is promised of the array, where they are not plainly such. */
PyObject *
stack_into(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2 || !PyTuple_CheckExact(args[0]) || !PyArray_CheckExact(args[1])) {
        PyErr_SetString(PyExc_TypeError, "stack_into(leaves, out): a tuple and an array");
        return NULL;
    }
    PyArrayObject *out = (PyArrayObject *)args[1];
    Py_ssize_t size = PyTuple_GET_SIZE(args[0]);
    if (PyArray_NDIM(out) < 1 || PyArray_DIM(out, 0) != size || !PyArray_IS_C_CONTIGUOUS(out)
        || PyDataType_REFCHK(PyArray_DESCR(out)))
        Py_RETURN_FALSE;
    for (Py_ssize_t i = 0; i < size; i++)
        if (!fits(PyTuple_GET_ITEM(args[0], i), out))
            Py_RETURN_FALSE;
    size_t bytes = size ? PyArray_NBYTES(out) / size : 0;
    for (Py_ssize_t i = 0; i < size; i++) {
        if (i + 1 < size) {
            const char *next = PyArray_DATA((PyArrayObject *)PyTuple_GET_ITEM(args[0], i + 1));
            for (size_t at = 0; at < bytes && at < AHEAD; at += 64)
                __builtin_prefetch(next + at);
        }
        memcpy(PyArray_BYTES(out) + i * bytes, PyArray_DATA((PyArrayObject *)PyTuple_GET_ITEM(args[0], i)), bytes);
    }
    Py_RETURN_TRUE;
}
