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
