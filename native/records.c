/* The state of the thread, and the records that operations leave: `dispatch.record` for one tape. */

#include "quick.h"

_Thread_local PyObject *active_tapes = NULL;
_Thread_local int is_special = 0;
_Thread_local int in_rules = 0;
int lookouts_on = 0;

/* set_state(tapes, special, pusher): what is active in this thread; the pusher, or None, is the only
   thing that is special. */
PyObject *
set_state(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 3 || !PyTuple_CheckExact(args[0])) {
        PyErr_SetString(PyExc_TypeError, "set_state: needs a tuple of tapes, a truth and a pusher");
        return NULL;
    }
    int special = PyObject_IsTrue(args[1]);
    if (special < 0 || set_pusher(args[2]))
        return NULL;
    Py_XSETREF(active_tapes, PyTuple_GET_SIZE(args[0]) ? Py_NewRef(args[0]) : NULL);
    is_special = special;
    Py_RETURN_NONE;
}

/* set_tapes(tapes): which tapes are active in this thread. */
PyObject *
set_tapes(PyObject *self, PyObject *tapes)
{
    if (!PyTuple_CheckExact(tapes)) {
        PyErr_SetString(PyExc_TypeError, "set_tapes: needs a tuple");
        return NULL;
    }
    Py_XSETREF(active_tapes, PyTuple_GET_SIZE(tapes) ? Py_NewRef(tapes) : NULL);
    Py_RETURN_NONE;
}

/* set_lookouts(how): whether somebody looks on in every thread; 2 where it is only the one that
   checks for what is not finite. */
PyObject *
set_lookouts(PyObject *self, PyObject *how)
{
    long on = PyLong_AsLong(how);
    if (on == -1 && PyErr_Occurred())
        return NULL;
    lookouts_on = (int)on;
    Py_RETURN_NONE;
}

/* set_rules(depth): how many rules run one in another in this thread. */
PyObject *
set_rules(PyObject *self, PyObject *depth)
{
    long rules = PyLong_AsLong(depth);
    if (rules == -1 && PyErr_Occurred())
        return NULL;
    in_rules = rules > 0;
    Py_RETURN_NONE;
}

/* Where the program runs, as `finite_source.spot`: its innermost code and the place in it. */
static PyObject *
spot(void)
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get()), *below;
    PyObject *found = NULL;
    while (frame) {
        PyObject *code = (PyObject *)PyFrame_GetCode(frame);
        PyObject *of_library = PyDict_GetItemWithError(bound.library, code);
        if (of_library == Py_True) {
            Py_DECREF(code);
            below = PyFrame_GetBack(frame);
            Py_SETREF(frame, below);
            continue;
        }
        if (of_library == Py_False)
            found = Py_BuildValue("(Ni)", code, PyFrame_GetLasti(frame));
        else {
            Py_DECREF(code);
            if (!PyErr_Occurred())
                found = PyObject_CallOneArg(bound.spot, (PyObject *)frame);
        }
        Py_DECREF(frame);
        return found;
    }
    return Py_NewRef(Py_None);
}

/* Keep the place of the record that an operation left, if it left one: 0, or -1. */
int
note_place(PyObject *out)
{
    PyObject *node = SLOT(out, bound.node_of);
    if (!Py_IS_TYPE(node, bound.record))
        return 0;
    PyObject *place = spot();
    int failed = !place || PyDict_SetItem(bound.spots, SLOT(node, bound.number), place);
    Py_XDECREF(place);
    return failed ? -1 : 0;
}

/* Whether the check for what is not finite can be done here: nothing waits for it. */
int
checks_plainly(void)
{
    return lookouts_on == 2 && !in_rules && !PyDict_GET_SIZE(bound.pending)
        && PyDict_GET_SIZE(bound.spots) < MOST_SPOTS;
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

/* tensor(array): a tensor without a node. */
PyObject *
new_tensor(PyObject *self, PyObject *array)
{
    return tensor_of(array);
}

/* deferred(buffer, shape, dtype): a `DeferredTensor` without a node. */
PyObject *
new_deferred(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 3) {
        PyErr_SetString(PyExc_TypeError, "deferred: needs a buffer, a shape and a dtype");
        return NULL;
    }
    PyObject *made = bound.deferred->tp_alloc(bound.deferred, 0);
    if (made) {
        FILL(made, bound.buffer, Py_NewRef(args[0]));
        FILL(made, bound.deferred_shape, Py_NewRef(args[1]));
        FILL(made, bound.deferred_dtype, Py_NewRef(args[2]));
        FILL(made, bound.host, Py_NewRef(Py_None));
        FILL(made, bound.node_of, Py_NewRef(Py_None));
    }
    return made;
}

/* idle(): whether no tape, mode or observer is active in this thread, and nobody looks on. */
PyObject *
idle(PyObject *self, PyObject *nothing)
{
    return PyBool_FromLong(!active_tapes && !is_special && !lookouts_on);
}

/* next_number(): the number of the next node; they grow with time. */
PyObject *
next_number(PyObject *self, PyObject *nothing)
{
    static long long last = 0;
    return PyLong_FromLongLong(++last);
}

/* The shape of an array, the tuple of a node that has the same if there is one. */
PyObject *
shape_as(PyObject *array, PyObject *node)
{
    if (node && node != Py_None && has_shape(array, SLOT(node, bound.shape)))
        return Py_NewRef(SLOT(node, bound.shape));
    return shape_of(array);
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
    Py_ssize_t count = PyTuple_GET_SIZE(parents);
    PyObject *mask = PyTuple_New(count);
    if (!mask)
        return NULL;
    for (Py_ssize_t i = 0; i < count; i++)
        PyTuple_SET_ITEM(mask, i, PyBool_FromLong(PyTuple_GET_ITEM(parents, i) != Py_None));
    PyObject *found = Py_XNewRef(PyDict_GetItemWithError(SLOT(primitive, bound.kept), mask));
    if (!found && !PyErr_Occurred())
        found = PyObject_CallMethod(primitive, "kept", "(O)", mask);
    Py_DECREF(mask);
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

/* The shapes and the dtypes of an operation's results. */
static int
fill_specs(PyObject *made, PyObject *out)
{
    if (!PyTuple_CheckExact(out)) {
        PyObject *parents = SLOT(made, bound.parents), *first = PyTuple_GET_ITEM(parents, 0);
        FILL(made, bound.shape, shape_as(SLOT(out, bound.array), first));
        FILL(made, bound.dtype, dtype_of(SLOT(out, bound.array)));
        return SLOT(made, bound.shape) && SLOT(made, bound.dtype) ? 0 : -1;
    }
    Py_ssize_t count = PyTuple_GET_SIZE(out);
    PyObject *shapes = FILL(made, bound.shape, PyTuple_New(count));
    PyObject *dtypes = FILL(made, bound.dtype, PyTuple_New(count));
    for (Py_ssize_t i = 0; shapes && dtypes && i < count; i++) {
        PyObject *array = SLOT(PyTuple_GET_ITEM(out, i), bound.array);
        PyObject *shape = shape_of(array), *dtype = dtype_of(array);
        if (!shape || !dtype) {
            Py_XDECREF(shape);
            Py_XDECREF(dtype);
            return -1;
        }
        PyTuple_SET_ITEM(shapes, i, shape);
        PyTuple_SET_ITEM(dtypes, i, dtype);
    }
    return shapes && dtypes ? 0 : -1;
}

/* Let the tape know its record, weakly. */
static int
register_record(PyObject *made)
{
    PyObject *tape = PyTuple_GET_ITEM(active_tapes, 0), *reference = PyWeakref_NewRef(made, NULL);
    int failed = !reference || PyList_Append(SLOT(tape, bound.records), reference);
    Py_XDECREF(reference);
    if (failed)
        return -1;
    if (SLOT(SLOT(made, bound.primitive), bound.notable) == Py_True)
        Py_SETREF(SLOT(tape, bound.mark), Py_NewRef(Py_True));
    if (PyLong_AsLongLong(SLOT(made, bound.number)) & 1023)
        return 0;
    PyObject *done = PyObject_CallMethod(tape, "tidy", NULL);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* `Record(...)` of one tape; the references to parents, inputs and keeps are taken over. */
static PyObject *
new_record(PyObject *primitive, PyObject *parents, PyObject *inputs, PyObject *keeps,
           PyObject *params, PyObject *out)
{
    PyObject *made = bound.record->tp_alloc(bound.record, 0);
    if (!made) {
        Py_DECREF(parents);
        Py_DECREF(inputs);
        Py_DECREF(keeps);
        return NULL;
    }
    FILL(made, bound.parents, parents);
    FILL(made, bound.inputs, inputs);
    FILL(made, bound.out, keeps);
    FILL(made, bound.primitive, Py_NewRef(primitive));
    FILL(made, bound.params, Py_NewRef(params));
    FILL(made, bound.tapes, Py_NewRef(active_tapes));
    FILL(made, bound.number, next_number(NULL, NULL));
    if (!SLOT(made, bound.number) || fill_specs(made, out) || register_record(made))
        Py_CLEAR(made);
    return made;
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

/* `Part(record, index)`. */
static PyObject *
new_part(PyObject *record, Py_ssize_t index)
{
    PyObject *made = bound.part->tp_alloc(bound.part, 0);
    if (!made)
        return NULL;
    FILL(made, bound.number, next_number(NULL, NULL));
    FILL(made, bound.parents_of_part, PyTuple_Pack(1, record));
    FILL(made, bound.index, PyLong_FromSsize_t(index));
    FILL(made, bound.shape, Py_NewRef(PyTuple_GET_ITEM(SLOT(record, bound.shape), index)));
    FILL(made, bound.dtype, Py_NewRef(PyTuple_GET_ITEM(SLOT(record, bound.dtype), index)));
    FILL(made, bound.tapes, Py_NewRef(SLOT(record, bound.tapes)));
    if (!SLOT(made, bound.number) || !SLOT(made, bound.parents_of_part) || !SLOT(made, bound.index))
        Py_CLEAR(made);
    return made;
}

/* Put the results on their record: it is the node of a single one, parts are those of several. */
static int
place(PyObject *record, PyObject *out)
{
    if (!PyTuple_CheckExact(out)) {
        Py_SETREF(SLOT(out, bound.node_of), Py_NewRef(record));
        return 0;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(out); i++) {
        PyObject *tensor = PyTuple_GET_ITEM(out, i), *part;
        if (!of_floats(SLOT(tensor, bound.array)))
            continue;
        if (!(part = new_part(record, i)))
            return -1;
        Py_SETREF(SLOT(tensor, bound.node_of), part);
    }
    return 0;
}

/* The result as a record keeps it, without its node. */
static PyObject *
bare(PyObject *out)
{
    if (!PyTuple_CheckExact(out))
        return tensor_of(SLOT(out, bound.array));
    Py_ssize_t count = PyTuple_GET_SIZE(out);
    PyObject *made = PyTuple_New(count);
    for (Py_ssize_t i = 0; made && i < count; i++) {
        PyObject *copy = tensor_of(SLOT(PyTuple_GET_ITEM(out, i), bound.array));
        if (!copy)
            Py_CLEAR(made);
        else
            PyTuple_SET_ITEM(made, i, copy);
    }
    return made;
}

/* Put a result on a record where the only active tape knows an input: 1, 0, or -1 with an
   exception. A table has the pairs of `kept`, by the bits of what is connected. */
static int
put_on_record(PyObject *primitive, PyObject *table, PyObject *const *inputs, Py_ssize_t count,
              PyObject *params, PyObject *out)
{
    PyObject *tape = PyTuple_GET_ITEM(active_tapes, 0);
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
    output = PyTuple_GET_ITEM(how, 1) == Py_True ? bare(out) : Py_NewRef(Py_None);
    Py_DECREF(how);
    if (!keeps || !output) {
        Py_DECREF(parents);
        Py_XDECREF(keeps);
        Py_XDECREF(output);
        return -1;
    }
    made = new_record(primitive, parents, keeps, output, params, out);
    int failed = !made || place(made, out);
    Py_XDECREF(made);
    return failed ? -1 : 1;
}

/* Whether results are tensors of arrays: a single one of floats, or several of any kind whose
   derivatives can be seen here. */
static int
plain_results(PyObject *out)
{
    if (!PyTuple_CheckExact(out))
        return Py_IS_TYPE(out, bound.tensor) && of_floats(SLOT(out, bound.array));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(out); i++) {
        PyObject *tensor = PyTuple_GET_ITEM(out, i), *array;
        if (!Py_IS_TYPE(tensor, bound.tensor))
            return 0;
        array = SLOT(tensor, bound.array);
        if (!of_floats(array)
            && !(PyArray_CheckExact(array)
                 && strchr("biu", PyArray_DESCR((PyArrayObject *)array)->kind)))
            return 0;
    }
    return 1;
}

/* Put the results on a record, here where all is plain, else in Python: -1 with an exception. */
int
record_plainly(PyObject *primitive, PyObject *table, PyObject *const *inputs, Py_ssize_t count,
               PyObject *params, PyObject *out)
{
    int plain = PyTuple_GET_SIZE(active_tapes) == 1 && count < 32 && plain_results(out);
    for (Py_ssize_t i = 0; plain && i < count; i++)
        plain = Py_IS_TYPE(inputs[i], bound.tensor);
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
