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
   where there is none (yet). Borrowed. */
static Push *
function_of(Push *known, PyObject *primitive, int inputs, PyObject *const *arrays,
            PyObject *const *tangents)
{
    static Push other; /* of a type that is not remembered */
    PyObject *dtype = dtype_of(arrays[0]), *key = dtype, *found, *steps;
    if (!dtype || !PyArray_DescrCheck(dtype)) {
        Py_XDECREF(dtype);
        return NULL;
    }
    int type = ((PyArray_Descr *)dtype)->type_num;
    int remembered = type == NPY_FLOAT || type == NPY_DOUBLE;
    known += (type == NPY_DOUBLE ? 4 : 0) + (tangents[0] != NULL) + 2 * (tangents[1] != NULL);
    if (remembered && known->function) {
        Py_DECREF(dtype);
        return known;
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
    steps = PyTuple_GET_ITEM(found, 0);
    if (!remembered) {
        other = (Push){PyTuple_GET_ITEM(found, 0), NULL};
        return &other;
    }
    known->function = Py_NewRef(PyTuple_GET_ITEM(found, 0));
    known->steps = Py_IS_TYPE(steps, &Steps_Type) ? Py_NewRef(steps) : NULL;
    return known;
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

/* Hang a tangent on the node of a new result, whose shape may be that of an input. */
static int
hang(PyObject *out, PyObject *tangent, PyObject *like)
{
    PyObject *node = SLOT(out, bound.node_of), *held;
    if (node == Py_None) {
        node = bound.node->tp_alloc(bound.node, 0);
        if (!node)
            return -1;
        Py_SETREF(SLOT(out, bound.node_of), node);
        FILL(node, bound.number, next_number(NULL, NULL));
        FILL(node, bound.shape, shape_as(SLOT(out, bound.array), SLOT(like, bound.node_of)));
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

/* Run an elementwise operation and push the tangents of its inputs: a tensor; None where another
   way must be gone; NULL with an exception. `moves` says whether an input moves. */
PyObject *
pushed(Push *known, PyObject *primitive, int inputs, PyObject *const *tensors,
       PyObject *const *arrays, PyObject *table, int *moves)
{
    PyObject *tangents[2] = {NULL, NULL}, *results[2] = {NULL, NULL}, *out = NULL;
    Push *found = NULL;
    int plain = 1, ran = 0;
    *moves = 0;
    for (int i = 0; i < inputs; i++)
        if ((tangents[i] = tangent_of(tensors[i], &plain)))
            *moves = 1;
    if (plain && *moves)
        found = function_of(known, primitive, inputs, arrays, tangents);
    if (!found) {
        *moves = *moves || !plain;
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    }
    PyObject *given[4] = {tangents[0], arrays[0], NULL, NULL};
    if (inputs == 2) {
        given[1] = tangents[1];
        given[2] = arrays[0];
        given[3] = arrays[1];
    }
    if (found->steps && (ran = steps_try(found->steps, given, results)) < 0)
        return NULL;
    if (!ran) {
        for (int i = 0; i < 2 * inputs; i++)
            given[i] = given[i] ? given[i] : Py_None;
        PyObject *function = Py_NewRef(found->function);
        PyObject *both = silently(function, given, 2 * inputs, NULL);
        Py_DECREF(function);
        if (!both && PyErr_ExceptionMatches(PyExc_Exception))
            PyErr_Clear(); /* the other way says what is wrong */
        if (both && PyTuple_CheckExact(both) && PyTuple_GET_SIZE(both) == 2)
            for (int i = 0; i < 2; i++)
                results[i] = Py_NewRef(PyTuple_GET_ITEM(both, i));
        Py_XDECREF(both);
    }
    if (results[0] && same_shape(results[0], results[1]) && is_defined(results[1]) == 1
        && (out = tensor_of(results[0]))) {
        if ((active_tapes
             && record_plainly(primitive, table, tensors, inputs, bound.no_params, out) < 0)
            || hang(out, results[1], tensors[0]))
            Py_CLEAR(out);
    }
    Py_XDECREF(results[0]);
    Py_XDECREF(results[1]);
    if (out || PyErr_Occurred())
        return out;
    Py_RETURN_NONE;
}

/* Push the tangents of an operation by the function for its signature (`straight_forward.signature`
   without directions): 1 done, 0 where Python has to do it, -1 with an exception. */
int
push_by_signature(PyObject *primitive, PyObject *inputs, PyObject *params, PyObject *out)
{
    PyObject *arguments[24], *parts[96], *name, *value, *key, *function, *tangent;
    Py_ssize_t count = PyTuple_GET_SIZE(inputs), place = 0, at = 0;
    int plain = 1, moves = 0, failed = 0;
    if (count > 8 || !Py_IS_TYPE(out, bound.tensor) || PyDict_GET_SIZE(params) > 16)
        return 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *tensor = PyTuple_GET_ITEM(inputs, i);
        arguments[i] = tangent_of(tensor, &plain);
        arguments[count + i] = SLOT(tensor, bound.array);
        moves |= arguments[i] != NULL;
    }
    if (!plain || PyErr_Occurred())
        return PyErr_Occurred() ? -1 : 0;
    if (!moves)
        return 1;
    if (SLOT(primitive, bound.differentiable) != Py_True)
        return 1;
    parts[place++] = Py_NewRef(Py_None);
    for (Py_ssize_t i = 0; i < count; i++) {
        parts[place++] = shape_of(arguments[count + i]);
        parts[place++] = dtype_of(arguments[count + i]);
        parts[place++] = Py_NewRef(arguments[i] ? Py_False : Py_True);
        arguments[i] = arguments[i] ? arguments[i] : Py_None;
    }
    parts[place++] = shape_of(SLOT(out, bound.array));
    while (PyDict_Next(params, &at, &name, &value))
        parts[place++] = Py_NewRef(name);
    at = 0;
    while (PyDict_Next(params, &at, &name, &value))
        parts[place++] = Py_NewRef(value);
    key = PyTuple_New(place);
    for (Py_ssize_t i = 0; i < place; i++) {
        failed |= !parts[i];
        if (key)
            PyTuple_SET_ITEM(key, i, parts[i]);
        else
            Py_XDECREF(parts[i]);
    }
    if (failed || !key) {
        Py_XDECREF(key);
        return -1;
    }
    function = Py_XNewRef(PyDict_GetItemWithError(SLOT(primitive, bound.pushes), key));
    Py_DECREF(key);
    PyErr_Clear(); /* a parameter is no key */
    if (!function || !PyCallable_Check(function)) {
        Py_XDECREF(function);
        return 0;
    }
    arguments[2 * count] = SLOT(out, bound.array);
    tangent = silently(function, arguments, 2 * count + 1, NULL);
    Py_DECREF(function);
    if (!tangent) {
        if (!PyErr_ExceptionMatches(PyExc_Exception))
            return -1;
        PyErr_Clear(); /* the rules say what is wrong */
        return 0;
    }
    if (same_shape(tangent, SLOT(out, bound.array)))
        failed = hang(out, tangent, PyTuple_GET_ITEM(inputs, 0)) ? -1 : 1;
    Py_DECREF(tangent);
    return failed;
}

/* Hang a tangent, whatever it is, on a leaf. */
static int
hang_on_leaf(PyObject *leaf, PyObject *mark, PyObject *tangent, PyObject *places)
{
    PyObject *held = SLOT(leaf, bound.tangents), *reference;
    if (!held && !(held = FILL(leaf, bound.tangents, PyDict_New())))
        return -1;
    if (PyDict_SetItem(held, mark, tangent) || !(reference = PyWeakref_NewRef(leaf, NULL)))
        return -1;
    int failed = PyList_Append(places, reference);
    Py_DECREF(reference);
    return failed;
}

/* watch(mark, places, primals, tangents): hang tangents on different tensors of floats that have a
   node, where they fit: True; False where that is not all there is to it, and nothing was done. */
PyObject *
watch(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 4 || !PyList_CheckExact(args[1])) {
        PyErr_SetString(PyExc_TypeError, "watch: needs a mark, a list of places, primals, tangents");
        return NULL;
    }
    PyObject *primals = args[2], *tangents = args[3];
    if (!PyList_CheckExact(primals) || !PyList_CheckExact(tangents))
        Py_RETURN_FALSE;
    Py_ssize_t size = PyList_GET_SIZE(primals);
    if (size != PyList_GET_SIZE(tangents) || size > 8)
        Py_RETURN_FALSE;
    for (Py_ssize_t i = 0; i < size; i++) {
        PyObject *x = PyList_GET_ITEM(primals, i), *t = PyList_GET_ITEM(tangents, i);
        View a, b;
        if (!Py_IS_TYPE(x, bound.tensor) || !Py_IS_TYPE(t, bound.tensor)
            || !Py_IS_TYPE(SLOT(x, bound.node_of), bound.node)
            || !view(SLOT(x, bound.array), &a) || !view(SLOT(t, bound.array), &b)
            || a.type != b.type || !same_shape(SLOT(x, bound.array), SLOT(t, bound.array)))
            Py_RETURN_FALSE;
        for (Py_ssize_t k = 0; k < i; k++)
            if (PyList_GET_ITEM(primals, k) == x)
                Py_RETURN_FALSE;
    }
    for (Py_ssize_t i = 0; i < size; i++) {
        PyObject *leaf = SLOT(PyList_GET_ITEM(primals, i), bound.node_of);
        if (hang_on_leaf(leaf, args[0], PyList_GET_ITEM(tangents, i), args[1]))
            return NULL;
    }
    Py_RETURN_TRUE;
}
