/* The loop of the backward walk on arrays: `Sweep.run`, and for a tape that is used up the order of
 * its own list, emptying records on the way (`latest_first`). The steps that are not plain
 * are the sweep's methods. */

#include "quick.h"

/* What a walk works on; borrowed. */
typedef struct {
    PyObject *sweep, *cotangents, *shared, *elementwise;
} Walk;

static PyObject *a_family, *a_straight, *the_family, *by_shape, *by_rules, *give_name, *add_name;

static int
intern_names(void)
{
    if (add_name)
        return 0;
    a_family = PyUnicode_InternFromString("family");
    a_straight = PyUnicode_InternFromString("straight");
    the_family = PyUnicode_InternFromString("elementwise");
    by_shape = PyUnicode_InternFromString("_step_by_shape");
    by_rules = PyUnicode_InternFromString("_step_by_rules");
    give_name = PyUnicode_InternFromString("give");
    add_name = PyUnicode_InternFromString("_add");
    return a_family && a_straight && the_family && by_shape && by_rules && give_name && add_name
        ? 0 : -1;
}

static int
done(PyObject *result)
{
    Py_XDECREF(result);
    return result ? 0 : -1;
}

/* Add an array to a node; `fresh`: nobody else refers to the array. */
static int
give(Walk *walk, PyObject *node, PyObject *array, int fresh)
{
    if (Py_IS_TYPE(node, bound.part))
        return done(PyObject_CallMethodObjArgs(
            walk->sweep, give_name, node, array, fresh ? Py_True : Py_False, NULL));
    PyObject *present = PyDict_GetItemWithError(walk->cotangents, node);
    if (!present) {
        if (PyErr_Occurred() || PyDict_SetItem(walk->cotangents, node, array))
            return -1;
        return fresh ? 0 : PySet_Add(walk->shared, node);
    }
    if (PyArray_CheckExact(present) && !PyArray_BASE((PyArrayObject *)present)) {
        int is_shared = PySet_Contains(walk->shared, node);
        if (is_shared < 0)
            return -1;
        if (!is_shared)
            return add_into(present, array) ? 0 : done(PyNumber_InPlaceAdd(present, array));
    }
    return done(PyObject_CallMethodObjArgs(walk->sweep, add_name, node, present, array, NULL));
}

/* All that a rule may depend on besides values, as `straight.signature`, without missing ones. */
static PyObject *
signature(PyObject *record)
{
    PyObject *parents = SLOT(record, bound.parents), *inputs = SLOT(record, bound.inputs);
    PyObject *params = SLOT(record, bound.params), *key = NULL;
    Py_ssize_t count = PyTuple_GET_SIZE(parents), place = 0, named = PyDict_GET_SIZE(params);
    PyObject *parts[128];
    if (3 + 3 * count + 2 * named > 128)
        return NULL;
#define PART(value) \
    do { if (!(parts[place] = (value))) goto failed; place++; } while (0)
    PART(Py_NewRef(SLOT(record, bound.shape)));
    PART(Py_NewRef(SLOT(record, bound.dtype)));
    PART(PyTuple_New(0));
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *parent = PyTuple_GET_ITEM(parents, i), *input = PyTuple_GET_ITEM(inputs, i);
        if (parent != Py_None) {
            PART(Py_NewRef(SLOT(parent, bound.shape)));
            PART(Py_NewRef(SLOT(parent, bound.dtype)));
        }
        else if (input != Py_None) {
            PART(Py_NewRef(Py_False));
            if (Py_IS_TYPE(input, bound.tensor)) {
                PART(shape_of(SLOT(input, bound.array)));
                PART(dtype_of(SLOT(input, bound.array)));
            }
            else {
                PART(PyObject_GetAttrString(input, "_shape"));
                PART(PyObject_GetAttrString(input, "_dtype"));
            }
        }
        else
            PART(Py_NewRef(Py_None));
    }
    if (named) {
        PyObject *name, *value;
        Py_ssize_t at = 0;
        while (PyDict_Next(params, &at, &name, &value))
            PART(Py_NewRef(name));
        at = 0;
        while (PyDict_Next(params, &at, &name, &value))
            PART(Py_NewRef(value));
    }
    if ((key = PyTuple_New(place)))
        for (Py_ssize_t i = 0; i < place; i++)
            PyTuple_SET_ITEM(key, i, parts[i]);
    else
        goto failed;
    return key;
failed:
    while (place)
        Py_DECREF(parts[--place]);
    return NULL;
#undef PART
}

/* The step of a record that is not elementwise: 1 done, 0 where Python has to do it, -1. */
static int
step_by_shape(Walk *walk, PyObject *record, PyObject *table, PyObject *ct)
{
    if (!PyArray_CheckExact(ct) && !PyArray_CheckScalar(ct))
        return 0;
    PyObject *key = signature(record), *found = NULL, *given;
    if (key) {
        found = Py_XNewRef(PyDict_GetItemWithError(table, key));
        Py_DECREF(key);
    }
    if (!found || !PyTuple_CheckExact(found)) { /* not written down, or a parameter is no key */
        PyErr_Clear();
        Py_XDECREF(found);
        return 0;
    }
    PyObject *pull = PyTuple_GET_ITEM(found, 0), *fresh = PyTuple_GET_ITEM(found, 1);
    PyObject *parents = SLOT(record, bound.parents), *arguments[2] = {ct, record};
    Py_ssize_t count = PyTuple_GET_SIZE(fresh);
    given = PyObject_Vectorcall(pull, arguments, 2, NULL);
    if (!given && PyErr_ExceptionMatches(PyExc_Exception)) {
        PyErr_Clear(); /* a kernel refuses the values: the rule itself says so in full */
        Py_DECREF(found);
        return done(PyObject_CallMethodObjArgs(walk->sweep, by_rules, record, ct, NULL)) ? -1 : 1;
    }
    int failed = !given;
    for (Py_ssize_t i = 0; !failed && i < count && i < PyTuple_GET_SIZE(parents); i++) {
        PyObject *array = count == 1 ? given : PyTuple_GET_ITEM(given, i);
        PyObject *node = PyTuple_GET_ITEM(parents, i);
        if (array != Py_None && node != Py_None)
            failed = give(walk, node, array, PyTuple_GET_ITEM(fresh, i) == Py_True);
    }
    Py_XDECREF(given);
    Py_DECREF(found);
    return failed ? -1 : 1;
}

/* Whether the parents that are connected have the record's dtype. */
static int
of_one_dtype(PyObject *record)
{
    PyObject *parents = SLOT(record, bound.parents), *dtype = SLOT(record, bound.dtype);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(parents); i++) {
        PyObject *parent = PyTuple_GET_ITEM(parents, i);
        if (parent != Py_None && SLOT(parent, bound.dtype) != dtype)
            return 0;
    }
    return 1;
}

/* The step of an elementwise record: 1 done, 0 where Python has to do it, -1. */
static int
step_by_dtype(Walk *walk, PyObject *record, PyObject *table, PyObject *ct)
{
    PyObject *parents = SLOT(record, bound.parents), *dtype = SLOT(record, bound.dtype), *key;
    Py_ssize_t count = PyTuple_GET_SIZE(parents);
    if (!of_one_dtype(record))
        return 0;
    if (count == 1)
        key = Py_NewRef(dtype);
    else
        key = PyTuple_Pack(3, dtype,
                           PyTuple_GET_ITEM(parents, 0) == Py_None ? Py_True : Py_False,
                           PyTuple_GET_ITEM(parents, 1) == Py_None ? Py_True : Py_False);
    if (!key)
        return -1;
    PyObject *pull = Py_XNewRef(PyDict_GetItemWithError(table, key));
    if (!pull && !PyErr_Occurred())
        pull = PyObject_CallFunctionObjArgs(walk->elementwise, record, key, NULL);
    Py_DECREF(key);
    if (!pull)
        return -1;
    if (pull == Py_None) {
        Py_DECREF(pull);
        return 0;
    }
    PyObject *arguments[2] = {ct, record};
    PyObject *given = PyObject_Vectorcall(pull, arguments, 2, NULL);
    Py_DECREF(pull);
    int failed = !given;
    for (Py_ssize_t i = 0; !failed && i < count; i++) {
        PyObject *array = count == 1 ? given : PyTuple_GET_ITEM(given, i);
        PyObject *node = PyTuple_GET_ITEM(parents, i);
        if (array == Py_None || node == Py_None)
            continue;
        if (has_shape(array, SLOT(node, bound.shape)))
            failed = give(walk, node, array, array != ct);
        else {
            PyObject *total = PyObject_CallFunctionObjArgs(
                bound.summed, array, SLOT(node, bound.shape), NULL);
            failed = !total || give(walk, node, total, 1);
            Py_XDECREF(total);
        }
    }
    Py_XDECREF(given);
    return failed ? -1 : 1;
}

/* Hand a record's cotangent, if there is one, to its inputs. */
static int
step(Walk *walk, PyObject *record)
{
    PyObject *ct = Py_XNewRef(PyDict_GetItemWithError(walk->cotangents, record));
    if (!ct)
        return PyErr_Occurred() ? -1 : 0;
    int result = -1;
    PyObject *primitive = SLOT(record, bound.primitive), *family = NULL, *table = NULL;
    if (PyDict_DelItem(walk->cotangents, record))
        goto end;
    family = PyObject_GetAttr(primitive, a_family);
    table = PyObject_GetAttr(primitive, a_straight);
    if (!family || !table)
        goto end;
    if (family == the_family && PyTuple_GET_SIZE(SLOT(record, bound.parents)) <= 2
        && (PyArray_CheckExact(ct) || PyArray_CheckScalar(ct)))
        result = step_by_dtype(walk, record, table, ct);
    else
        result = step_by_shape(walk, record, table, ct);
    if (!result)
        result = done(PyObject_CallMethodObjArgs(walk->sweep, by_shape, record, ct, NULL));
end:
    Py_XDECREF(family);
    Py_XDECREF(table);
    Py_DECREF(ct);
    return result < 0 ? -1 : 0;
}

/* Forget what a record kept for one tape; all of it, where no other tape made it. */
static int
release(PyObject *record, PyObject *recording)
{
    PyObject *tapes = SLOT(record, bound.tapes);
    Py_ssize_t count = PyTuple_GET_SIZE(tapes), place = 0;
    if (count == 1) {
        PyObject *empty = PyTuple_New(0);
        if (!empty)
            return -1;
        Py_XSETREF(SLOT(record, bound.parents), Py_NewRef(empty));
        Py_XSETREF(SLOT(record, bound.inputs), Py_NewRef(empty));
        Py_XSETREF(SLOT(record, bound.tapes), empty);
        Py_XSETREF(SLOT(record, bound.out), Py_NewRef(Py_None));
        return 0;
    }
    PyObject *rest = PyList_New(0), *made;
    for (; rest && place < count; place++) {
        PyObject *tape = PyTuple_GET_ITEM(tapes, place);
        if (tape != recording && PyList_Append(rest, tape))
            Py_CLEAR(rest);
    }
    made = rest ? PyList_AsTuple(rest) : NULL;
    Py_XDECREF(rest);
    if (!made)
        return -1;
    Py_XSETREF(SLOT(record, bound.tapes), made);
    return 0;
}

/* run(sweep, cotangents, shared, elementwise, records): `Sweep.run` on an iterable of records; or,
   with a `Recording` in their place, on all of its own, which are emptied. */
PyObject *
run_walk(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 5 || !PyDict_CheckExact(args[1]) || !PySet_CheckExact(args[2])) {
        PyErr_SetString(PyExc_TypeError, "run: needs a sweep, its cotangents, its shared nodes, "
                                         "a function and records");
        return NULL;
    }
    if (intern_names())
        return NULL;
    Walk walk = {args[0], args[1], args[2], args[3]};
    PyObject *record;
    if (!Py_IS_TYPE(args[4], bound.recording)) {
        PyObject *records = PyObject_GetIter(args[4]);
        int failed = !records;
        while (!failed && (record = PyIter_Next(records))) {
            failed = step(&walk, record);
            Py_DECREF(record);
        }
        Py_XDECREF(records);
        if (failed || PyErr_Occurred())
            return NULL;
        Py_RETURN_NONE;
    }
    PyObject *records = Py_NewRef(SLOT(args[4], bound.records));
    Py_ssize_t left;
    while ((left = PyList_GET_SIZE(records))) {
        record = Py_NewRef(PyWeakref_GetObject(PyList_GET_ITEM(records, left - 1)));
        int failed = PyList_SetSlice(records, left - 1, left, NULL);
        if (!failed && record != Py_None)
            failed = step(&walk, record) || release(record, args[4]);
        Py_DECREF(record);
        if (failed) {
            Py_DECREF(records);
            return NULL;
        }
    }
    Py_DECREF(records);
    Py_RETURN_NONE;
}
