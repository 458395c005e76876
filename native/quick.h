/* What the files of the extension `gradtape.core._quick` share.
 *
 * The extension does nothing that Python files do not do: it runs the plain case of eager
 * execution (tensors of arrays, no mode and no observer active) in fewer steps, and returns None
 * or calls Python for every other case. Without it the same programs run on the Python code alone.
 *
 *   arrays.c    functions of NumPy on few numbers, without NumPy's own way to them
 *   records.c   operations on tensors: the result, and its record for the tapes
 *   walk.c      the backward walk's loop over records
 *   module.c    the module, and the Python classes that it works on
 */

#ifndef GRADTAPE_QUICK_H
#define GRADTAPE_QUICK_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
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
    PyTypeObject *tensor, *variable, *node, *record, *part, *recording;
    Py_ssize_t array, node_of;                          /* in a Tensor */
    Py_ssize_t dtype, number, shape, tapes;             /* in a Node */
    Py_ssize_t inputs, out, params, parents, primitive; /* in a Record */
    Py_ssize_t notable, records, watched;               /* in a Recording */
    PyObject *spec;            /* Spec(shape, dtype) */
    PyObject *next_number;     /* of nodes */
    PyObject *no_params;       /* dispatch.NO_PARAMS */
    PyObject *record_any;      /* dispatch.record, for every case */
    PyObject *silent, *errors; /* NumPy's context variable of errors, and its quiet value */
    PyObject *zero_wins;       /* the verb, for products that hold nan */
    PyObject *summed;          /* sweep.summed: what undoes broadcasting */
} Bound;
extern Bound bound;

#define SLOT(object, offset) (*(PyObject **)((char *)(object) + (offset)))

/* Put a value into an empty slot of a new object; the reference is the object's from then on. */
#define FILL(object, offset, value) (SLOT(object, offset) = (value))

/* The state of this thread, as `core.state` sets it. */
extern _Thread_local PyObject *active_tapes; /* a tuple, or NULL for none */
extern _Thread_local int is_special;         /* a mode or an observer is active in the thread */
extern int lookouts_on;                      /* somebody looks on in every thread */

/* arrays.c */
extern PyTypeObject Quick_Type;
int quick_try(PyObject *quick, PyObject *const *args, PyObject **out);
int all_defined(PyObject *value);
PyObject *wins(PyObject *self, PyObject *const *args, Py_ssize_t count);
int add_into(PyObject *present, PyObject *given);
PyObject *shape_of(PyObject *array);
PyObject *dtype_of(PyObject *array);
int has_shape(PyObject *array, PyObject *shape);

/* records.c */
extern PyTypeObject Plain_Type;
PyObject *tensor_of(PyObject *array);
PyObject *set_state(PyObject *self, PyObject *args);
PyObject *set_lookouts(PyObject *self, PyObject *flag);
PyObject *record_one(PyObject *self, PyObject *const *args, Py_ssize_t count);
PyObject *record_two(PyObject *self, PyObject *const *args, Py_ssize_t count);
PyObject *record_quick(PyObject *self, PyObject *const *args, Py_ssize_t count);

/* walk.c */
PyObject *run_walk(PyObject *self, PyObject *const *args, Py_ssize_t count);

#endif
