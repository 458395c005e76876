/* The loop of the backward walk on arrays: `Sweep.run`, and for a tape that is used up the order of
 * its own list, emptying records on the way (`latest_first`). The steps that are not plain
 * are the sweep's methods. */

#include "quick.h"

/* What a walk works on; borrowed. */
typedef struct {
    PyObject *sweep, *cotangents, *shared, *elementwise;
    int looks; /* whether what each record gives is looked at: the sweep is a `CheckedSweep` */
} Walk;

static PyObject *the_family, *by_shape, *by_rules, *give_name, *add_name, *look_name, *guarded;

static int
intern_names(void)
{
    if (add_name)
        return 0;
    the_family = PyUnicode_InternFromString("elementwise");
    by_shape = PyUnicode_InternFromString("_step_by_shape");
    by_rules = PyUnicode_InternFromString("_step_by_rules");
    give_name = PyUnicode_InternFromString("give");
    look_name = PyUnicode_InternFromString("look");
    guarded = PyUnicode_InternFromString("guarded");
    add_name = PyUnicode_InternFromString("_add");
    return the_family && by_shape && by_rules && give_name && look_name && guarded && add_name
        ? 0 : -1;
}

static int
done(PyObject *result)
{
    Py_XDECREF(result);
    return result ? 0 : -1;
}

static int
is_array(PyObject *value)
{
    return PyArray_CheckExact(value) || PyArray_CheckScalar(value);
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
    if (is_array(present) && is_array(array)) {
        PyObject *total = PyNumber_Add(present, array);
        int failed = !total || PyDict_SetItem(walk->cotangents, node, total)
            || PySet_Discard(walk->shared, node) < 0;
        Py_XDECREF(total);
        return failed ? -1 : 0;
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
    if (!is_array(ct))
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

/* The array of a tensor that a record keeps, NULL for anything else. Borrowed. */
static PyObject *
array_in(PyObject *kept)
{
    return Py_IS_TYPE(kept, bound.tensor) ? SLOT(kept, bound.array) : NULL;
}

/* What a straight function of an elementwise record gives its inputs. */
static int
pulled(PyObject *pull, PyObject *ct, PyObject *record, Py_ssize_t count, PyObject **results)
{
    PyObject *inputs = SLOT(record, bound.inputs), *arguments[2] = {ct, record}, *given;
    if (Py_IS_TYPE(pull, &Steps_Type)) {
        PyObject *arrays[4] = {ct, array_in(PyTuple_GET_ITEM(inputs, 0)),
                               count == 2 ? array_in(PyTuple_GET_ITEM(inputs, 1)) : NULL,
                               array_in(SLOT(record, bound.out))};
        int ran = steps_try(pull, arrays, results);
        if (ran)
            return ran < 0 ? -1 : 0;
    }
    if (!(given = PyObject_Vectorcall(pull, arguments, 2, NULL)))
        return -1;
    for (Py_ssize_t i = 0; i < count; i++)
        results[i] = Py_NewRef(count == 1 ? given : PyTuple_GET_ITEM(given, i));
    Py_DECREF(given);
    return 0;
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
    PyObject *results[2] = {NULL, NULL};
    int failed = pulled(pull, ct, record, count, results);
    Py_DECREF(pull);
    for (Py_ssize_t i = 0; !failed && i < count; i++) {
        PyObject *array = results[i];
        PyObject *node = PyTuple_GET_ITEM(parents, i);
        if (array == Py_None || node == Py_None)
            continue;
        if (has_shape(array, SLOT(node, bound.shape)))
            failed = give(walk, node, array, array != ct);
        else {
            PyObject *total = sum_to(array, SLOT(node, bound.shape));
            if (!total && !PyErr_Occurred())
                total = PyObject_CallFunctionObjArgs(
                    bound.summed, array, SLOT(node, bound.shape), NULL);
            failed = !total || give(walk, node, total, 1);
            Py_XDECREF(total);
        }
    }
    Py_XDECREF(results[0]);
    Py_XDECREF(results[1]);
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
    PyObject *primitive = SLOT(record, bound.primitive);
    PyObject *table = SLOT(primitive, bound.straight);
    if (PyDict_DelItem(walk->cotangents, record))
        goto end;
    if (SLOT(primitive, bound.family) == the_family && is_array(ct)
        && PyTuple_GET_SIZE(SLOT(record, bound.parents)) <= 2)
        result = step_by_dtype(walk, record, table, ct);
    else
        result = step_by_shape(walk, record, table, ct);
    if (!result)
        result = done(PyObject_CallMethodObjArgs(walk->sweep, by_shape, record, ct, NULL));
end:
    Py_DECREF(ct);
    return result < 0 ? -1 : 0;
}

/* Do a record's step, and let the sweep look at what it gave unless that is plainly finite. */
static int
looked_at(Walk *walk, PyObject *record)
{
    PyObject *ct = Py_XNewRef(PyDict_GetItemWithError(walk->cotangents, record));
    if (!ct)
        return PyErr_Occurred() ? -1 : 0;
    PyObject *parents = Py_NewRef(SLOT(record, bound.parents)); /* rules may be user code */
    int failed, finite = 1;
    if (SLOT(SLOT(record, bound.primitive), bound.fallible) == Py_True)
        failed = done(PyObject_CallMethodObjArgs(walk->sweep, guarded, record, NULL));
    else
        failed = step(walk, record);
    for (Py_ssize_t i = 0; !failed && finite && i < PyTuple_GET_SIZE(parents); i++) {
        PyObject *node = PyTuple_GET_ITEM(parents, i), *array;
        if (node == Py_None)
            continue;
        array = PyDict_GetItemWithError(walk->cotangents, node);
        finite = array ? plainly_finite(array) : !Py_IS_TYPE(node, bound.part);
        failed = PyErr_Occurred() != NULL;
    }
    if (!failed && !finite)
        failed = done(PyObject_CallMethodObjArgs(walk->sweep, look_name, record, ct, NULL));
    Py_DECREF(parents);
    Py_DECREF(ct);
    return failed;
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

/* What a weak reference refers to; NULL where it is gone. */
static PyObject *
referent(PyObject *reference)
{
#if PY_VERSION_HEX >= 0x030D0000
    PyObject *found = NULL;
    PyWeakref_GetRef(reference, &found);
    return found;
#else
    PyObject *found = PyWeakref_GetObject(reference);
    return found == Py_None ? NULL : Py_XNewRef(found);
#endif
}

/* Hand on the cotangents of all that a recording recorded, the latest first, looking at each; the
   records stay as they are. */
static int
look_through(Walk *walk, PyObject *recording)
{
    PyObject *records = Py_NewRef(SLOT(recording, bound.records));
    int failed = 0;
    for (Py_ssize_t at = PyList_GET_SIZE(records) - 1; !failed && at >= 0; at--) {
        if (at >= PyList_GET_SIZE(records))
            continue;
        PyObject *record = referent(PyList_GET_ITEM(records, at));
        failed = record ? looked_at(walk, record) : 0;
        Py_XDECREF(record);
    }
    Py_DECREF(records);
    return failed;
}

/* Hand on the cotangents of all that a recording recorded, the latest first, and empty its records:
   its list has the order, so that nobody need look for them and sort them. */
static int
use_up(Walk *walk, PyObject *recording)
{
    PyObject *records = Py_NewRef(SLOT(recording, bound.records));
    Py_ssize_t left;
    int failed = 0;
    while (!failed && (left = PyList_GET_SIZE(records))) {
        PyObject *record = referent(PyList_GET_ITEM(records, left - 1));
        failed = PyList_SetSlice(records, left - 1, left, NULL);
        if (!failed && record)
            failed = step(walk, record) || release(record, recording);
        Py_XDECREF(record);
    }
    Py_DECREF(records);
    return failed;
}

/* run(sweep, cotangents, shared, elementwise, records[, looks]): `Sweep.run` on an iterable of
   records; or, with a `Recording` in their place, `Sweep.use_up`. */
PyObject *
run_walk(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    if (count < 5 || count > 6 || !PyDict_CheckExact(args[1]) || !PySet_CheckExact(args[2])) {
        PyErr_SetString(PyExc_TypeError, "run: needs a sweep, its cotangents, its shared nodes, "
                                         "a function and records");
        return NULL;
    }
    if (intern_names())
        return NULL;
    Walk walk = {args[0], args[1], args[2], args[3], count == 6 && args[5] == Py_True};
    int failed;
    if (Py_IS_TYPE(args[4], bound.recording))
        failed = use_up(&walk, args[4]);
    else {
        PyObject *records = PyObject_GetIter(args[4]), *record;
        failed = !records;
        while (!failed && (record = PyIter_Next(records))) {
            failed = walk.looks ? looked_at(&walk, record) : step(&walk, record);
            Py_DECREF(record);
        }
        Py_XDECREF(records);
    }
    if (failed || PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

/* The node of a tensor or a variable as a source; NULL for anything else. Borrowed. */
static PyObject *
leaf_of(PyObject *source)
{
    if (Py_IS_TYPE(source, bound.tensor))
        return SLOT(source, bound.node_of);
    if (!Py_IS_TYPE(source, bound.variable))
        return NULL;
    PyObject *leaf = PyObject_GetAttrString(source, "_leaf");
    Py_XDECREF(leaf); /* the variable holds it */
    PyErr_Clear();
    return leaf;
}

/* Whether all that a recording watches is asked for, and nothing has to be looked at before. */
static int
is_plain(PyObject *recording, PyObject *wanted)
{
    if (SLOT(recording, bound.mark) == Py_True)
        return 0;
    PyObject *watched = SLOT(recording, bound.watched), *node;
    Py_ssize_t at = 0;
    while (PyDict_Next(watched, &at, &node, NULL))
        if (!PyDict_Contains(wanted, node))
            return 0;
    at = 0;
    while (PyDict_Next(wanted, &at, &node, NULL))
        if (!Py_IS_TYPE(node, bound.node) || PyDict_Contains(watched, node) != 1)
            return 0;
    return 1;
}

/* Ones like an array or scalar of float32 or float64; NULL for another. */
static PyObject *
ones_like(PyObject *array)
{
    PyObject *made = NULL;
    if (Py_IS_TYPE(array, &PyFloatArrType_Type)) {
        if ((made = PyArrayScalar_New(Float)))
            PyArrayScalar_ASSIGN(made, Float, 1);
    }
    else if (Py_IS_TYPE(array, &PyDoubleArrType_Type)) {
        if ((made = PyArrayScalar_New(Double)))
            PyArrayScalar_ASSIGN(made, Double, 1);
    }
    else if (PyArray_CheckExact(array)) {
        PyArrayObject *like = (PyArrayObject *)array;
        int type = PyArray_DESCR(like)->type_num;
        if (type != NPY_FLOAT && type != NPY_DOUBLE)
            return NULL;
        made = new_array(PyArray_NDIM(like), PyArray_DIMS(like), type);
        char *data = made ? PyArray_BYTES((PyArrayObject *)made) : NULL;
        for (npy_intp i = 0; made && i < PyArray_SIZE(like); i++)
            if (type == NPY_FLOAT)
                ((npy_float *)data)[i] = 1;
            else
                ((npy_double *)data)[i] = 1;
    }
    return made;
}

/* gradient(sweep, elementwise, recording, target, sources): the gradients of a number by a list of
   tensors and variables, None where one is not reached, with the recording's records emptied. None
   where the case is not plain: then nothing was done. */
PyObject *
plain_gradient(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 5 || !Py_IS_TYPE(args[2], bound.recording) || !PyList_CheckExact(args[4])) {
        PyErr_SetString(PyExc_TypeError, "gradient: needs a class, a function, a recording, a "
                                         "target and a list of sources");
        return NULL;
    }
    if (intern_names())
        return NULL;
    PyObject *recording = args[2], *target = args[3], *sources = args[4], *results = NULL;
    PyObject *start = Py_IS_TYPE(target, bound.tensor) ? SLOT(target, bound.node_of) : Py_None;
    int looks = lookouts_on && checks_plainly();
    if (active_tapes || is_special || (lookouts_on && !looks) || !Py_IS_TYPE(start, bound.record))
        Py_RETURN_NONE;
    PyObject *wanted = PyDict_New(), *one = NULL, *sweep = NULL, *token = NULL;
    Walk walk = {NULL, PyDict_New(), PySet_New(NULL), args[1], looks};
    if (!wanted || !walk.cotangents || !walk.shared)
        goto end;
    int plain = 1;
    for (Py_ssize_t i = 0; plain && i < PyList_GET_SIZE(sources); i++) {
        PyObject *leaf = leaf_of(PyList_GET_ITEM(sources, i));
        plain = leaf && leaf != Py_None && !PyDict_SetItem(wanted, leaf, Py_None);
    }
    plain = plain && is_plain(recording, wanted)
        && PySequence_Contains(SLOT(start, bound.tapes), recording) == 1;
    if (plain)
        one = ones_like(SLOT(target, bound.array));
    if (!one) {
        if (!PyErr_Occurred())
            results = Py_NewRef(Py_None);
        goto end;
    }
    sweep = walk.sweep = PyObject_CallFunctionObjArgs(
        looks ? bound.checked_sweep : args[0], walk.cotangents, walk.shared, NULL);
    token = sweep ? PyContextVar_Set(bound.silent, bound.errors) : NULL;
    if (!token || PyDict_SetItem(walk.cotangents, start, one)
        || PySet_Add(walk.shared, start)
        || (looks ? look_through : use_up)(&walk, recording))
        goto end;
    results = PyList_New(PyList_GET_SIZE(sources));
    for (Py_ssize_t i = 0; results && i < PyList_GET_SIZE(sources); i++) {
        PyObject *leaf = leaf_of(PyList_GET_ITEM(sources, i)), *ct, *tensor;
        ct = PyDict_GetItemWithError(walk.cotangents, leaf);
        if (!ct || !is_array(ct))
            tensor = Py_NewRef(ct ? ct : Py_None); /* of a gather: an `IndexedSlices` */
        else
            tensor = tensor_of(ct);
        if (!tensor || PyErr_Occurred())
            Py_CLEAR(results);
        else
            PyList_SET_ITEM(results, i, tensor);
    }
end:
    if (token)
        speak_again(token);
    Py_XDECREF(one);
    Py_XDECREF(sweep);
    Py_XDECREF(wanted);
    Py_XDECREF(walk.cotangents);
    Py_XDECREF(walk.shared);
    return results;
}
