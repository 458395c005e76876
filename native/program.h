/* Small programs of fixed shapes: what program.c builds and runs once, and rounds.c again and again. */

#ifndef GRADTAPE_PROGRAM_H
#define GRADTAPE_PROGRAM_H

#include "quick.h"

#define SLOTS 512
#define OPERANDS 16
#define STACK (1 << 14)
#define BLOCKS(bytes) (((bytes) + 63) / 64 * 64)

enum { GIVEN, CONSTANT, ROOM, FRESH, ALIAS, OBJECT };
enum { LOOP, MOVE, SELECT, REDUCE, POINT, CALL };

typedef struct {
    int place, type, rank; /* type: -1 for any object; rank 0 for one number */
    npy_intp size, offset, *dims;
    PyObject *value; /* of a constant */
    char *numbers;   /* of a constant that has any */
} Slot;

typedef struct {
    int source;
    npy_intp from, to, count;
} Run;

/* arithmetic.c: n results (at[2]) from one or two operands with strides of 0 or of one number. */
typedef void (*Arithmetic)(char *const *at, npy_intp n, const npy_intp *strides);
Arithmetic arithmetic(const char *name, int type);

typedef struct { /* what a loop asks for in every run comes first, for the cache's sake */
    int kind, guard, count, outs;
    Arithmetic own; /* of a loop that is done here; or NULL */
    npy_intp turns, each, strides[3]; /* of a loop: how often, how far */
    short out[OPERANDS], operands[OPERANDS];
    npy_intp leaps[3], size; /* and the result's elements */
    int from, to;           /* of a reduction: its axes */
    npy_intp offset;        /* of a pointer: elements */
    Run *runs;              /* of a move */
    npy_intp moves;
    int several, bare;      /* of a call: a tuple comes back; no namespace goes along */
    int whole;              /* of a move: all is written */
    PyObject *function, *params;
} Act;

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    int slots, inputs, acts, outputs;
    npy_intp room, fresh; /* bytes: of the run's own memory; of what is given away */
    int calls;            /* whether it calls kernels */
    Slot *slot;
    Act *act;
    int *results;
    char *ready; /* slots that hold something, while it is built */
} Program;

static inline npy_intp
wide(int type)
{
    return type == NPY_BOOL ? 1 : type == NPY_FLOAT ? 4 : 8;
}

char *numbers_of(PyObject *value, const Slot *slot);
int run_acts(Program *self, PyObject **held, char **data);

/* rounds.c */
extern PyMethodDef rounds_methods[];

#endif
