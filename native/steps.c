/* Short functions of arrays that call nothing but `Quick` functions, run without an interpreter.
 *
 * What a rule was written down as is a Python function of some lines, each a call: its frame, and the
 * arrays between the calls, cost more than the numbers. For at most FEW numbers of one shape `Steps`
 * runs the same inner loops one after the other, with what lies between in memory of its own. Where
 * that is not all there is to it (another shape or type, a nan that a product has to look at), the
 * function itself is called. */

#include "quick.h"

#define FEW 256
#define SLOTS 48

typedef struct {
    Quick *function;
    int operands[2];
} Step;

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *function;  /* of the same arguments, for every case */
    PyObject *constants; /* a tuple of arrays and scalars */
    int inputs, fixed, count, outputs;
    unsigned used; /* the bits of the inputs that a step takes */
    Step *steps;
    int results[2]; /* slots; -1 for None */
} Steps;

/* Slots are numbered: the inputs, the constants, the results of the steps. */

static int
read_slots(Steps *self, PyObject *const *inputs, View *slots, View *like)
{
    *like = (View){NULL, NULL, 1, 0, -1};
    for (int i = 0; i < self->inputs + self->fixed; i++) {
        if (i < self->inputs && !(self->used & 1u << i))
            continue;
        PyObject *value =
            i < self->inputs ? inputs[i] : PyTuple_GET_ITEM(self->constants, i - self->inputs);
        View *seen = &slots[i];
        if (!value || !view(value, seen) || seen->size > FEW || !seen->size)
            return 0;
        if (like->type && like->type != seen->type)
            return 0;
        if (like->rank > 0 && seen->rank > 0
            && (like->rank != seen->rank
                || memcmp(like->dims, seen->dims, seen->rank * sizeof(npy_intp))))
            return 0;
        if (!like->type || seen->rank > 0)
            *like = *seen;
    }
    return like->type != 0;
}

/* The first result that is a slot; -1 for none. */
static int
first_with(Steps *self, int slot)
{
    for (int r = 0; r < self->outputs; r++)
        if (self->results[r] == slot)
            return r;
    return -1;
}

/* Run the steps: 1 with the results, 0 where that is not plain, -1 with an exception. */
int
steps_try(PyObject *object, PyObject *const *inputs, PyObject **results)
{
    Steps *self = (Steps *)object;
    View slots[SLOTS], like;
    char room[SLOTS][FEW * sizeof(npy_double)];
    PyObject *made[2] = {NULL, NULL};
    int base = self->inputs + self->fixed, answer = 1;
    if (!read_slots(self, inputs, slots, &like))
        return 0;
    npy_intp wide = like.type == NPY_FLOAT ? 4 : 8;
    for (int k = 0; answer == 1 && k < self->count; k++) {
        Step *step = &self->steps[k];
        View *x = &slots[step->operands[0]], *out = &slots[base + k];
        View *y = step->function->inputs == 2 ? &slots[step->operands[1]] : NULL;
        Loop *found = &step->function->loops[like.type == NPY_DOUBLE];
        *out = x->rank > 0 || !y ? *x : *y;
        out->data = room[k];
        int owner = first_with(self, base + k);
        if (owner >= 0 && out->rank > 0) {
            made[owner] = new_array(out->rank, out->dims, out->type);
            if (!made[owner]) {
                answer = -1;
                break;
            }
            out->data = PyArray_BYTES((PyArrayObject *)made[owner]);
        }
        npy_intp strides[3] = {x->rank > 0 ? wide : 0, wide, wide}, size = out->size;
        char *data[3] = {x->data, out->data, out->data};
        if (y) {
            strides[1] = y->rank > 0 ? wide : 0;
            data[1] = y->data;
        }
        found->loop(data, &size, strides, found->data);
        if (step->function->guard && any_nan(out->type, out->data, size))
            answer = 0;
    }
    for (int r = 0; answer == 1 && r < self->outputs; r++) {
        int slot = self->results[r];
        if (slot < 0)
            results[r] = Py_NewRef(Py_None);
        else if (slot < self->inputs)
            results[r] = Py_NewRef(inputs[slot]);
        else if (slot < base)
            results[r] = Py_NewRef(PyTuple_GET_ITEM(self->constants, slot - self->inputs));
        else if (slots[slot].rank > 0)
            results[r] = Py_NewRef(made[first_with(self, slot)]);
        else if (!(results[r] = scalar_of(slots[slot].type, slots[slot].data))) {
            if (r)
                Py_DECREF(results[0]);
            answer = -1;
        }
    }
    Py_XDECREF(made[0]);
    Py_XDECREF(made[1]);
    return answer;
}

static PyObject *
steps_call(PyObject *object, PyObject *const *args, size_t flags, PyObject *names)
{
    return PyObject_Vectorcall(((Steps *)object)->function, args, flags, names);
}

/* run(*inputs): the results as a tuple; None where that is not plain. */
static PyObject *
steps_run(PyObject *object, PyObject *const *args, Py_ssize_t count)
{
    Steps *self = (Steps *)object;
    PyObject *inputs[8], *results[2], *made;
    if (count != self->inputs) {
        PyErr_Format(PyExc_TypeError, "run: needs %d arrays, got %zd", self->inputs, count);
        return NULL;
    }
    for (Py_ssize_t i = 0; i < count; i++)
        inputs[i] = args[i] == Py_None ? NULL : args[i];
    int ran = steps_try(object, inputs, results);
    if (ran < 0)
        return NULL;
    if (!ran)
        Py_RETURN_NONE;
    made = PyTuple_New(self->outputs);
    for (int r = 0; r < self->outputs; r++)
        if (made)
            PyTuple_SET_ITEM(made, r, results[r]);
        else
            Py_DECREF(results[r]);
    return made;
}

static PyMethodDef steps_methods[] = {
    {"run", (PyCFunction)(void (*)(void))steps_run, METH_FASTCALL,
     PyDoc_STR("run(*inputs): the results as a tuple; None where that is not plain.")},
    {NULL},
};

/* One step of a list: (function, slot[, slot]). */
static int
read_step(Steps *self, int number, PyObject *entry)
{
    Step *step = &self->steps[number];
    int known = self->inputs + self->fixed + number;
    PyObject *function;
    if (!PyArg_ParseTuple(entry, "O!i|i", &Quick_Type, &function, &step->operands[0],
                          &step->operands[1]))
        return -1;
    step->function = (Quick *)Py_NewRef(function);
    for (int i = 0; i < step->function->inputs; i++) {
        int slot = step->operands[i];
        if (slot < 0 || slot >= known) {
            PyErr_SetString(PyExc_ValueError, "Steps: a step takes what comes later");
            return -1;
        }
        if (slot < self->inputs)
            self->used |= 1u << slot;
    }
    for (int type = 0; type < 2; type++)
        if (!step->function->loops[type].loop
            || step->function->loops[type].out != (type ? NPY_DOUBLE : NPY_FLOAT)) {
            PyErr_SetString(PyExc_ValueError, "Steps: a function has no loop of floats");
            return -1;
        }
    return 0;
}

static PyObject *
steps_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"function", "inputs", "constants", "steps", "results", NULL};
    PyObject *function, *constants, *steps, *results;
    int inputs;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OiO!O!O!:Steps", names, &function, &inputs,
                                     &PyTuple_Type, &constants, &PyList_Type, &steps,
                                     &PyTuple_Type, &results))
        return NULL;
    Py_ssize_t fixed = PyTuple_GET_SIZE(constants), count = PyList_GET_SIZE(steps);
    Py_ssize_t outputs = PyTuple_GET_SIZE(results);
    if (inputs < 1 || inputs > 8 || inputs + fixed + count > SLOTS || outputs < 1 || outputs > 2) {
        PyErr_SetString(PyExc_ValueError, "Steps: too many of them");
        return NULL;
    }
    Steps *self = (Steps *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->call = steps_call;
    self->function = Py_NewRef(function);
    self->constants = Py_NewRef(constants);
    self->inputs = inputs;
    self->fixed = (int)fixed;
    self->outputs = (int)outputs;
    self->steps = PyMem_Calloc(count ? count : 1, sizeof(Step));
    int failed = !self->steps;
    for (Py_ssize_t i = 0; !failed && i < count; i++) {
        self->count = (int)i + 1;
        failed = read_step(self, (int)i, PyList_GET_ITEM(steps, i));
    }
    for (Py_ssize_t i = 0; !failed && i < outputs; i++) {
        long slot = PyLong_AsLong(PyTuple_GET_ITEM(results, i));
        failed = PyErr_Occurred() != NULL || slot >= inputs + fixed + count;
        self->results[i] = (int)slot;
        if (0 <= slot && slot < inputs)
            self->used |= 1u << slot;
    }
    if (!failed)
        return (PyObject *)self;
    if (!PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "Steps: a result that is none");
    Py_DECREF(self);
    return NULL;
}

static void
steps_dealloc(PyObject *object)
{
    Steps *self = (Steps *)object;
    for (int i = 0; self->steps && i < self->count; i++)
        Py_XDECREF(self->steps[i].function);
    PyMem_Free(self->steps);
    Py_XDECREF(self->function);
    Py_XDECREF(self->constants);
    Py_TYPE(object)->tp_free(object);
}

PyTypeObject Steps_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "gradtape.core._quick.Steps",
    .tp_doc = PyDoc_STR("Steps(function, inputs, constants, steps, results): a function of arrays, "
                        "and what it does as a list of (Quick, slot[, slot])."),
    .tp_basicsize = sizeof(Steps),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_vectorcall_offset = offsetof(Steps, call),
    .tp_call = PyVectorcall_Call,
    .tp_new = steps_new,
    .tp_dealloc = steps_dealloc,
    .tp_methods = steps_methods,
};
