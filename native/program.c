/* Small programs of fixed shapes, run without an interpreter.
 *
 * A recorded function of some dozen operations on few numbers takes Python longer than NumPy, and a
 * call of compiled code longer than both. `graph.few` writes such a program down as slots and steps;
 * here the steps run one after the other: inner loops of NumPy's functions, moves of numbers to other
 * places, reductions, choices, and calls of kernels that are none of these. What lies between is
 * memory of the run's own. Where a kernel fails or gives what was not foreseen, the answer is None,
 * and Python runs the program: it does nothing but compute. */

#include "program.h"

/* Where the numbers of an object lie; NULL where it is not what a slot holds. */
char *
numbers_of(PyObject *value, const Slot *slot)
{
    View seen;
    if (slot->rank && slot->type == NPY_BOOL) {
        PyArrayObject *array = (PyArrayObject *)value;
        return PyArray_CheckExact(value) && PyArray_DESCR(array)->type_num == NPY_BOOL
                && PyArray_ISCARRAY_RO(array) && PyArray_SIZE(array) == slot->size
            ? PyArray_BYTES(array) : NULL;
    }
    if (slot->type == NPY_BOOL)
        return PyArray_IsScalar(value, Bool)
            ? (char *)&((PyBoolScalarObject *)value)->obval : NULL;
    if (!view(value, &seen) || seen.type != slot->type || seen.size != slot->size
        || (seen.rank > 0) != (slot->rank > 0))
        return NULL;
    return seen.data;
}

static void
move(const Act *act, const Slot *slots, char **data)
{
    const Slot *out = &slots[act->out[0]];
    npy_intp item = wide(out->type);
    char *to = data[act->out[0]];
    if (!act->whole)
        memset(to, 0, out->size * item);
    for (npy_intp i = 0; i < act->moves; i++) {
        const Run *run = &act->runs[i];
        const char *from = data[run->source] + run->from * item;
        if (run->count > 1)
            memcpy(to + run->to * item, from, run->count * item);
        else if (item == 4)
            ((npy_float *)to)[run->to] = *(const npy_float *)from;
        else
            memcpy(to + run->to * item, from, item);
    }
}

static void
loop(const Act *act, const Slot *slots, char **data)
{
    const Loop *found =
        &((Quick *)act->function)->loops[slots[act->operands[0]].type == NPY_DOUBLE];
    npy_intp strides[3] = {act->strides[0], act->strides[1], act->strides[2]};
    for (npy_intp turn = 0; turn < act->turns; turn++) {
        char *at[3];
        npy_intp each = act->each;
        for (int i = 0; i < act->count; i++)
            at[i] = data[act->operands[i]] + turn * act->leaps[i];
        at[act->count] = data[act->out[0]] + turn * act->leaps[act->count];
        found->loop(at, &each, strides, found->data);
    }
}

/* The same by arithmetic of our own. */
static void
do_loop(const Act *act, char **data)
{
    char *at[3] = {data[act->operands[0]], data[act->operands[1]], data[act->out[0]]};
    act->own(at, act->each, act->strides);
    for (npy_intp turn = 1; turn < act->turns; turn++) {
        for (int i = 0; i < act->count; i++)
            at[i] += act->leaps[i];
        at[2] += act->leaps[act->count];
        act->own(at, act->each, act->strides);
    }
}

/* Where a result is nan and one of the factors that the guard names is 0, it is 0. */
static void
stop(const Act *act, int type, char **data)
{
    npy_intp item = wide(type);
    for (npy_intp turn = 0; turn < act->turns; turn++)
        for (int i = 0; i < act->count; i++) {
            char *out = data[act->out[0]] + turn * act->leaps[act->count];
            const char *factor = data[act->operands[i]] + turn * act->leaps[i];
            if (!(act->guard >> i & 1))
                continue;
            for (npy_intp k = 0; k < act->each; k++, out += item, factor += act->strides[i])
                if (type == NPY_FLOAT) {
                    if (*(npy_float *)out != *(npy_float *)out && *(const npy_float *)factor == 0)
                        *(npy_float *)out = 0;
                }
                else if (*(npy_double *)out != *(npy_double *)out && *(const npy_double *)factor == 0)
                    *(npy_double *)out = 0;
        }
}

static void
choose(const Act *act, const Slot *slots, char **data)
{
    const npy_bool *c = (const npy_bool *)data[act->operands[0]];
    npy_intp item = wide(slots[act->out[0]].type);
    const char *x = data[act->operands[1]], *y = data[act->operands[2]];
    char *to = data[act->out[0]];
    for (npy_intp i = 0; i < act->size; i++)
        memcpy(to + i * item,
               c[i * act->strides[0]] ? x + i * act->strides[1] : y + i * act->strides[2], item);
}

/* Keep a result of a kernel (the reference is taken over): 1, or 0 where it is not as foreseen. */
static int
keep(Program *self, int number, PyObject *value, PyObject **held, char **data)
{
    const Slot *slot = &self->slot[number];
    if (value && PyArray_CheckExact(value)) {
        PyArrayObject *array = (PyArrayObject *)value;
        if (!PyArray_NDIM(array))
            value = PyArray_Return(array);
        else if (slot->type >= 0 && !PyArray_ISCARRAY_RO(array)) {
            value = PyArray_FromArray(array, NULL, NPY_ARRAY_CARRAY);
            Py_DECREF(array);
        }
    }
    held[number] = value;
    if (!value)
        return 0;
    return slot->type < 0 || (data[number] = numbers_of(value, slot)) != NULL;
}

/* Call a kernel with arrays: 1, 0 where its result is not as foreseen, -1 with an exception. */
static int
call_kernel(Program *self, const Act *act, PyObject **held, char **data)
{
    PyObject *given[1 + OPERANDS], *scalars[OPERANDS], *found = NULL;
    int made = 0, answer = 1;
    given[0] = bound.space;
    for (int i = 0; answer == 1 && i < act->count; i++) {
        int number = act->operands[i];
        PyObject *value = held[number];
        if (!value) {
            value = scalar_of(self->slot[number].type, data[number]);
            if (!value)
                answer = -1;
            else
                scalars[made++] = value;
        }
        given[1 + i] = value;
    }
    if (answer == 1)
        found = PyObject_VectorcallDict(act->function, given + act->bare,
                                        1 - act->bare + act->count, act->params);
    for (int i = 0; i < made; i++)
        Py_DECREF(scalars[i]);
    if (!found)
        return -1;
    if (!act->several)
        return keep(self, act->out[0], found, held, data);
    answer = PyTuple_CheckExact(found) && PyTuple_GET_SIZE(found) == act->outs;
    for (int i = 0; answer && i < act->outs; i++)
        answer = keep(self, act->out[i], Py_NewRef(PyTuple_GET_ITEM(found, i)), held, data);
    Py_DECREF(found);
    return answer;
}

/* Take the arguments and make the arrays that are to be given away: 1, 0 or -1 as above. */
static int
start(Program *self, PyObject *const *args, char *room, PyObject **held, char **data)
{
    for (int i = 0; i < self->slots; i++) {
        Slot *slot = &self->slot[i];
        if (slot->place == GIVEN || slot->place == CONSTANT) {
            PyObject *value = slot->place == GIVEN ? args[i] : slot->value;
            if (slot->type >= 0 && !(data[i] = numbers_of(value, slot)))
                return 0;
            held[i] = Py_NewRef(value);
        }
        else if (slot->place == FRESH) {
            if (!(held[i] = new_array(slot->rank, slot->dims, slot->type)))
                return -1;
            data[i] = PyArray_BYTES((PyArrayObject *)held[i]);
        }
        else if (slot->place == ROOM)
            data[i] = room + slot->offset;
    }
    return 1;
}

int
run_acts(Program *self, PyObject **held, char **data)
{
    for (int k = 0; k < self->acts; k++) {
        const Act *act = &self->act[k];
        int out = act->out[0], answer;
        switch (act->kind) {
        case LOOP:
            if (act->own)
                do_loop(act, data);
            else
                loop(act, self->slot, data);
            if (act->guard && any_nan(self->slot[out].type, data[out], act->size))
                stop(act, self->slot[out].type, data);
            break;
        case MOVE:
            move(act, self->slot, data);
            break;
        case SELECT:
            choose(act, self->slot, data);
            break;
        case REDUCE: {
            const Slot *of = &self->slot[act->operands[0]];
            View x = {data[act->operands[0]], of->dims, of->size, of->type, of->rank};
            reduce_into((Quick *)act->function, &x, act->from, act->to, data[out]);
            break;
        }
        case POINT:
            data[out] = data[act->operands[0]] + act->offset * wide(self->slot[out].type);
            break;
        default:
            if ((answer = call_kernel(self, act, held, data)) != 1)
                return answer;
        }
    }
    return 1;
}

static PyObject *
results_of(Program *self, PyObject **held, char **data)
{
    PyObject *made = PyTuple_New(self->outputs);
    for (int r = 0; made && r < self->outputs; r++) {
        int number = self->results[r];
        PyObject *value = held[number] ? Py_NewRef(held[number])
                                       : scalar_of(self->slot[number].type, data[number]);
        if (!value)
            Py_CLEAR(made);
        else
            PyTuple_SET_ITEM(made, r, value);
    }
    return made;
}

/* program(*arrays): the results as a tuple; None where that is not plain. */
static PyObject *
program_call(PyObject *object, PyObject *const *args, size_t flags, PyObject *names)
{
    Program *self = (Program *)object;
    PyObject *held[SLOTS], *made = NULL;
    char *data[SLOTS], *more = NULL;
    _Alignas(64) char stack[STACK];
    if (names || PyVectorcall_NARGS(flags) != self->inputs) {
        PyErr_Format(PyExc_TypeError, "Program: needs %d arrays", self->inputs);
        return NULL;
    }
    if (self->room > STACK && !(more = PyMem_Malloc(self->room)))
        return PyErr_NoMemory();
    memset(held, 0, self->slots * sizeof(PyObject *));
    int answer = start(self, args, more ? more : stack, held, data);
    if (answer == 1)
        answer = run_acts(self, held, data);
    if (answer == 1)
        made = results_of(self, held, data);
    else if (answer == 0)
        made = Py_NewRef(Py_None);
    else if (PyErr_ExceptionMatches(bound.failures)) { /* Python will say where */
        PyErr_Clear();
        made = Py_NewRef(Py_None);
    }
    for (int i = 0; i < self->slots; i++)
        Py_XDECREF(held[i]);
    PyMem_Free(more);
    return made;
}

/* Building one. Everything is checked here, so that a run need not. */

static int
refuse(const char *why)
{
    if (!PyErr_Occurred())
        PyErr_Format(PyExc_ValueError, "Program: %s", why);
    return -1;
}

static int
read_shape(Slot *slot, PyObject *shape)
{
    Py_ssize_t rank = PyTuple_Check(shape) ? PyTuple_GET_SIZE(shape) : -1;
    if (rank < 0 || rank > 16)
        return refuse("a shape is no tuple of at most 16 sizes");
    slot->rank = (int)rank;
    slot->size = 1;
    slot->dims = PyMem_Calloc(rank ? rank : 1, sizeof(npy_intp));
    if (!slot->dims)
        return refuse("no memory");
    for (Py_ssize_t i = 0; i < rank; i++) {
        slot->dims[i] = PyLong_AsSsize_t(PyTuple_GET_ITEM(shape, i));
        if (slot->dims[i] < 1 || slot->dims[i] > MOST)
            return refuse("a size is not between 1 and the most that it runs");
        slot->size *= slot->dims[i];
        if (slot->size > MOST)
            return refuse("too many elements");
    }
    return 0;
}

/* (place, letter or None, shape[, constant]) */
static int
read_slot(Program *self, int number, PyObject *entry)
{
    static const char *const places[] = {"given", "constant", "room", "fresh", "alias", "object"};
    Slot *slot = &self->slot[number];
    const char *place, *letter;
    PyObject *shape, *value = NULL;
    if (!PyArg_ParseTuple(entry, "szO|O", &place, &letter, &shape, &value))
        return -1;
    slot->place = 0;
    while (slot->place <= OBJECT && strcmp(places[slot->place], place))
        slot->place++;
    if (slot->place > OBJECT || read_shape(slot, shape))
        return refuse("a slot that is none");
    slot->type = !letter                ? -1
        : !strcmp(letter, "f")          ? NPY_FLOAT
        : !strcmp(letter, "d")          ? NPY_DOUBLE
        : !strcmp(letter, "?")          ? NPY_BOOL
                                        : -2;
    if (slot->type == -2 || (slot->type < 0 && slot->place > CONSTANT && slot->place != OBJECT))
        return refuse("a slot of no type");
    if (slot->place == FRESH && !slot->rank)
        return refuse("one number is no array");
    if (slot->place == CONSTANT) {
        if (!value || (slot->type >= 0 && !(slot->numbers = numbers_of(value, slot))))
            return refuse("a constant is not what its slot holds");
        slot->value = Py_NewRef(value);
    }
    self->ready[number] = slot->place == GIVEN || slot->place == CONSTANT;
    if (slot->place == GIVEN && number != self->inputs++)
        return refuse("the inputs come first");
    if (slot->place == ROOM) {
        slot->offset = self->room;
        self->room += BLOCKS(slot->size * wide(slot->type));
    }
    if (slot->place == FRESH) {
        slot->offset = self->fresh;
        self->fresh += BLOCKS(slot->size * wide(slot->type));
    }
    return 0;
}

static int
read_numbers(Program *self, PyObject *tuple, short *numbers, int *count)
{
    if (!PyTuple_Check(tuple) || PyTuple_GET_SIZE(tuple) > OPERANDS)
        return refuse("too many operands");
    *count = (int)PyTuple_GET_SIZE(tuple);
    for (int i = 0; i < *count; i++) {
        long number = PyLong_AsLong(PyTuple_GET_ITEM(tuple, i));
        if (number < 0 || number >= self->slots)
            return refuse("no such slot");
        numbers[i] = (short)number;
    }
    return 0;
}

/* How a loop goes through its operands: all of them, one number, or some again and again. */
static int
lay_out(Program *self, Act *act)
{
    Quick *function = (Quick *)act->function;
    Slot *out = &self->slot[act->out[0]], *first = &self->slot[act->operands[0]];
    if (act->count != function->inputs || (first->type != NPY_FLOAT && first->type != NPY_DOUBLE))
        return refuse("a loop's operands are not its function's");
    Loop *found = &function->loops[first->type == NPY_DOUBLE];
    if (!found->loop || found->out != out->type)
        return refuse("a function has no such loop");
    PyObject *name = PyObject_GetAttrString(function->ufunc, "__name__");
    act->own = name ? arithmetic(PyUnicode_AsUTF8(name), first->type) : NULL;
    Py_XDECREF(name);
    if (!name)
        return -1;
    if (act->count == 1)
        act->operands[1] = act->operands[0]; /* for want of another: `own` takes two */
    act->size = act->each = out->size;
    act->turns = 1;
    for (int i = 0; i < act->count; i++) {
        Slot *slot = &self->slot[act->operands[i]];
        if (slot->type != first->type || slot->size < 1 || out->size % slot->size)
            return refuse("operands of a loop differ");
        if (slot->size > 1 && slot->size < out->size) {
            if (act->turns > 1 && act->each != slot->size)
                return refuse("two operands are repeated");
            act->each = slot->size;
            act->turns = out->size / slot->size;
        }
    }
    for (int i = 0; i <= act->count; i++) {
        Slot *slot = i < act->count ? &self->slot[act->operands[i]] : out;
        act->strides[i] = slot->size > 1 || i == act->count ? wide(slot->type) : 0;
        act->leaps[i] = slot->size == out->size ? act->each * act->strides[i] : 0;
    }
    return 0;
}

static int
read_runs(Program *self, Act *act, PyObject *list)
{
    Slot *out = &self->slot[act->out[0]];
    npy_intp written = 0;
    if (!PyList_Check(list))
        return refuse("runs are no list");
    act->moves = PyList_GET_SIZE(list);
    act->runs = PyMem_Calloc(act->moves ? act->moves : 1, sizeof(Run));
    if (!act->runs)
        return refuse("no memory");
    for (npy_intp i = 0; i < act->moves; i++) {
        Run *run = &act->runs[i];
        if (!PyArg_ParseTuple(PyList_GET_ITEM(list, i), "innn", &run->source, &run->from, &run->to,
                              &run->count))
            return -1;
        if (run->source < 0 || run->source >= self->slots || !self->ready[run->source]
            || run->from < 0 || run->to < 0 || run->count < 1 || self->slot[run->source].type != out->type
            || run->from + run->count > self->slot[run->source].size
            || run->to + run->count > out->size)
            return refuse("a run leaves its slot");
        written += run->count;
    }
    act->whole = written >= out->size;
    return 0;
}

/* (kind, outs, operands, function, more, guard): more is what a kind of step needs besides; of a
   loop guard has a bit for each factor that makes 0 of a nan where it is 0, of a call 1 that a tuple
   comes back and 2 that no namespace goes along. */
static int
read_act(Program *self, int number, PyObject *entry)
{
    static const char *const kinds[] = {"loop", "move", "select", "reduce", "point", "call"};
    Act *act = &self->act[number];
    const char *kind;
    PyObject *outs, *operands, *function, *more;
    if (!PyArg_ParseTuple(entry, "sOOOOi", &kind, &outs, &operands, &function, &more, &act->guard))
        return -1;
    act->kind = 0;
    while (act->kind <= CALL && strcmp(kinds[act->kind], kind))
        act->kind++;
    if (act->kind > CALL || read_numbers(self, outs, act->out, &act->outs)
        || read_numbers(self, operands, act->operands, &act->count) || act->outs < 1)
        return refuse("a step that is none");
    Slot *out = &self->slot[act->out[0]], *of = &self->slot[act->operands[0]];
    act->function = function == Py_None ? NULL : Py_NewRef(function);
    int wants = act->kind == LOOP || act->kind == REDUCE;
    if (wants && !Py_IS_TYPE(function, &Quick_Type))
        return refuse("a step has no function");
    for (int i = 0; i < act->count; i++)
        if (!self->ready[act->operands[i]])
            return refuse("a step takes what comes later");
    for (int i = 0; i < act->outs; i++) {
        int place = self->slot[act->out[i]].place;
        int right = act->kind == CALL ? place == OBJECT
            : act->kind == POINT      ? place == ALIAS
                                      : place == ROOM || place == FRESH;
        if (!right)
            return refuse("a result has another place");
        self->ready[act->out[i]] = 1;
    }
    if (act->kind != CALL && (act->outs != 1 || out->type < 0))
        return refuse("a step gives one array of numbers");
    if (act->kind != CALL && act->kind != MOVE && (act->count < 1 || of->type < 0))
        return refuse("a step takes numbers");
    switch (act->kind) {
    case LOOP:
        return lay_out(self, act);
    case MOVE:
        return read_runs(self, act, more);
    case SELECT:
        act->size = out->size;
        for (int i = 0; i < 3; i++) {
            Slot *slot = &self->slot[act->operands[i]];
            if (act->count != 3 || slot->type != (i ? out->type : NPY_BOOL)
                || (slot->size != 1 && slot->size != out->size))
                return refuse("operands of a choice differ");
            act->strides[i] = slot->size > 1 ? wide(slot->type) : 0;
        }
        return 0;
    case REDUCE: {
        npy_intp left = of->size;
        Loop *found = &((Quick *)function)->loops[of->type == NPY_DOUBLE];
        if (of->type == NPY_BOOL || !found->loop || found->out != of->type)
            return refuse("a reduction without a loop");
        if (!PyArg_ParseTuple(more, "ii", &act->from, &act->to))
            return -1;
        if (act->from < 0 || act->to > of->rank || act->from >= act->to
            || (act->from > 0 && act->to < of->rank) || out->type != of->type
            || ((Quick *)function)->start == NOWHERE)
            return refuse("a reduction of other axes");
        for (int axis = act->from; axis < act->to; axis++)
            left /= of->dims[axis];
        return left == out->size ? 0 : refuse("a reduction of another size");
    }
    case POINT:
        act->offset = PyLong_AsSsize_t(more);
        if (act->offset < 0 || out->type != of->type
            || act->offset + out->size > of->size)
            return refuse("a pointer leaves its slot");
        return 0;
    default:
        self->calls = 1;
        act->several = act->guard & 1;
        act->bare = act->guard >> 1 & 1;
        act->params = more == Py_None ? NULL : Py_NewRef(more);
        for (int i = 0; i < act->count; i++) {
            Slot *slot = &self->slot[act->operands[i]];
            if (slot->rank && (slot->place == ROOM || slot->place == ALIAS))
                return refuse("a kernel takes arrays");
        }
        return act->function ? 0 : refuse("a call of nothing");
    }
}

static PyObject *
program_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"slots", "steps", "results", NULL};
    PyObject *slots, *steps, *results;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!O!O!:Program", names, &PyList_Type, &slots,
                                     &PyList_Type, &steps, &PyTuple_Type, &results))
        return NULL;
    if (PyList_GET_SIZE(slots) > SLOTS) {
        refuse("too many slots");
        return NULL;
    }
    Program *self = (Program *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->call = program_call;
    self->slots = (int)PyList_GET_SIZE(slots);
    self->acts = (int)PyList_GET_SIZE(steps);
    self->outputs = (int)PyTuple_GET_SIZE(results);
    self->slot = PyMem_Calloc(self->slots + 1, sizeof(Slot));
    self->act = PyMem_Calloc(self->acts + 1, sizeof(Act));
    self->results = PyMem_Calloc(self->outputs + 1, sizeof(int));
    self->ready = PyMem_Calloc(self->slots + 1, 1);
    int failed = !self->slot || !self->act || !self->results || !self->ready ? refuse("no memory") : 0;
    for (int i = 0; !failed && i < self->slots; i++)
        failed = read_slot(self, i, PyList_GET_ITEM(slots, i));
    for (int i = 0; !failed && i < self->acts; i++)
        failed = read_act(self, i, PyList_GET_ITEM(steps, i));
    for (int i = 0; !failed && i < self->outputs; i++) {
        long number = PyLong_AsLong(PyTuple_GET_ITEM(results, i));
        if (number < 0 || number >= self->slots || !self->ready[number])
            failed = refuse("a result that is none");
        else if (self->slot[number].rank
                 && (self->slot[number].place == ROOM || self->slot[number].place == ALIAS))
            failed = refuse("a result that nobody keeps");
        self->results[i] = (int)number;
    }
    if (!failed)
        return (PyObject *)self;
    Py_DECREF(self);
    return NULL;
}

static void
program_dealloc(PyObject *object)
{
    Program *self = (Program *)object;
    for (int i = 0; self->slot && i < self->slots; i++) {
        PyMem_Free(self->slot[i].dims);
        Py_XDECREF(self->slot[i].value);
    }
    for (int i = 0; self->act && i < self->acts; i++) {
        PyMem_Free(self->act[i].runs);
        Py_XDECREF(self->act[i].function);
        Py_XDECREF(self->act[i].params);
    }
    PyMem_Free(self->slot);
    PyMem_Free(self->act);
    PyMem_Free(self->results);
    PyMem_Free(self->ready);
    Py_TYPE(object)->tp_free(object);
}

PyTypeObject Program_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "gradtape.core._quick.Program",
    .tp_doc = PyDoc_STR("Program(slots, steps, results): a function of arrays of fixed shapes; it "
                        "returns a tuple, or None where Python has to run it."),
    .tp_basicsize = sizeof(Program),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_vectorcall_offset = offsetof(Program, call),
    .tp_call = PyVectorcall_Call,
    .tp_methods = rounds_methods,
    .tp_new = program_new,
    .tp_dealloc = program_dealloc,
};
