/* Operations while a forward accumulator looks on, and nothing else that is special: the result and
 * its tangent by one function of arrays (`Pusher.run_one` and `run_two`). */

#include "quick.h"

_Thread_local PyObject *active_pusher = NULL;
_Thread_local PyObject *active_mark = NULL;

/* Make a pusher the only special thing of this thread, or None. */
int
set_pusher(PyObject *pusher)
{
    PyObject *mark = pusher == Py_None ? NULL : PyObject_GetAttrString(pusher, "_mark");
    if (pusher != Py_None && !mark)
        return -1;
    Py_XSETREF(active_pusher, pusher == Py_None ? NULL : Py_NewRef(pusher));
    Py_XSETREF(active_mark, mark);
    return 0;
}

/* The tangent of an input as an array, NULL where it does not move. Borrowed. Sets `plain` to 0
   where only Python can find it. */
static PyObject *
tangent_of(PyObject *tensor, int *plain)
{
    PyObject *node = SLOT(tensor, bound.node_of), *held, *found;
    if (node == Py_None)
        return NULL;
    if (Py_IS_TYPE(node, bound.part)) {
        *plain = 0;
        return NULL;
    }
    held = SLOT(node, bound.tangents);
    found = held && PyDict_CheckExact(held) ? PyDict_GetItemWithError(held, active_mark) : NULL;
    if (found && Py_IS_TYPE(found, bound.tensor))
        return SLOT(found, bound.array);
    if (found && !PyArray_CheckExact(found) && !PyArray_CheckScalar(found))
        *plain = 0;
    return found;
}

/* The function of an elementwise primitive for the dtype of its arrays and for what moves; NULL
   where there is none (yet). `alone`: it calls nothing but `Quick` functions. */
static PyObject *
function_of(Push *known, PyObject *primitive, int inputs, PyObject *const *arrays,
            PyObject *const *tangents, int *alone)
{
    PyObject *dtype = dtype_of(arrays[0]), *key = dtype, *found;
    if (!dtype)
        return NULL;
    if (PyArray_DescrCheck(dtype)) {
        int type = ((PyArray_Descr *)dtype)->type_num;
        known += (type == NPY_DOUBLE ? 4 : 0) + (tangents[0] != NULL) + 2 * (tangents[1] != NULL);
        if (known->function && (type == NPY_FLOAT || type == NPY_DOUBLE)) {
            Py_DECREF(dtype);
            *alone = known->alone;
            return known->function;
        }
        if (type != NPY_FLOAT && type != NPY_DOUBLE)
            known = NULL;
    }
    if (inputs == 2) {
        key = PyTuple_Pack(4, dtype, dtype, tangents[0] ? Py_False : Py_True,
                           tangents[1] ? Py_False : Py_True);
        Py_DECREF(dtype);
        if (!key)
            return NULL;
    }
    found = PyDict_GetItemWithError(SLOT(primitive, bound.pushes), key);
    Py_DECREF(key);
    if (!found || !PyTuple_CheckExact(found))
        return NULL;
    *alone = PyTuple_GET_ITEM(found, 2) == Py_True;
    if (known) {
        known->function = Py_NewRef(PyTuple_GET_ITEM(found, 0));
        known->alone = *alone;
    }
    return PyTuple_GET_ITEM(found, 0);
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

/* Let the pusher know, weakly, a node that holds a large tangent: it takes that away at its end. */
static int
note(PyObject *node)
{
    PyObject *places = PyObject_GetAttrString(active_pusher, "_places"), *done;
    PyObject *reference = places ? PyWeakref_NewRef(node, NULL) : NULL;
    int failed = !reference || !PyList_CheckExact(places) || PyList_Append(places, reference);
    if (!failed && !(PyList_GET_SIZE(places) & 255)) {
        done = PyObject_CallMethod(active_pusher, "_tidy", NULL);
        failed = !done;
        Py_XDECREF(done);
    }
    Py_XDECREF(places);
    Py_XDECREF(reference);
    return failed ? -1 : 0;
}

/* Hang a tangent on the node of a new result. */
static int
hang(PyObject *out, PyObject *tangent)
{
    PyObject *node = SLOT(out, bound.node_of), *held;
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
    held = PyDict_New();
    if (!held || PyDict_SetItem(held, active_mark, tangent)) {
        Py_XDECREF(held);
        return -1;
    }
    Py_XSETREF(SLOT(node, bound.tangents), held);
    if (PyArray_CheckExact(tangent) && PyArray_SIZE((PyArrayObject *)tangent) > MOST)
        return note(node);
    return 0;
}

/* Whether a function that calls nothing but `Quick` functions stays with them: all arrays are plain
   and alike, or scalars. */
static int
all_plain(PyObject *const *given, int count)
{
    View like = {NULL, NULL, 1, 0, -1}, seen;
    for (int i = 0; i < count; i++) {
        if (given[i] == Py_None)
            continue;
        if (!view(given[i], &seen) || seen.size > MOST || !seen.size)
            return 0;
        if (seen.rank < 0)
            continue;
        if (like.rank > 0
            && (like.rank != seen.rank
                || memcmp(like.dims, seen.dims, seen.rank * sizeof(npy_intp))))
            return 0;
        like = seen;
    }
    return 1;
}

/* Run an elementwise operation and push the tangents of its inputs: a tensor; None where another
   way must be gone; NULL with an exception. `moves` says whether an input moves. */
PyObject *
pushed(Push *known, PyObject *primitive, int inputs, PyObject *const *tensors,
       PyObject *const *arrays, PyObject *table, int *moves)
{
    PyObject *tangents[2] = {NULL, NULL}, *function, *both = NULL, *out = NULL;
    int plain = 1, alone = 0;
    *moves = 0;
    for (int i = 0; i < inputs; i++)
        if ((tangents[i] = tangent_of(tensors[i], &plain)))
            *moves = 1;
    function = plain && *moves
        ? function_of(known, primitive, inputs, arrays, tangents, &alone) : NULL;
    if (!function) {
        *moves = *moves || !plain;
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    }
    PyObject *given[4] = {tangents[0] ? tangents[0] : Py_None, arrays[0], NULL, NULL};
    if (inputs == 2) {
        given[1] = tangents[1] ? tangents[1] : Py_None;
        given[2] = arrays[0];
        given[3] = arrays[1];
    }
    Py_INCREF(function);
    if (alone && all_plain(given, 2 * inputs))
        both = PyObject_Vectorcall(function, given, 2 * inputs, NULL);
    else
        both = silently(function, given, 2 * inputs, NULL);
    Py_DECREF(function);
    if (!both && PyErr_ExceptionMatches(PyExc_Exception))
        PyErr_Clear(); /* the other way says what is wrong */
    if (both && PyTuple_CheckExact(both) && PyTuple_GET_SIZE(both) == 2) {
        PyObject *value = PyTuple_GET_ITEM(both, 0), *tangent = PyTuple_GET_ITEM(both, 1);
        if (same_shape(value, tangent) && is_defined(tangent) == 1)
            out = tensor_of(value);
        if (out
            && ((active_tapes
                 && record_plainly(primitive, table, tensors, inputs, bound.no_params, out) < 0)
                || hang(out, tangent)))
            Py_CLEAR(out);
    }
    Py_XDECREF(both);
    if (out || PyErr_Occurred())
        return out;
    Py_RETURN_NONE;
}
