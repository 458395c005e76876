/* What the files of the extension `gradtape.core._quick` share.
 *
 * The extension does nothing that Python files do not do: it runs the plain case of eager
 * execution (tensors of arrays, no mode and no observer active) in fewer steps, and returns None
 * or calls Python for every other case. Without it the same programs run on the Python code alone.
 *
 *   arrays.c       functions of NumPy on few numbers, without NumPy's own way to them
 *   reductions.c   sums and the like over axes, by the same inner loops
 *   kernels.c      kernels of few numbers in one pass
 *   steps.c        functions of several such steps
 *   program.c      programs of fixed shapes
 *   records.c      the records that operations leave for the tapes
 *   apply.c        operations on tensors: the result and its record
 *   push.c         the same while a forward accumulator looks on
 *   elements.c     elements of data pipelines
 *   walk.c         the backward walk's loop over records
 *   module.c       the module, and the Python classes that it works on
 */

#ifndef GRADTAPE_QUICK_H
#define GRADTAPE_QUICK_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <float.h>
#include <math.h>
#include <stddef.h>
#include <structmember.h>

#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL gradtape_quick_arrays
#define PY_UFUNC_UNIQUE_SYMBOL gradtape_quick_ufuncs
#ifndef QUICK_MODULE
#define NO_IMPORT_ARRAY
#define NO_IMPORT_UFUNC
#endif
#include <numpy/arrayobject.h>
#include <numpy/arrayscalars.h>
#include <numpy/ufuncobject.h>

/* The Python classes, and where their slots lie in an object. */
typedef struct {
    PyTypeObject *tensor, *variable, *node, *record, *part, *recording, *primitive_type,
        *deferred;
    Py_ssize_t array, node_of;                          /* in a Tensor */
    Py_ssize_t buffer, deferred_dtype, deferred_shape, host; /* in a DeferredTensor */
    Py_ssize_t dtype, number, shape, tangents, tapes;   /* in a Node */
    Py_ssize_t inputs, out, params, parents, primitive; /* in a Record */
    Py_ssize_t index, parents_of_part;                  /* in a Part */
    Py_ssize_t mark, records, watched;                  /* in a Recording */
    Py_ssize_t differentiable, family, kept, kernel, name; /* in a Primitive */
    Py_ssize_t fallible, notable, pushes, several, straight; /* likewise */
    PyObject *spec;            /* Spec(shape, dtype) */
    PyObject *no_params;       /* dispatch.NO_PARAMS */
    PyObject *record_any;      /* dispatch.record, for every case */
    PyObject *apply_observed;  /* dispatch._apply_observed, where something special is active */
    PyObject *explained, *failures; /* dispatch's: an error in words, and of what */
    PyObject *space;           /* the namespace of NumPy, for kernels */
    PyObject *silent, *errors; /* NumPy's context variable of errors, and its quiet value */
    PyObject *zero_wins;       /* the verb, for products that hold nan */
    PyObject *defined;         /* whether an array of any kind holds no nan */
    PyObject *spots, *pending; /* of the watch for what is not finite */
    PyObject *checked_sweep;   /* the class of a sweep that looks at what records give */
    PyObject *library, *spot;  /* finite_source's: which code is the library's, and the place */
    PyObject *summed;          /* sweep.summed: what undoes broadcasting */
} Bound;
extern Bound bound;

#define SLOT(object, offset) (*(PyObject **)((char *)(object) + (offset)))

/* Put a value into an empty slot of a new object; the reference is the object's from then on. */
#define FILL(object, offset, value) (SLOT(object, offset) = (value))

/* The state of this thread, as `core.state` sets it. */
extern _Thread_local PyObject *active_tapes; /* a tuple, or NULL for none */
extern _Thread_local int is_special;         /* a mode or an observer is active in the thread */
extern _Thread_local PyObject *active_pusher; /* the only special thing; NULL otherwise */
extern _Thread_local PyObject *active_mark;   /* the pusher's, by which nodes know its tangents */
extern _Thread_local int in_rules;           /* a rule runs while all is checked */
extern int lookouts_on; /* somebody looks on in every thread; 2: only to check that all is finite */

/* arrays.c */
#define MOST 4096 /* elements: from there on the way to the inner loop does not count */

typedef struct {
    PyUFuncGenericFunction loop; /* NULL: none */
    void *data;
    int out; /* the result's type */
} Loop;

/* An argument: a contiguous array, or a NumPy scalar, of float32 or float64. */
typedef struct {
    char *data;
    npy_intp *dims;
    npy_intp size;
    int type;
    int rank; /* -1 for a scalar */
} View;

/* A ufunc with its inner loops. */
enum { FIRST = -1, NOWHERE = -2 };

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *ufunc;
    int inputs;
    binaryfunc operator; /* Python's operator that does the same, for what is not plain; or NULL */
    int start;      /* of a reduction: 0 or 1; FIRST, its first element; or NOWHERE */
    int guard;      /* 0; or how many of the factors make 0 of a nan where they are 0 */
    Loop loops[2];  /* for float32 and float64 */
} Quick;

extern PyTypeObject Quick_Type;
int view(PyObject *value, View *seen);
int view_number(PyObject *value, int type, npy_double *room, View *seen);
PyObject *new_array(int rank, npy_intp *dims, int type);
PyObject *scalar_of(int type, const char *data);
int any_nan(int type, const char *data, npy_intp size);
int quick_try(PyObject *quick, PyObject *const *args, PyObject **out);
int all_defined(PyObject *value);
int plainly_finite(PyObject *value);
PyObject *wins(PyObject *self, PyObject *const *args, Py_ssize_t count);
int add_into(PyObject *present, PyObject *given);
PyObject *shape_of(PyObject *array);
PyObject *dtype_of(PyObject *array);
int same_shape(PyObject *one, PyObject *other);
int has_shape(PyObject *array, PyObject *shape);

/* reductions.c */
Loop *loop_of(const char *name, int type);
PyObject *quick_reduce(PyObject *object, PyObject *const *args, Py_ssize_t count, PyObject *names);
PyObject *sum_to(PyObject *array, PyObject *shape);
void reduce_into(Quick *self, const View *x, int from, int to, char *result);

/* kernels.c */
PyObject *sparse_softmax_loss(PyObject *self, PyObject *const *args, Py_ssize_t count);
PyObject *sparse_softmax_loss_pull(PyObject *self, PyObject *const *args, Py_ssize_t count);
PyObject *relu_pull(PyObject *self, PyObject *const *args, Py_ssize_t count);
PyObject *product(PyObject *self, PyObject *const *args, Py_ssize_t count);

/* steps.c */
extern PyTypeObject Steps_Type;
int steps_try(PyObject *object, PyObject *const *inputs, PyObject **results);

/* program.c */
extern PyTypeObject Program_Type;

/* rounds.c */
int add_rounds(PyObject *module);

/* records.c */
PyObject *tensor_of(PyObject *array);
int record_plainly(PyObject *primitive, PyObject *table, PyObject *const *inputs, Py_ssize_t count,
                   PyObject *params, PyObject *out);
PyObject *new_tensor(PyObject *self, PyObject *array);
PyObject *new_deferred(PyObject *self, PyObject *const *args, Py_ssize_t count);
PyObject *idle(PyObject *self, PyObject *nothing);
PyObject *next_number(PyObject *self, PyObject *nothing);
PyObject *shape_as(PyObject *array, PyObject *node);
PyObject *set_state(PyObject *self, PyObject *const *args, Py_ssize_t count);
PyObject *set_tapes(PyObject *self, PyObject *tapes);
PyObject *set_lookouts(PyObject *self, PyObject *how);
PyObject *set_rules(PyObject *self, PyObject *depth);
#define MOST_SPOTS (1 << 17)
int note_place(PyObject *out);
int checks_plainly(void);
PyObject *record_one(PyObject *self, PyObject *const *args, Py_ssize_t count);
PyObject *record_two(PyObject *self, PyObject *const *args, Py_ssize_t count);
PyObject *record_quick(PyObject *self, PyObject *const *args, Py_ssize_t count);

/* apply.c */
extern PyTypeObject Plain_Type;
PyObject *apply(PyObject *self, PyObject *const *args, Py_ssize_t count);
void speak_again(PyObject *token);
PyObject *silently(PyObject *function, PyObject *const *args, Py_ssize_t count, PyObject *params);

/* push.c */
typedef struct {
    PyObject *function; /* of tangents and arrays, to the result and its tangent; NULL: not known */
    PyObject *steps;    /* the same as `Steps`; NULL where it does more */
} Push;

int push_by_signature(PyObject *primitive, PyObject *inputs, PyObject *params, PyObject *out);
PyObject *watch(PyObject *self, PyObject *const *args, Py_ssize_t count);
int set_pusher(PyObject *pusher);
PyObject *pushed(Push *known, PyObject *primitive, int inputs, PyObject *const *tensors,
                 PyObject *const *arrays, PyObject *table, int *moves);

/* elements.c */
PyObject *shown(PyObject *self, PyObject *leaf);
PyObject *element(PyObject *self, PyObject *value);
PyObject *each(PyObject *self, PyObject *const *args, Py_ssize_t count);
PyObject *stack_into(PyObject *self, PyObject *const *args, Py_ssize_t count);

/* walk.c */
PyObject *plain_gradient(PyObject *self, PyObject *const *args, Py_ssize_t count);
PyObject *run_walk(PyObject *self, PyObject *const *args, Py_ssize_t count);

#endif
