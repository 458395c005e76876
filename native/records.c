/* Operations on tensors: the result, and its record for the tapes.
 *
 * `Plain` is the short cut of one elementwise primitive. It returns None where the case is not
 * plain: Python then does the same from the start, and says what is wrong where something is.
 * `record` is `dispatch.record` for one tape and one result. */

#include "quick.h"

_Thread_local PyObject *active_tapes = NULL;
_Thread_local int is_special = 0;
int lookouts_on = 0;

/* set_state(tapes, special): what is active in this thread. */
PyObject *
set_state(PyObject *self, PyObject *args)
{
    PyObject *tapes;
    int special;
    if (!PyArg_ParseTuple(args, "O!p:set_state", &PyTuple_Type, &tapes, &special))
        return NULL;
    Py_XSETREF(active_tapes, PyTuple_GET_SIZE(tapes) ? Py_NewRef(tapes) : NULL);
    is_special = special;
    Py_RETURN_NONE;
}

/* set_lookouts(flag): whether somebody looks on in every thread. */
PyObject *
set_lookouts(PyObject *self, PyObject *flag)
{
    int on = PyObject_IsTrue(flag);
    if (on < 0)
        return NULL;
    lookouts_on = on;
    Py_RETURN_NONE;
}

/* A tensor without a node. */
PyObject *
tensor_of(PyObject *array)
{
    PyObject *made = bound.tensor->tp_alloc(bound.tensor, 0);
    if (made) {
        FILL(made, bound.array, Py_NewRef(array));
        FILL(made, bound.node_of, Py_NewRef(Py_None));
    }
    return made;
}

/* Whether a tape recorded or watches a node; -1 with an exception. */
static int
knows(PyObject *tape, PyObject *node)
{
    PyObject *tapes = SLOT(node, bound.tapes);
    if (tapes == active_tapes)
        return 1;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tapes); i++)
        if (PyTuple_GET_ITEM(tapes, i) == tape)
            return 1;
    return PyDict_Contains(SLOT(tape, bound.watched), node);
}

/* How the rules need the inputs and the output, for a choice of connected inputs: a pair. */
static PyObject *
kept(PyObject *primitive, PyObject *parents)
{
    static PyObject *table_name, *method;
    if (!table_name && !(table_name = PyUnicode_InternFromString("_kept")))
        return NULL;
    if (!method && !(method = PyUnicode_InternFromString("kept")))
        return NULL;
    Py_ssize_t count = PyTuple_GET_SIZE(parents);
    PyObject *mask = PyTuple_New(count), *table = PyObject_GetAttr(primitive, table_name);
    PyObject *found = NULL;
    if (mask && table) {
        for (Py_ssize_t i = 0; i < count; i++)
            PyTuple_SET_ITEM(mask, i, PyBool_FromLong(PyTuple_GET_ITEM(parents, i) != Py_None));
        found = Py_XNewRef(PyDict_GetItemWithError(table, mask));
        if (!found && !PyErr_Occurred())
            found = PyObject_CallMethodOneArg(primitive, method, mask);
    }
    Py_XDECREF(mask);
    Py_XDECREF(table);
    return found;
}

/* The inputs as a record keeps them: whole, by shape and dtype (the node has them), or not. */
static PyObject *
saved(PyObject *const *inputs, PyObject *how, PyObject *parents)
{
    Py_ssize_t count = PyTuple_GET_SIZE(parents);
    PyObject *made = PyTuple_New(count);
    for (Py_ssize_t i = 0; made && i < count; i++) {
        long need = PyLong_AsLong(PyTuple_GET_ITEM(how, i));
        PyObject *parent = PyTuple_GET_ITEM(parents, i), *value;
        if (need == 2)
            value = Py_NewRef(inputs[i]);
        else if (need == 0)
            value = Py_NewRef(Py_None);
        else if (parent != Py_None)
            value = Py_NewRef(parent);
        else {
            PyObject *shape = PyObject_GetAttrString(inputs[i], "_shape");
            PyObject *dtype = PyObject_GetAttrString(inputs[i], "_dtype");
            value = shape && dtype
                ? PyObject_CallFunctionObjArgs(bound.spec, shape, dtype, NULL) : NULL;
            Py_XDECREF(shape);
            Py_XDECREF(dtype);
        }
        if (!value)
            Py_CLEAR(made);
        else
            PyTuple_SET_ITEM(made, i, value);
    }
    return made;
}

/* `Record(...)` of one tape; the references to parents, inputs and out are taken over. */
static PyObject *
new_record(PyObject *primitive, PyObject *parents, PyObject *inputs, PyObject *out,
           PyObject *params, PyObject *array)
{
    PyObject *tape = PyTuple_GET_ITEM(active_tapes, 0), *records = SLOT(tape, bound.records);
    PyObject *made = bound.record->tp_alloc(bound.record, 0), *reference;
    if (!made) {
        Py_DECREF(parents);
        Py_DECREF(inputs);
        Py_DECREF(out);
        return NULL;
    }
    FILL(made, bound.parents, parents);
    FILL(made, bound.inputs, inputs);
    FILL(made, bound.out, out);
    FILL(made, bound.primitive, Py_NewRef(primitive));
    FILL(made, bound.params, Py_NewRef(params));
    FILL(made, bound.tapes, Py_NewRef(active_tapes));
    FILL(made, bound.shape, shape_of(array));
    FILL(made, bound.dtype, dtype_of(array));
    FILL(made, bound.number, PyObject_CallNoArgs(bound.next_number));
    if (!SLOT(made, bound.shape) || !SLOT(made, bound.dtype) || !SLOT(made, bound.number))
        goto failed;
    reference = PyWeakref_NewRef(made, NULL);
    if (!reference || PyList_Append(records, reference)) {
        Py_XDECREF(reference);
        goto failed;
    }
    Py_DECREF(reference);
    PyObject *notable = PyObject_GetAttrString(primitive, "notable");
    if (!notable)
        goto failed;
    if (notable == Py_True)
        Py_XSETREF(SLOT(tape, bound.notable), Py_NewRef(Py_True));
    Py_DECREF(notable);
    if (!(PyLong_AsLongLong(SLOT(made, bound.number)) & 1023)) {
        PyObject *done = PyObject_CallMethod(tape, "tidy", NULL);
        if (!done)
            goto failed;
        Py_DECREF(done);
    }
    return made;
failed:
    Py_DECREF(made);
    return NULL;
}

/* Put a result on a record where the only active tape knows an input: 1, 0, or -1 with an
   exception. A table has the pairs of `kept`, by the bits of what is connected. */
static int
put_on_record(PyObject *primitive, PyObject *table, PyObject *const *inputs, Py_ssize_t count,
              PyObject *params, PyObject *out)
{
    PyObject *tape = PyTuple_GET_ITEM(active_tapes, 0), *array = SLOT(out, bound.array);
    PyObject *parents = NULL, *how, *made, *keeps, *output;
    int mask = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *node = SLOT(inputs[i], bound.node_of);
        if (node == Py_None)
            continue;
        int known = knows(tape, node);
        if (known < 0) {
            Py_XDECREF(parents);
            return -1;
        }
        if (!known)
            continue;
        if (!parents) {
            if (!(parents = PyTuple_New(count)))
                return -1;
            for (Py_ssize_t k = 0; k < count; k++)
                PyTuple_SET_ITEM(parents, k, Py_NewRef(Py_None));
        }
        Py_DECREF(PyTuple_GET_ITEM(parents, i));
        PyTuple_SET_ITEM(parents, i, Py_NewRef(node));
        mask |= 1 << i;
    }
    if (!parents)
        return 0;
    how = table ? Py_NewRef(PyTuple_GET_ITEM(table, mask)) : kept(primitive, parents);
    if (!how) {
        Py_DECREF(parents);
        return -1;
    }
    keeps = saved(inputs, PyTuple_GET_ITEM(how, 0), parents);
    output = PyTuple_GET_ITEM(how, 1) == Py_True ? tensor_of(array) : Py_NewRef(Py_None);
    Py_DECREF(how);
    if (!keeps || !output) {
        Py_DECREF(parents);
        Py_XDECREF(keeps);
        Py_XDECREF(output);
        return -1;
    }
    made = new_record(primitive, parents, keeps, output, params, array);
    if (!made)
        return -1;
    Py_XSETREF(SLOT(out, bound.node_of), made);
    return 1;
}

/* Whether a result's dtype has derivatives as far as can be seen here: a float or complex one. */
static int
of_floats(PyObject *array)
{
    if (PyArray_CheckExact(array)) {
        char kind = PyArray_DESCR((PyArrayObject *)array)->kind;
        return kind == 'f' || kind == 'c';
    }
    return Py_IS_TYPE(array, &PyFloatArrType_Type) || Py_IS_TYPE(array, &PyDoubleArrType_Type);
}

static int
record_plainly(PyObject *primitive, PyObject *table, PyObject *const *inputs, Py_ssize_t count,
               PyObject *params, PyObject *out)
{
    int plain = PyTuple_GET_SIZE(active_tapes) == 1 && Py_IS_TYPE(out, bound.tensor)
        && count < 32 && of_floats(SLOT(out, bound.array));
    for (Py_ssize_t i = 0; plain && i < count; i++)
        plain = PyObject_TypeCheck(inputs[i], bound.tensor);
    if (plain)
        return put_on_record(primitive, table, inputs, count, params, out);
    PyObject *all = PyTuple_New(count), *done;
    if (!all)
        return -1;
    for (Py_ssize_t i = 0; i < count; i++)
        PyTuple_SET_ITEM(all, i, Py_NewRef(inputs[i]));
    done = PyObject_CallFunctionObjArgs(bound.record_any, primitive, all, params, out, NULL);
    Py_DECREF(all);
    Py_XDECREF(done);
    return done ? 1 : -1;
}

/* record(primitive, inputs, params, out): as `dispatch.record`. */
PyObject *
record_quick(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 4 || !PyTuple_CheckExact(args[1])) {
        PyErr_SetString(PyExc_TypeError, "record: needs a primitive, a tuple of inputs, parameters "
                                         "and a result");
        return NULL;
    }
    PyObject *const *inputs = ((PyTupleObject *)args[1])->ob_item;
    if (active_tapes
        && record_plainly(args[0], NULL, inputs, PyTuple_GET_SIZE(args[1]), args[2], args[3]) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* record_one(primitive, x, out, tapes[, how[, params]]): as `dispatch.record_one`. */
PyObject *
record_one(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    if (count < 4) {
        PyErr_SetString(PyExc_TypeError, "record_one: needs a primitive, an input, a result, tapes");
        return NULL;
    }
    PyObject *params = count > 5 ? args[5] : bound.no_params;
    if (active_tapes && record_plainly(args[0], NULL, args + 1, 1, params, args[2]) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* record_two(primitive, x, y, out, tapes, table): as `dispatch.record_two`. */
PyObject *
record_two(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    if (count < 5) {
        PyErr_SetString(PyExc_TypeError, "record_two: needs a primitive, two inputs, a result, tapes");
        return NULL;
    }
    if (active_tapes && record_plainly(args[0], NULL, args + 1, 2, bound.no_params, args[3]) < 0)
        return NULL;
    Py_RETURN_NONE;
}

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *primitive;
    PyObject *run;    /* called with the arrays, or with `space` before them */
    PyObject *space;  /* the namespace for a kernel, NULL for a function of arrays */
    PyObject *kinds;  /* NumPy's letters of the dtypes that the operation takes */
    PyObject *table;  /* the pairs of `kept` by what is connected; NULL: nothing is recorded */
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
    double value = PyFloat_AsDouble(number);
    if (value == -1.0 && PyErr_Occurred()) {
        PyErr_Clear();
        return NULL;
    }
    PyObject *made;
    if (type == NPY_DOUBLE) {
        made = PyArrayScalar_New(Double);
        if (made)
            PyArrayScalar_ASSIGN(made, Double, value);
        return made;
    }
    npy_float single = (npy_float)value;
    if (isinf(single) && !isinf(value)) /* NumPy warns of it */
        return NULL;
    made = PyArrayScalar_New(Float);
    if (made)
        PyArrayScalar_ASSIGN(made, Float, single);
    return made;
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
        if (!beside || !(PyFloat_CheckExact(args[i]) || PyLong_CheckExact(args[i])))
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

/* Run the kernel as NumPy runs it, without a warning. */
static PyObject *
computed(Plain *self, PyObject *const *arrays)
{
    PyObject *out;
    if (quick_try(self->run, arrays, &out))
        return out;
    PyObject *token = PyContextVar_Set(bound.silent, bound.errors);
    if (!token)
        return NULL;
    if (self->space) {
        PyObject *given[3] = {self->space, arrays[0], self->inputs == 2 ? arrays[1] : NULL};
        out = PyObject_Vectorcall(self->run, given, 1 + self->inputs, NULL);
    }
    else
        out = PyObject_Vectorcall(self->run, arrays, self->inputs, NULL);
    PyObject *kind, *value, *trace;
    PyErr_Fetch(&kind, &value, &trace);
    if (PyContextVar_Reset(bound.silent, token)) {
        PyErr_Clear();
        Py_CLEAR(out);
    }
    Py_DECREF(token);
    PyErr_Restore(kind, value, trace);
    return out;
}

static PyObject *
plain_call(PyObject *callable, PyObject *const *args, size_t flags, PyObject *names)
{
    Plain *self = (Plain *)callable;
    if (is_special || lookouts_on || names || PyVectorcall_NARGS(flags) != self->inputs)
        Py_RETURN_NONE;
    PyObject *tensors[2] = {NULL, NULL}, *arrays[2] = {NULL, NULL}, *value, *out = NULL;
    int ready = operands(args, self->inputs, tensors);
    if (ready > 0) {
        for (int i = 0; i < self->inputs; i++)
            arrays[i] = SLOT(tensors[i], bound.array);
        ready = dtypes_fit(self, arrays);
    }
    if (ready > 0) {
        value = computed(self, arrays);
        if (value) {
            out = tensor_of(value);
            Py_DECREF(value);
        }
        else if (PyErr_ExceptionMatches(PyExc_Exception))
            PyErr_Clear(); /* Python does it again and says what is wrong */
    }
    if (out && self->table && active_tapes
        && record_plainly(
            self->primitive, self->table, tensors, self->inputs, bound.no_params, out) < 0)
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
