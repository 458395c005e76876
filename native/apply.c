/* Operations on tensors: the result and its record.
 *
 * `apply` is `dispatch.apply`. `Plain` is the short cut of one elementwise primitive; it returns
 * None where the case is not plain: Python then does the same from the start, and says what is
 * wrong where something is. */

#include "quick.h"

/* Let NumPy warn as before `PyContextVar_Set(bound.silent, ...)`; an exception that is set stays. */
void
speak_again(PyObject *token)
{
    PyObject *kind, *value, *trace;
    PyErr_Fetch(&kind, &value, &trace);
    if (PyContextVar_Reset(bound.silent, token))
        PyErr_Clear();
    Py_DECREF(token);
    PyErr_Restore(kind, value, trace);
}

/* Call a function of arrays while NumPy does not warn. */
PyObject *
silently(PyObject *function, PyObject *const *args, Py_ssize_t count, PyObject *params)
{
    PyObject *token = PyContextVar_Set(bound.silent, bound.errors), *out;
    if (!token)
        return NULL;
    out = PyObject_VectorcallDict(function, args, count, params);
    speak_again(token);
    return out;
}

/* Say a kernel's exception in words, as `raise explained(error, ...) from error`. */
static void
explain(PyObject *primitive, PyObject *inputs, PyObject *params)
{
    if (!PyErr_ExceptionMatches(bound.failures))
        return;
    PyObject *kind, *error, *trace, *told;
    PyErr_Fetch(&kind, &error, &trace);
    PyErr_NormalizeException(&kind, &error, &trace);
    if (trace)
        PyException_SetTraceback(error, trace);
    told = PyObject_CallFunctionObjArgs(
        bound.explained, error, SLOT(primitive, bound.name), inputs, params, NULL);
    if (told && told != error) {
        PyException_SetCause(told, Py_NewRef(error));
        PyException_SetContext(told, Py_NewRef(error));
    }
    if (told)
        PyErr_SetObject((PyObject *)Py_TYPE(told), told);
    Py_XDECREF(told);
    Py_DECREF(kind);
    Py_DECREF(error);
    Py_XDECREF(trace);
}

/* The arrays of a kernel's results as tensors. */
static PyObject *
wrapped(PyObject *value, int several)
{
    if (!several)
        return tensor_of(value);
    PyObject *all = PySequence_Tuple(value), *made;
    if (!all)
        return NULL;
    Py_ssize_t count = PyTuple_GET_SIZE(all);
    made = PyTuple_New(count);
    for (Py_ssize_t i = 0; made && i < count; i++) {
        PyObject *tensor = tensor_of(PyTuple_GET_ITEM(all, i));
        if (!tensor)
            Py_CLEAR(made);
        else
            PyTuple_SET_ITEM(made, i, tensor);
    }
    Py_DECREF(all);
    return made;
}

/* apply(primitive, inputs[, params]): as `dispatch.apply`. */
PyObject *
apply(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    PyObject *primitive = args[0], *inputs = count > 1 ? args[1] : NULL, *value, *out;
    PyObject *params = count > 2 ? args[2] : bound.no_params;
    if (count < 2 || count > 3 || !Py_IS_TYPE(primitive, bound.primitive_type)
        || !PyTuple_CheckExact(inputs) || !PyDict_CheckExact(params)) {
        PyErr_SetString(PyExc_TypeError, "apply: needs a primitive, a tuple of inputs, parameters");
        return NULL;
    }
    PyObject *given[32];
    Py_ssize_t size = PyTuple_GET_SIZE(inputs);
    int plain = size < 31 && !lookouts_on && (!is_special || active_pusher);
    for (Py_ssize_t i = 0; plain && i < size; i++) {
        PyObject *tensor = PyTuple_GET_ITEM(inputs, i);
        plain = Py_IS_TYPE(tensor, bound.tensor) && SLOT(tensor, bound.array);
        if (plain)
            given[i + 1] = SLOT(tensor, bound.array);
    }
    if (!plain)
        return PyObject_CallFunctionObjArgs(bound.apply_observed, primitive, inputs, params, NULL);
    given[0] = bound.space;
    value = silently(SLOT(primitive, bound.kernel), given, 1 + size,
                     PyDict_GET_SIZE(params) ? params : NULL);
    if (!value) {
        explain(primitive, inputs, params);
        return NULL;
    }
    out = wrapped(value, SLOT(primitive, bound.several) == Py_True);
    Py_DECREF(value);
    if (out && active_tapes && SLOT(primitive, bound.differentiable) == Py_True
        && record_plainly(
            primitive, NULL, ((PyTupleObject *)inputs)->ob_item, size, params, out) < 0)
        Py_CLEAR(out);
    int pushed = out && is_special ? push_by_signature(primitive, inputs, params, out) : 1;
    if (pushed < 0)
        Py_CLEAR(out);
    if (!pushed) { /* the pusher that looks on has another way */
        PyObject *seen[4] = {primitive, inputs, params, out}, *see, *done;
        see = PyObject_GetAttrString(active_pusher, "see");
        done = see ? silently(see, seen, 4, NULL) : NULL;
        Py_XDECREF(see);
        Py_XDECREF(done);
        if (!done)
            Py_CLEAR(out);
    }
    return out;
}

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *primitive;
    PyObject *run;    /* called with the arrays, or with `space` before them */
    PyObject *space;  /* the namespace for a kernel, NULL for a function of arrays */
    PyObject *kinds;  /* NumPy's letters of the dtypes that the operation takes */
    PyObject *table;  /* the pairs of `kept` by what is connected; NULL: nothing is recorded */
    Push pushes[8];   /* the primitive's, by type and by what moves */
    int inputs;
} Plain;

/* A number as an operand beside a tensor of floats, as a scalar of their type. */
static PyObject *
number_beside(PyObject *number, PyObject *array)
{
    int type = -1;
    if (PyArray_CheckExact(array))
        type = PyArray_DESCR((PyArrayObject *)array)->type_num;
    else if (Py_IS_TYPE(array, &PyFloatArrType_Type))
        type = NPY_FLOAT;
    else if (Py_IS_TYPE(array, &PyDoubleArrType_Type))
        type = NPY_DOUBLE;
    if (type != NPY_FLOAT && type != NPY_DOUBLE)
        return NULL;
    npy_double room;
    View seen;
    return view_number(number, type, &room, &seen) ? scalar_of(type, seen.data) : NULL;
}

/* The present tensor of a variable, which tapes watch from now on. */
static PyObject *
read_variable(PyObject *variable)
{
    static PyObject *read;
    if (!read && !(read = PyUnicode_InternFromString("_read")))
        return NULL;
    return PyObject_CallMethodNoArgs(variable, read);
}

/* The operands as tensors: 1; 0 where Python has to convert them; -1 with an exception. */
static int
operands(PyObject *const *args, int count, PyObject **found)
{
    for (int i = 0; i < count; i++) {
        if (Py_IS_TYPE(args[i], bound.tensor))
            found[i] = Py_NewRef(args[i]);
        else if (Py_IS_TYPE(args[i], bound.variable)) {
            if (!(found[i] = read_variable(args[i])))
                return -1;
            if (!Py_IS_TYPE(found[i], bound.tensor))
                return 0;
        }
    }
    for (int i = 0; i < count; i++) {
        if (found[i])
            continue;
        PyObject *beside = count == 2 ? found[1 - i] : NULL, *scalar;
        if (!beside)
            return 0;
        if (!(scalar = number_beside(args[i], SLOT(beside, bound.array))))
            return PyErr_Occurred() ? -1 : 0;
        found[i] = tensor_of(scalar);
        Py_DECREF(scalar);
        if (!found[i])
            return -1;
    }
    return 1;
}

/* Whether all arrays have one dtype, of a kind that the operation takes. */
static int
dtypes_fit(Plain *self, PyObject *const *arrays)
{
    PyObject *first = dtype_of(arrays[0]);
    if (!first) {
        PyErr_Clear();
        return 0;
    }
    int fits = PyArray_DescrCheck(first)
        && PyUnicode_FindChar(self->kinds, ((PyArray_Descr *)first)->kind, 0,
                              PyUnicode_GET_LENGTH(self->kinds), 1) >= 0;
    if (fits && self->inputs == 2) {
        PyObject *second = dtype_of(arrays[1]);
        fits = second == first;
        Py_XDECREF(second);
        if (!second)
            PyErr_Clear();
    }
    Py_DECREF(first);
    return fits;
}

static PyObject *
computed(Plain *self, PyObject *const *arrays)
{
    PyObject *out;
    if (quick_try(self->run, arrays, &out))
        return out;
    if (!self->space)
        return silently(self->run, arrays, self->inputs, NULL);
    PyObject *given[3] = {self->space, arrays[0], self->inputs == 2 ? arrays[1] : NULL};
    return silently(self->run, given, 1 + self->inputs, NULL);
}

static PyObject *
plain_call(PyObject *callable, PyObject *const *args, size_t flags, PyObject *names)
{
    Plain *self = (Plain *)callable;
    int checks = lookouts_on && !is_special && checks_plainly();
    if ((lookouts_on && !checks) || (is_special && !(active_pusher && self->table)) || names
        || PyVectorcall_NARGS(flags) != self->inputs)
        Py_RETURN_NONE;
    PyObject *tensors[2] = {NULL, NULL}, *arrays[2] = {NULL, NULL}, *value, *out = NULL;
    int ready = operands(args, self->inputs, tensors);
    if (ready > 0) {
        for (int i = 0; i < self->inputs; i++)
            arrays[i] = SLOT(tensors[i], bound.array);
        ready = arrays[0] && (self->inputs == 1 || arrays[1]) && dtypes_fit(self, arrays);
    }
    int moves = 0;
    if (ready > 0 && is_special) {
        out = pushed(
            self->pushes, self->primitive, self->inputs, tensors, arrays, self->table, &moves);
        if (out && !moves)
            Py_CLEAR(out);
    }
    if (ready > 0 && !moves && !PyErr_Occurred()) {
        value = computed(self, arrays);
        if (value) {
            if (value != Py_None /* a function of ours that leaves it to Python */
                && (!checks || plainly_finite(value)))
                out = tensor_of(value);
            Py_DECREF(value);
        }
        else if (PyErr_ExceptionMatches(PyExc_Exception))
            PyErr_Clear(); /* Python does it again and says what is wrong */
    }
    if (out && !moves && self->table && active_tapes
        && record_plainly(
            self->primitive, self->table, tensors, self->inputs, bound.no_params, out) < 0)
        Py_CLEAR(out);
    if (out && checks && note_place(out))
        Py_CLEAR(out);
    Py_XDECREF(tensors[0]);
    Py_XDECREF(tensors[1]);
    if (out || PyErr_Occurred())
        return out;
    Py_RETURN_NONE;
}

static PyObject *
plain_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"primitive", "run", "space", "kinds", "inputs", "table", NULL};
    PyObject *primitive, *run, *space, *kinds, *table;
    int inputs;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOOUiO:Plain", names, &primitive, &run,
                                     &space, &kinds, &inputs, &table))
        return NULL;
    if (inputs < 1 || inputs > 2
        || (table != Py_None
            && !(PyTuple_CheckExact(table) && PyTuple_GET_SIZE(table) == 1 << inputs))) {
        PyErr_SetString(PyExc_ValueError, "Plain: one or two inputs, and a table for each choice");
        return NULL;
    }
    Plain *self = (Plain *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->call = plain_call;
    self->primitive = Py_NewRef(primitive);
    self->run = Py_NewRef(run);
    self->space = space == Py_None ? NULL : Py_NewRef(space);
    self->kinds = Py_NewRef(kinds);
    self->inputs = inputs;
    self->table = table == Py_None ? NULL : Py_NewRef(table);
    return (PyObject *)self;
}

static void
plain_dealloc(PyObject *object)
{
    Plain *self = (Plain *)object;
    Py_XDECREF(self->primitive);
    Py_XDECREF(self->run);
    Py_XDECREF(self->space);
    Py_XDECREF(self->kinds);
    Py_XDECREF(self->table);
    for (int i = 0; i < 8; i++) {
        Py_XDECREF(self->pushes[i].function);
        Py_XDECREF(self->pushes[i].steps);
    }
    Py_TYPE(object)->tp_free(object);
}

PyTypeObject Plain_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "gradtape.core._quick.Plain",
    .tp_doc = PyDoc_STR("Plain(primitive, run, space, kinds, inputs, table): the short cut of an "
                        "elementwise primitive; None where the case is not plain."),
    .tp_basicsize = sizeof(Plain),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_vectorcall_offset = offsetof(Plain, call),
    .tp_call = PyVectorcall_Call,
    .tp_new = plain_new,
    .tp_dealloc = plain_dealloc,
};
