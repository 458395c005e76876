/* A small program again and again: the rounds of a scan, without an interpreter between them.
 *
 * The first inputs are the state, then come a row of each array, then what stays the same; the first
 * results are the next state, the others a row of each result. Where a result is memory of the run's
 * own, it is written where it belongs at once. Python's lock is not held; compiled code calls the
 * same by XLA's interface, with the number under which the program was made known. */

#include "program.h"
#include "xla.h"

#include <stdlib.h>

typedef struct {
    int carried, rows, reverse;
    npy_intp length;
    char *in[SLOTS], *last[SLOTS], *stacks[SLOTS]; /* state, rows and more; the last state; results */
} Rounds;

static npy_intp
bytes(const Slot *slot)
{
    return slot->size * wide(slot->type);
}

/* Whether the program is one of rounds: no kernels, and the next state is like the state. */
static int
fits(const Program *p, int carried, int rows)
{
    if (p->calls || carried < 0 || rows < 0 || carried + rows > p->inputs || carried > p->outputs
        || p->outputs > SLOTS)
        return 0;
    for (int i = 0; i < p->inputs; i++)
        if (p->slot[i].type < 0)
            return 0;
    for (int i = 0; i < p->outputs; i++)
        if (p->slot[p->results[i]].type < 0)
            return 0;
    for (int i = 0; i < carried; i++) {
        const Slot *now = &p->slot[i], *next = &p->slot[p->results[i]];
        if (now->type != next->type || now->size != next->size)
            return 0;
    }
    return 1;
}

/* Which results lie elsewhere than in memory of the run's own, or are another result too: they are
copied after each round. */
static void
find_copied(const Program *p, char *copied)
{
    for (int i = 0; i < p->outputs; i++) {
        int place = p->slot[p->results[i]].place;
        copied[i] = place != ROOM && place != FRESH;
        for (int before = 0; before < i; before++)
            copied[i] |= p->results[before] == p->results[i];
    }
}

/* Where a result of a round belongs. */
static char *
goal(const Program *p, const Rounds *r, int i, npy_intp at, char **next)
{
    return i < r->carried ? next[i] : r->stacks[i - r->carried] + at * bytes(&p->slot[p->results[i]]);
}

/* 0, or -1 without memory. */
static int
run(Program *p, const Rounds *r)
{
    npy_intp moving = 0;
    char *data[SLOTS], *buffers[2][SLOTS], copied[SLOTS], *memory;
    for (int i = 0; i < r->carried; i++)
        moving += BLOCKS(bytes(&p->slot[i]));
    if (!(memory = malloc(p->room + p->fresh + 2 * moving + 64)))
        return -1;
    char *first = (char *)BLOCKS((uintptr_t)memory), *more = first + p->room + p->fresh;
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < r->carried; i++) {
            buffers[k][i] = more;
            more += BLOCKS(bytes(&p->slot[i]));
        }
    for (int i = 0; i < p->slots; i++) {
        const Slot *slot = &p->slot[i];
        data[i] = slot->place == GIVEN ? r->in[i]
            : slot->place == CONSTANT  ? slot->numbers
            : slot->place == FRESH     ? first + p->room + slot->offset
                                       : first + slot->offset;
    }
    find_copied(p, copied);
    for (npy_intp n = 0; n < r->length; n++) {
        npy_intp at = r->reverse ? r->length - 1 - n : n;
        char **next = n + 1 == r->length ? (char **)r->last : buffers[n & 1];
        for (int i = r->carried; i < r->carried + r->rows; i++)
            data[i] = r->in[i] + at * bytes(&p->slot[i]);
        for (int i = 0; i < p->outputs; i++)
            if (!copied[i])
                data[p->results[i]] = goal(p, r, i, at, next);
        run_acts(p, NULL, data);
        for (int i = 0; i < p->outputs; i++)
            if (copied[i])
                memcpy(goal(p, r, i, at, next), data[p->results[i]], bytes(&p->slot[p->results[i]]));
        for (int i = 0; i < r->carried; i++)
            data[i] = next[i];
    }
    for (int i = 0; !r->length && i < r->carried; i++)
        memcpy(r->last[i], r->in[i], bytes(&p->slot[i]));
    free(memory);
    return 0;
}

/* From Python. */

/* repeats(carried, rows): whether `rounds` may run it with so many states and rows. */
static PyObject *
repeats(PyObject *object, PyObject *args)
{
    int carried, rows;
    if (!PyArg_ParseTuple(args, "ii", &carried, &rows))
        return NULL;
    return PyBool_FromLong(fits((Program *)object, carried, rows));
}

/* The numbers of so many rows in an array; NULL where it is not plain. */
static char *
stacked(PyObject *value, const Slot *slot, npy_intp length)
{
    PyArrayObject *array = (PyArrayObject *)value;
    int plain = PyArray_CheckExact(value) && PyArray_DESCR(array)->type_num == slot->type
        && PyArray_ISCARRAY_RO(array) && PyArray_NDIM(array) == slot->rank + 1
        && PyArray_DIM(array, 0) == length && PyArray_SIZE(array) == length * slot->size;
    return plain ? PyArray_BYTES(array) : NULL;
}

/* An array for a result of each round, or for the last of them (length -1). */
static PyObject *
room_for(const Slot *slot, npy_intp length)
{
    npy_intp dims[17];
    int lead = length >= 0;
    dims[0] = length;
    memcpy(dims + lead, slot->dims, slot->rank * sizeof *dims);
    return new_array(slot->rank + lead, dims, slot->type);
}

/* rounds(arrays, carried, rows, length, reverse): the last state and the stacked results. */
static PyObject *
rounds(PyObject *object, PyObject *args)
{
    Program *p = (Program *)object;
    PyObject *arrays;
    Rounds r;
    if (!PyArg_ParseTuple(args, "O!iinp", &PyTuple_Type, &arrays, &r.carried, &r.rows, &r.length,
                          &r.reverse))
        return NULL;
    if (!fits(p, r.carried, r.rows) || PyTuple_GET_SIZE(arrays) != p->inputs || r.length < 0)
        Py_RETURN_NONE;
    for (int i = 0; i < p->inputs; i++) {
        PyObject *value = PyTuple_GET_ITEM(arrays, i);
        int row = i >= r.carried && i < r.carried + r.rows;
        r.in[i] = row ? stacked(value, &p->slot[i], r.length) : numbers_of(value, &p->slot[i]);
        if (!r.in[i])
            Py_RETURN_NONE;
    }
    PyObject *made = PyTuple_New(p->outputs);
    for (int i = 0; made && i < p->outputs; i++) {
        PyObject *array = room_for(&p->slot[p->results[i]], i < r.carried ? -1 : r.length);
        if (!array) {
            Py_CLEAR(made);
            break;
        }
        PyTuple_SET_ITEM(made, i, array);
        *(i < r.carried ? &r.last[i] : &r.stacks[i - r.carried]) = PyArray_BYTES((PyArrayObject *)array);
    }
    if (!made)
        return NULL;
    int bad;
    Py_BEGIN_ALLOW_THREADS
    bad = run(p, &r);
    Py_END_ALLOW_THREADS
    if (bad) {
        Py_DECREF(made);
        return PyErr_NoMemory();
    }
    for (int i = 0; i < r.carried; i++) /* one number is a scalar */
        PyTuple_SET_ITEM(made, i, PyArray_Return((PyArrayObject *)PyTuple_GET_ITEM(made, i)));
    return made;
}

/* From XLA. */

typedef struct Known {
    int64_t number[2];
    Program *program;
    struct Known *before;
} Known;

static Known *_Atomic known; /* none is ever taken away */

static Program *
program_of(const int64_t *number)
{
    for (Known *k = known; k != NULL; k = k->before)
        if (k->number[0] == number[0] && k->number[1] == number[1])
            return k->program;
    return NULL;
}

/* publish(first, second): make the program known to compiled code under a number of 128 bits. */
static PyObject *
publish(PyObject *object, PyObject *args)
{
    long long number[2];
    if (!PyArg_ParseTuple(args, "LL", &number[0], &number[1]))
        return NULL;
    int64_t same[2] = {number[0], number[1]};
    if (program_of(same) == NULL) {
        Known *made = malloc(sizeof *made);
        if (made == NULL)
            return PyErr_NoMemory();
        *made = (Known){{same[0], same[1]}, (Program *)Py_NewRef(object), known};
        known = made;
    }
    Py_RETURN_NONE;
}

PyMethodDef rounds_methods[] = {
    {"repeats", repeats, METH_VARARGS,
     PyDoc_STR("repeats(carried, rows): whether it can be run round by round.")},
    {"rounds", rounds, METH_VARARGS,
     PyDoc_STR("rounds(arrays, carried, rows, length, reverse): the last state and the stacked "
               "results of so many rounds, or None where Python has to run them.")},
    {"publish", publish, METH_VARARGS,
     PyDoc_STR("publish(first, second): make it known to compiled code under a number.")},
    {NULL},
};

static int
holds(const Buffer *buffer, const Slot *slot, int64_t length)
{
    int type = slot->type == NPY_FLOAT ? SINGLE : slot->type == NPY_DOUBLE ? DOUBLE : PREDICATE;
    int64_t size = 1;
    for (int64_t i = 0; i < buffer->rank; i++)
        size *= buffer->dims[i];
    return buffer->dtype == type && size == slot->size * length;
}

/* Attributes: the program's number, and carried, rows, length and reverse as for `rounds`. */
static Error *
call_rounds(Frame *frame)
{
    if (asked(frame))
        return NULL;
    Buffer **in = (Buffer **)frame->arguments.values, **out = (Buffer **)frame->results.values;
    int64_t count, some;
    const int64_t *number = numbers(frame, "program", &count), *how = numbers(frame, "rounds", &some);
    Program *p = count == 2 ? program_of(number) : NULL;
    if (p == NULL || some != 4)
        return failed(frame, INVALID_ARGUMENT, "gradtape: compiled code runs a scan that this process "
                                               "has not recorded.");
    Rounds r = {.carried = (int)how[0], .rows = (int)how[1], .length = how[2], .reverse = how[3] != 0};
    int right = fits(p, r.carried, r.rows) && frame->arguments.size == p->inputs
        && frame->results.size == p->outputs;
    for (int i = 0; right && i < p->inputs; i++) {
        int row = i >= r.carried && i < r.carried + r.rows;
        right = holds(in[i], &p->slot[i], row ? r.length : 1);
        r.in[i] = in[i]->data;
    }
    for (int i = 0; right && i < p->outputs; i++) {
        right = holds(out[i], &p->slot[p->results[i]], i < r.carried ? 1 : r.length);
        *(i < r.carried ? &r.last[i] : &r.stacks[i - r.carried]) = out[i]->data;
    }
    if (!right)
        return failed(frame, INVALID_ARGUMENT, "gradtape: a scan was called with other operands than it "
                                               "was made for.");
    return run(p, &r) ? failed(frame, RESOURCE_EXHAUSTED, "gradtape: no memory for a scan.") : NULL;
}

int
add_rounds(PyObject *module)
{
    /* the name by which JAX knows capsules of handlers */
    PyObject *capsule = PyCapsule_New((void *)call_rounds, "xla._CUSTOM_CALL_TARGET", NULL);
    int bad = capsule == NULL ? -1 : PyModule_AddObjectRef(module, "xla_rounds", capsule);
    Py_XDECREF(capsule);
    return bad;
}
