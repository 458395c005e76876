/* Reductions of few numbers over the first axes or the last ones, by NumPy's inner loops in NumPy's
 * order: the result is that of `ufunc.reduce` to the bit. */

#include "quick.h"

/* The inner loop for a type, NULL where there is none. */
static Loop *
quick_loop(PyObject *quick, int type)
{
    Loop *found = &((Quick *)quick)->loops[type == NPY_DOUBLE];
    return found->loop ? found : NULL;
}

/* The axes of a reduction as a block of them: the first `to - from` of an array, or the last. */
static int
block_of(PyObject *axis, int rank, int *from, int *to)
{
    unsigned mask = 0;
    if (axis == Py_None)
        mask = (1u << rank) - 1;
    else {
        int single = !PyTuple_CheckExact(axis);
        Py_ssize_t count = single ? 1 : PyTuple_GET_SIZE(axis);
        for (Py_ssize_t i = 0; i < count; i++) {
            PyObject *item = single ? axis : PyTuple_GET_ITEM(axis, i);
            if (!PyLong_CheckExact(item))
                return 0;
            long place = PyLong_AsLong(item);
            place += place < 0 ? rank : 0;
            if (place < 0 || place >= rank || mask & 1u << place)
                return 0;
            mask |= 1u << place;
        }
    }
    *from = 0;
    *to = rank;
    while (*from < rank && !(mask & 1u << *from))
        (*from)++;
    while (*to > 0 && !(mask & 1u << (*to - 1)))
        (*to)--;
    unsigned block = (1u << *to) - (1u << *from);
    return mask && mask == block && (*from == 0 || *to == rank);
}

static void
set_start(int type, char *to, const char *first, int start)
{
    if (type == NPY_FLOAT)
        *(npy_float *)to = start == FIRST ? *(const npy_float *)first : (npy_float)start;
    else
        *(npy_double *)to = start == FIRST ? *(const npy_double *)first : (npy_double)start;
}

/* Reduce the axes `from` to `to`, which are the first of an array or the last, into `result`. */
void
reduce_into(Quick *self, const View *x, int from, int to, char *result)
{
    const Loop *found = &self->loops[x->type == NPY_DOUBLE];
    npy_intp count = 1, wide = x->type == NPY_FLOAT ? 4 : 8;
    for (int i = from; i < to; i++)
        count *= x->dims[i];
    npy_intp others = x->size / count, skip = self->start == FIRST;
    if (to == x->rank) { /* the last axes: each row by itself */
        npy_intp strides[3] = {0, wide, 0}, left = count - skip;
        for (npy_intp row = 0; row < others; row++) {
            char *first = x->data + row * count * wide, *total = result + row * wide;
            char *data[3] = {total, first + skip * wide, total};
            set_start(x->type, total, first, self->start);
            found->loop(data, &left, strides, found->data);
        }
    }
    else { /* the first axes: row after row */
        npy_intp strides[3] = {wide, wide, wide};
        for (npy_intp i = 0; i < others; i++)
            set_start(x->type, result + i * wide, x->data + i * wide, self->start);
        for (npy_intp row = skip; row < count; row++) {
            char *data[3] = {result, x->data + row * others * wide, result};
            found->loop(data, &others, strides, found->data);
        }
    }
}

/* Reduce a block of axes in the order of NumPy: 1 with the result, 0 where that is not plain. */
static int
reduced(Quick *self, PyObject *value, PyObject *axis, int keep, PyObject **out)
{
    View x;
    int from, to;
    if (self->start == NOWHERE || !view(value, &x) || x.rank < 1 || x.rank > 16 || !x.size
        || x.size > MOST || !block_of(axis, x.rank, &from, &to))
        return 0;
    Loop *found = &self->loops[x.type == NPY_DOUBLE];
    if (!found->loop || found->out != x.type)
        return 0;
    npy_intp dims[16];
    int rank = 0;
    for (int i = 0; i < x.rank; i++) {
        int gone = from <= i && i < to;
        if (!gone || keep)
            dims[rank++] = gone ? 1 : x.dims[i];
    }
    char single[8], *result = single;
    if (rank) {
        if (!(*out = new_array(rank, dims, x.type)))
            return 1;
        result = PyArray_BYTES((PyArrayObject *)*out);
    }
    reduce_into(self, &x, from, to, result);
    if (!rank)
        *out = scalar_of(x.type, single);
    return 1;
}

/* reduce(array, axis=0, dtype=None, out=None, keepdims=False, ...): as the ufunc's. */
PyObject *
quick_reduce(PyObject *object, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    Quick *self = (Quick *)object;
    PyObject *out, *given[5] = {NULL, NULL, NULL, NULL, NULL};
    static const char *const parameters[] = {"array", "axis", "dtype", "out", "keepdims"};
    int plain = count >= 1 && count <= 5;
    for (Py_ssize_t i = 0; plain && i < count; i++)
        given[i] = args[i];
    for (Py_ssize_t i = 0; plain && names && i < PyTuple_GET_SIZE(names); i++) {
        int place = 1;
        while (place < 5 && PyUnicode_CompareWithASCIIString(
                                PyTuple_GET_ITEM(names, i), parameters[place]))
            place++;
        plain = place < 5 && !given[place];
        if (plain)
            given[place] = args[count + i];
    }
    if (plain && given[2] && given[2] != Py_None)
        plain = PyArray_CheckExact(given[0])
            && given[2] == (PyObject *)PyArray_DESCR((PyArrayObject *)given[0]);
    plain = plain && given[1] && (!given[3] || given[3] == Py_None)
        && (!given[4] || PyBool_Check(given[4]));
    if (plain && reduced(self, given[0], given[1], given[4] == Py_True, &out))
        return out;
    PyObject *method = PyObject_GetAttrString(self->ufunc, "reduce");
    out = method ? PyObject_Vectorcall(method, args, count, names) : NULL;
    Py_XDECREF(method);
    return out;
}

/* The inner loop of a function of NumPy for one type, found at its first use. */
Loop *
loop_of(const char *name, int type)
{
    static struct { const char *name; PyObject *quick; } known[] = {
        {"add", NULL}, {"exp", NULL}, {"log", NULL},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i].name, name))
            continue;
        if (!known[i].quick) {
            PyObject *numpy = PyImport_ImportModule("numpy"), *ufunc;
            ufunc = numpy ? PyObject_GetAttrString(numpy, name) : NULL;
            known[i].quick = ufunc ? PyObject_CallOneArg((PyObject *)&Quick_Type, ufunc) : NULL;
            Py_XDECREF(ufunc);
            Py_XDECREF(numpy);
        }
        return known[i].quick ? quick_loop(known[i].quick, type) : NULL;
    }
    return NULL;
}

/* The sum over the leading axes that an array has more than a shape; NULL without an exception
   where that is not all there is to do. */
PyObject *
sum_to(PyObject *array, PyObject *shape)
{
    View x;
    npy_intp dims[16], size = 1;
    Loop *found;
    if (!view(array, &x) || x.rank < 1 || !x.size || x.size > MOST || !PyTuple_CheckExact(shape))
        return NULL;
    int rank = (int)PyTuple_GET_SIZE(shape), lead = x.rank - rank;
    if (rank < 1 || lead < 1 || rank > 16 || !(found = loop_of("add", x.type)))
        return NULL;
    for (int i = 0; i < rank; i++) {
        dims[i] = PyLong_AsSsize_t(PyTuple_GET_ITEM(shape, i));
        if (dims[i] != x.dims[lead + i]) {
            PyErr_Clear();
            return NULL;
        }
        size *= dims[i];
    }
    PyObject *made = PyArray_ZEROS(rank, dims, x.type, 0);
    npy_intp wide = x.type == NPY_FLOAT ? 4 : 8, strides[3] = {wide, wide, wide};
    for (npy_intp row = 0; made && row < x.size / size; row++) {
        char *total = PyArray_BYTES((PyArrayObject *)made);
        char *data[3] = {total, x.data + row * size * wide, total};
        found->loop(data, &size, strides, found->data);
    }
    return made;
}
