/* Functions of NumPy on few numbers.
 *
 * A ufunc spends some 300 ns on finding out what it was given before its inner loop runs. `Quick`
 * wraps a ufunc: where the arguments are plain (float32 or float64, contiguous, of equal shapes or
 * one repeated along leading axes, at most MOST elements) it calls the same inner loop at once, so
 * that the result is NumPy's to the bit; everything else goes to the ufunc. */

#include "quick.h"

int
view(PyObject *value, View *seen)
{
    if (PyArray_CheckExact(value)) {
        PyArrayObject *array = (PyArrayObject *)value;
        seen->type = PyArray_DESCR(array)->type_num;
        if ((seen->type != NPY_FLOAT && seen->type != NPY_DOUBLE) || !PyArray_ISCARRAY_RO(array))
            return 0;
        seen->data = PyArray_BYTES(array);
        seen->dims = PyArray_DIMS(array);
        seen->rank = PyArray_NDIM(array);
        seen->size = PyArray_SIZE(array);
        return seen->rank > 0;
    }
    if (Py_IS_TYPE(value, &PyFloatArrType_Type)) {
        seen->type = NPY_FLOAT;
        seen->data = (char *)&((PyFloatScalarObject *)value)->obval;
    }
    else if (Py_IS_TYPE(value, &PyDoubleArrType_Type)) {
        seen->type = NPY_DOUBLE;
        seen->data = (char *)&((PyDoubleScalarObject *)value)->obval;
    }
    else
        return 0;
    seen->dims = NULL;
    seen->rank = -1;
    seen->size = 1;
    return 1;
}

/* How often the smaller array is repeated to give the larger one's shape; 0 where it does not. */
static npy_intp
repeats(const View *large, const View *small)
{
    if (small->rank < 0)
        return 1;
    int lead = large->rank - small->rank;
    if (lead < 0 || !small->size)
        return 0;
    for (int axis = 0; axis < small->rank; axis++)
        if (large->dims[lead + axis] != small->dims[axis])
            return 0;
    return large->size / small->size;
}

/* A new array, not filled, of float32, float64 or bool. */
PyObject *
new_array(int rank, npy_intp *dims, int type)
{
    static PyArray_Descr *descr[3];
    PyArray_Descr **known = &descr[type == NPY_FLOAT ? 0 : type == NPY_DOUBLE ? 1 : 2];
    if (!*known && !(*known = PyArray_DescrFromType(type)))
        return NULL;
    Py_INCREF(*known);
    return PyArray_NewFromDescr(&PyArray_Type, *known, rank, dims, NULL, NULL, 0, NULL);
}

PyObject *
scalar_of(int type, const char *data)
{
    PyObject *made;
    if (type == NPY_BOOL) {
        made = *(const npy_bool *)data ? PyArrayScalar_True : PyArrayScalar_False;
        return Py_NewRef(made);
    }
    if (type == NPY_FLOAT) {
        made = PyArrayScalar_New(Float);
        if (made)
            PyArrayScalar_ASSIGN(made, Float, *(const npy_float *)data);
        return made;
    }
    made = PyArrayScalar_New(Double);
    if (made)
        PyArrayScalar_ASSIGN(made, Double, *(const npy_double *)data);
    return made;
}

int
any_nan(int type, const char *data, npy_intp size)
{
    int found = 0;
    if (type == NPY_FLOAT) {
        const npy_float *x = (const npy_float *)data;
        for (npy_intp i = 0; i < size; i++)
            found |= x[i] != x[i];
    }
    else {
        const npy_double *x = (const npy_double *)data;
        for (npy_intp i = 0; i < size; i++)
            found |= x[i] != x[i];
    }
    return found;
}

/* Whether a value is a plain array or scalar of few numbers, all of them finite. */
int
plainly_finite(PyObject *value)
{
    View seen;
    if (!view(value, &seen) || seen.size > MOST)
        return 0;
    int found = 0; /* x * 0 is not 0 for inf and nan */
    if (seen.type == NPY_FLOAT) {
        const npy_float *x = (const npy_float *)seen.data;
        for (npy_intp i = 0; i < seen.size; i++)
            found |= x[i] * 0 != 0;
    }
    else {
        const npy_double *x = (const npy_double *)seen.data;
        for (npy_intp i = 0; i < seen.size; i++)
            found |= x[i] * 0 != 0;
    }
    return !found;
}

/* Whether an array or scalar holds no nan; -1 where only Python can tell. */
int
all_defined(PyObject *value)
{
    View seen;
    if (!view(value, &seen) || seen.size > MOST)
        return -1;
    return !any_nan(seen.type, seen.data, seen.size);
}

/* A Python number beside an array of floats, as a scalar of their type in `room`. */
int
view_number(PyObject *value, int type, npy_double *room, View *seen)
{
    if (!PyFloat_CheckExact(value) && !PyLong_CheckExact(value))
        return 0;
    double number = PyFloat_AsDouble(value);
    if (number == -1.0 && PyErr_Occurred()) {
        PyErr_Clear();
        return 0;
    }
    if (type == NPY_FLOAT) {
        npy_float single = (npy_float)number;
        if (isinf(single) && !isinf(number)) /* NumPy warns of it */
            return 0;
        *(npy_float *)room = single;
    }
    else
        *room = number;
    *seen = (View){(char *)room, NULL, 1, type, -1};
    return 1;
}

/* Call the inner loop: 1 with the result (NULL with an exception), 0 where it is not plain. */
static int
looped(Quick *self, PyObject *const *args, PyObject **out)
{
    View x, y;
    View *like = &x;
    npy_intp turns = 1;
    npy_double room;
    if (!view(args[0], &x))
        return 0;
    if (self->inputs == 2) {
        if (!view(args[1], &y) && !view_number(args[1], x.type, &room, &y))
            return 0;
        if (x.type != y.type)
            return 0;
        if (x.rank < y.rank)
            like = &y;
        turns = like == &x ? repeats(&x, &y) : repeats(&y, &x);
        if (!turns)
            return 0;
    }
    if (like->size > MOST || !like->size)
        return 0;
    Loop *found = &self->loops[x.type == NPY_DOUBLE];
    if (!found->loop)
        return 0;
    int wide = x.type == NPY_DOUBLE ? 8 : 4, narrow = found->out == NPY_BOOL ? 1 : wide;
    char *to, single[16];
    PyObject *made = NULL;
    if (like->rank < 0)
        to = single;
    else {
        made = new_array(like->rank, like->dims, found->out);
        *out = made;
        if (!made)
            return 1;
        to = PyArray_BYTES((PyArrayObject *)made);
    }
    npy_intp count = like->size / turns;
    npy_intp strides[3] = {x.rank < 0 ? 0 : wide, narrow, narrow};
    if (self->inputs == 2)
        strides[1] = y.rank < 0 ? 0 : wide;
    for (npy_intp turn = 0; turn < turns; turn++) {
        char *data[3];
        data[0] = x.data + (like == &x ? turn * count * strides[0] : 0);
        data[1] = data[2] = to + turn * count * narrow;
        if (self->inputs == 2)
            data[1] = y.data + (like == &y ? turn * count * strides[1] : 0);
        found->loop(data, &count, strides, found->data);
    }
    if (like->rank < 0)
        *out = made = scalar_of(found->out, single);
    if (self->guard && made && any_nan(found->out, to, like->size)) {
        *out = PyObject_CallFunctionObjArgs(
            bound.zero_wins, made, args[0], self->guard > 1 ? args[1] : NULL, NULL);
        Py_DECREF(made);
    }
    return 1;
}

/* The same for any object: 0 unless it is a `Quick` with plain arguments. */
int
quick_try(PyObject *quick, PyObject *const *args, PyObject **out)
{
    return Py_IS_TYPE(quick, &Quick_Type) && looped((Quick *)quick, args, out);
}

static PyObject *
quick_call(PyObject *callable, PyObject *const *args, size_t flags, PyObject *names)
{
    Quick *self = (Quick *)callable;
    PyObject *out;
    Py_ssize_t count = PyVectorcall_NARGS(flags);
    if (!names && count == self->inputs && looped(self, args, &out))
        return out;
    if (self->operator && !names && count == 2 && PyArray_CheckAnyScalar(args[0])
        && PyArray_CheckAnyScalar(args[1]))
        out = self->operator(args[0], args[1]); /* faster, and as Python computes */
    else
        out = PyObject_Vectorcall(self->ufunc, args, flags, names);
    if (out && self->guard && count == 2) {
        PyObject *product = out;
        PyObject *const given[3] = {product, args[0], args[1]};
        out = wins(NULL, given, 1 + self->guard);
        Py_DECREF(product);
    }
    return out;
}

/* zero_wins(product, *factors): the product itself where it holds no nan. */
PyObject *
wins(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    if (count > 0 && all_defined(args[0]) == 1)
        return Py_NewRef(args[0]);
    return PyObject_Vectorcall(bound.zero_wins, args, count, NULL);
}

/* present += given for two plain arrays of one shape; 0 where NumPy has to do it. */
int
add_into(PyObject *present, PyObject *given)
{
    View x, y;
    if (!view(present, &x) || !view(given, &y) || x.type != y.type || x.rank != y.rank)
        return 0;
    if (x.rank < 1 || x.size > MOST || repeats(&x, &y) != 1)
        return 0;
    if (!PyArray_ISWRITEABLE((PyArrayObject *)present))
        return 0;
    if (x.type == NPY_FLOAT) {
        npy_float *to = (npy_float *)x.data;
        const npy_float *from = (const npy_float *)y.data;
        for (npy_intp i = 0; i < x.size; i++)
            to[i] += from[i];
    }
    else {
        npy_double *to = (npy_double *)x.data;
        const npy_double *from = (const npy_double *)y.data;
        for (npy_intp i = 0; i < x.size; i++)
            to[i] += from[i];
    }
    return 1;
}

PyObject *
shape_of(PyObject *array)
{
    if (PyArray_CheckExact(array)) {
        int rank = PyArray_NDIM((PyArrayObject *)array);
        npy_intp *dims = PyArray_DIMS((PyArrayObject *)array);
        PyObject *shape = PyTuple_New(rank);
        for (int axis = 0; shape && axis < rank; axis++) {
            PyObject *size = PyLong_FromSsize_t(dims[axis]);
            if (!size)
                Py_CLEAR(shape);
            else
                PyTuple_SET_ITEM(shape, axis, size);
        }
        return shape;
    }
    if (PyArray_CheckScalar(array))
        return PyTuple_New(0);
    return PyObject_GetAttrString(array, "shape");
}

PyObject *
dtype_of(PyObject *array)
{
    if (PyArray_CheckExact(array))
        return Py_NewRef((PyObject *)PyArray_DESCR((PyArrayObject *)array));
    if (Py_IS_TYPE(array, &PyFloatArrType_Type))
        return (PyObject *)PyArray_DescrFromType(NPY_FLOAT);
    if (Py_IS_TYPE(array, &PyDoubleArrType_Type))
        return (PyObject *)PyArray_DescrFromType(NPY_DOUBLE);
    return PyObject_GetAttrString(array, "dtype");
}

/* Whether two arrays or scalars have one shape. */
int
same_shape(PyObject *one, PyObject *other)
{
    if (!PyArray_CheckExact(one) || !PyArray_CheckExact(other))
        return PyArray_CheckScalar(one) && PyArray_CheckScalar(other);
    PyArrayObject *a = (PyArrayObject *)one, *b = (PyArrayObject *)other;
    return PyArray_SAMESHAPE(a, b);
}

/* Whether an array or scalar has the shape that a tuple says. */
int
has_shape(PyObject *array, PyObject *shape)
{
    int rank = 0;
    npy_intp *dims = NULL;
    if (PyArray_CheckExact(array)) {
        rank = PyArray_NDIM((PyArrayObject *)array);
        dims = PyArray_DIMS((PyArrayObject *)array);
    }
    if (!PyTuple_CheckExact(shape) || PyTuple_GET_SIZE(shape) != rank)
        return 0;
    for (int axis = 0; axis < rank; axis++) {
        PyObject *size = PyTuple_GET_ITEM(shape, axis);
        if (!PyLong_CheckExact(size) || PyLong_AsSsize_t(size) != dims[axis])
            return 0;
    }
    return 1;
}

static void
find_loops(Quick *self)
{
    PyUFuncObject *ufunc = (PyUFuncObject *)self->ufunc;
    const int types[2] = {NPY_FLOAT, NPY_DOUBLE};
    if (ufunc->nout != 1 || ufunc->core_enabled || ufunc->nin > 2)
        return;
    for (int which = 0; which < 2; which++)
        for (int i = 0; i < ufunc->ntypes && !self->loops[which].loop; i++) {
            const char *row = ufunc->types + i * ufunc->nargs;
            int out = row[ufunc->nin];
            int fits = row[0] == types[which] && row[ufunc->nin - 1] == types[which];
            if (fits && (out == types[which] || out == NPY_BOOL)) {
                self->loops[which].loop = ufunc->functions[i];
                self->loops[which].data = ufunc->data ? ((void **)ufunc->data)[i] : NULL;
                self->loops[which].out = out;
            }
        }
}

static int
start_of(PyUFuncObject *ufunc)
{
    if (!strcmp(ufunc->name, "add"))
        return 0;
    if (!strcmp(ufunc->name, "multiply"))
        return 1;
    return !strcmp(ufunc->name, "maximum") || !strcmp(ufunc->name, "minimum") ? FIRST : NOWHERE;
}

static binaryfunc
operator_of(PyUFuncObject *ufunc)
{
    if (!strcmp(ufunc->name, "add"))
        return PyNumber_Add;
    if (!strcmp(ufunc->name, "subtract"))
        return PyNumber_Subtract;
    if (!strcmp(ufunc->name, "multiply"))
        return PyNumber_Multiply;
    return strcmp(ufunc->name, "divide") ? NULL : PyNumber_TrueDivide;
}

static PyObject *
quick_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"ufunc", "guard", NULL};
    PyObject *ufunc;
    int guard = 0;
    if (!PyArg_ParseTupleAndKeywords(
            args, keywords, "O!|i:Quick", names, &PyUFunc_Type, &ufunc, &guard))
        return NULL;
    if (guard && ((PyUFuncObject *)ufunc)->nin != 2) {
        PyErr_SetString(PyExc_ValueError, "Quick: a guard is for a ufunc of two arguments");
        return NULL;
    }
    Quick *self = (Quick *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->ufunc = Py_NewRef(ufunc);
    self->call = quick_call;
    self->inputs = ((PyUFuncObject *)ufunc)->nin;
    self->guard = guard;
    self->start = start_of((PyUFuncObject *)ufunc);
    self->operator = operator_of((PyUFuncObject *)ufunc);
    find_loops(self);
    return (PyObject *)self;
}

static void
quick_dealloc(PyObject *self)
{
    Py_XDECREF(((Quick *)self)->ufunc);
    Py_TYPE(self)->tp_free(self);
}

static PyObject *
quick_repr(PyObject *self)
{
    return PyUnicode_FromFormat("<Quick %R>", ((Quick *)self)->ufunc);
}

static PyObject *
quick_getattr(PyObject *self, PyObject *name)
{
    PyObject *found = PyObject_GenericGetAttr(self, name);
    if (found || !PyErr_ExceptionMatches(PyExc_AttributeError))
        return found;
    PyErr_Clear();
    return PyObject_GetAttr(((Quick *)self)->ufunc, name);
}

static PyMethodDef quick_methods[] = {
    {"reduce", (PyCFunction)(void (*)(void))quick_reduce, METH_FASTCALL | METH_KEYWORDS,
     PyDoc_STR("As the ufunc's.")},
    {NULL},
};

PyTypeObject Quick_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "gradtape.core._quick.Quick",
    .tp_doc = PyDoc_STR("Quick(ufunc, guard=0): a ufunc whose inner loop is called at once for few "
                        "numbers. guard: how many factors make 0 of a nan where they are 0."),
    .tp_basicsize = sizeof(Quick),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_vectorcall_offset = offsetof(Quick, call),
    .tp_call = PyVectorcall_Call,
    .tp_new = quick_new,
    .tp_dealloc = quick_dealloc,
    .tp_repr = quick_repr,
    .tp_getattro = quick_getattr,
    .tp_methods = quick_methods,
};
