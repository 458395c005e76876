/* Operations while a forward accumulator looks on, and nothing else that is special: the result and
 * its tangent by one function of arrays (`Pusher.run_one` and `run_two`). */

#include "quick.h"

_Thread_local PyObject *active_pusher = NULL;

static PyObject *mark_name, *places_name, *limit_name, *tidy_name;

static int
intern_names(void)
{
    if (tidy_name)
        return 0;
    mark_name = PyUnicode_InternFromString("_mark");
    places_name = PyUnicode_InternFromString("_places");
    limit_name = PyUnicode_InternFromString("_limit");
    tidy_name = PyUnicode_InternFromString("_tidy");
    return mark_name && places_name && limit_name && tidy_name ? 0 : -1;
}

/* The tangent of an input as an array, NULL where it does not move. Borrowed. Sets `plain` to 0
   where only Python can find it. */
static PyObject *
tangent_of(PyObject *tensor, PyObject *mark, int *plain)
{
    PyObject *node = SLOT(tensor, bound.node_of), *held, *found;
    if (node == Py_None)
        return NULL;
    if (Py_IS_TYPE(node, bound.part)) {
        *plain = 0;
        return NULL;
    }
    held = SLOT(node, bound.tangents);
    found = held && PyDict_CheckExact(held) ? PyDict_GetItemWithError(held, mark) : NULL;
    if (found && Py_IS_TYPE(found, bound.tensor))
        return SLOT(found, bound.array);
    if (found && !PyArray_CheckExact(found) && !PyArray_CheckScalar(found))
        *plain = 0;
    return found;
}

/* The function of an elementwise primitive for these dtypes and for what moves. Borrowed. */
static PyObject *
function_of(PyObject *primitive, int inputs, PyObject *const *arrays, PyObject *const *tangents)
{
    PyObject *key = dtype_of(arrays[0]), *found = NULL;
    if (key && inputs == 2) {
        PyObject *first = key, *second = dtype_of(arrays[1]);
        key = second ? PyTuple_Pack(4, first, second, tangents[0] ? Py_False : Py_True,
                                    tangents[1] ? Py_False : Py_True) : NULL;
        Py_DECREF(first);
        Py_XDECREF(second);
    }
    if (key)
        found = PyDict_GetItemWithError(SLOT(primitive, bound.pushes), key);
    Py_XDECREF(key);
    return found && PyTuple_CheckExact(found) ? PyTuple_GET_ITEM(found, 0) : NULL;
}

/* Whether no element of a tangent is nan; -1 with an exception. */
static int
is_defined(PyObject *tangent)
{
    int answer = all_defined(tangent);
    if (answer >= 0)
        return answer;
    PyObject *told = PyObject_CallOneArg(bound.defined, tangent);
    answer = told ? PyObject_IsTrue(told) : -1;
    Py_XDECREF(told);
    return answer;
}

/* Hang a tangent on the node of a new result. */
static int
hang(PyObject *out, PyObject *mark, PyObject *tangent)
{
    PyObject *node = SLOT(out, bound.node_of), *places = NULL, *reference = NULL, *limit = NULL;
    int failed = -1;
    if (node == Py_None) {
        node = bound.node->tp_alloc(bound.node, 0);
        if (!node)
            return -1;
        Py_SETREF(SLOT(out, bound.node_of), node);
        FILL(node, bound.number, PyObject_CallNoArgs(bound.next_number));
        FILL(node, bound.shape, shape_of(SLOT(out, bound.array)));
        FILL(node, bound.dtype, dtype_of(SLOT(out, bound.array)));
        FILL(node, bound.tapes, PyTuple_New(0));
        if (!SLOT(node, bound.number) || !SLOT(node, bound.shape) || !SLOT(node, bound.dtype)
            || !SLOT(node, bound.tapes))
            return -1;
    }
    PyObject *held = PyDict_New();
    if (!held || PyDict_SetItem(held, mark, tangent)) {
        Py_XDECREF(held);
        return -1;
    }
    Py_XSETREF(SLOT(node, bound.tangents), held);
    places = PyObject_GetAttr(active_pusher, places_name);
    limit = PyObject_GetAttr(active_pusher, limit_name);
    reference = PyWeakref_NewRef(node, NULL);
    if (places && limit && reference && PyList_CheckExact(places)
        && !PyList_Append(places, reference)) {
        failed = 0;
        if (PyList_GET_SIZE(places) > PyLong_AsSsize_t(limit)) {
            PyObject *done = PyObject_CallMethodNoArgs(active_pusher, tidy_name);
            failed = done ? 0 : -1;
            Py_XDECREF(done);
        }
    }
    Py_XDECREF(places);
    Py_XDECREF(limit);
    Py_XDECREF(reference);
    return failed;
}

/* Run an elementwise operation and push the tangents of its inputs: a tensor; None where another
   way must be gone; NULL with an exception. `moves` says whether an input moves. */
PyObject *
pushed(PyObject *primitive, int inputs, PyObject *const *tensors, PyObject *const *arrays,
       PyObject *table, int *moves)
{
    PyObject *tangents[2] = {NULL, NULL}, *function, *both = NULL, *out = NULL, *mark;
    int plain = 1;
    *moves = 0;
    if (intern_names() || !(mark = PyObject_GetAttr(active_pusher, mark_name)))
        return NULL;
    for (int i = 0; i < inputs; i++)
        if ((tangents[i] = tangent_of(tensors[i], mark, &plain)))
            *moves = 1;
    function = plain && *moves ? function_of(primitive, inputs, arrays, tangents) : NULL;
    if (!plain || !*moves || !function) {
        *moves = *moves || !plain;
        Py_DECREF(mark);
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    }
    PyObject *given[4] = {tangents[0] ? tangents[0] : Py_None, arrays[0], NULL, NULL};
    if (inputs == 2) {
        given[1] = tangents[1] ? tangents[1] : Py_None;
        given[2] = arrays[0];
        given[3] = arrays[1];
    }
    Py_INCREF(function);
    both = silently(function, given, 2 * inputs, NULL);
    Py_DECREF(function);
    if (!both && PyErr_ExceptionMatches(PyExc_Exception))
        PyErr_Clear(); /* the other way says what is wrong */
    if (both && PyTuple_CheckExact(both) && PyTuple_GET_SIZE(both) == 2) {
        PyObject *value = PyTuple_GET_ITEM(both, 0), *tangent = PyTuple_GET_ITEM(both, 1);
        PyObject *shape = shape_of(value);
        int fits = shape && has_shape(tangent, shape) && is_defined(tangent) == 1;
        Py_XDECREF(shape);
        if (fits)
            out = tensor_of(value);
        if (out
            && ((active_tapes
                 && record_plainly(primitive, table, tensors, inputs, bound.no_params, out) < 0)
                || hang(out, mark, tangent)))
            Py_CLEAR(out);
    }
    Py_XDECREF(both);
    Py_DECREF(mark);
    if (out || PyErr_Occurred())
        return out;
    Py_RETURN_NONE;
}
