/* Products of matrices and convolutions for compiled programs: what they are given, and who runs
their parts. */

#ifndef GRADTAPE_PRODUCTS_H
#define GRADTAPE_PRODUCTS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>

/* c (count, rows, columns) = a (count, rows, depth) @ b (count, depth, columns), each of them one row
after the other; turned factors have their last two axes the other way round. */
typedef struct {
    Py_ssize_t count, rows, columns, depth;
    int turn_a, turn_b;
    const void *a, *b;
    void *c;
} Matmul;

/* x (images, height, width, channels), w (window, channels, filters), out (images, places, filters);
`before` is the zeros in front of the image, or, below zero, what of it no window sees. */
typedef struct {
    Py_ssize_t images, size[2], channels, filters;
    Py_ssize_t window[2], strides[2], dilations[2], before[2], places[2];
    const void *x, *w;
    void *out;
} Convolution;

/* How a product is cut into parts that can run at the same time. */
typedef struct {
    Py_ssize_t parts, rows, columns; /* of one part */
    int failed;                      /* a part had no memory */
    void *aside;                     /* what the parts give, where that is to be added up */
    const void *product;
    const struct Kernels *kernels;
} Job;

typedef void (*Part)(Job *, Py_ssize_t);

/* The functions for one type of number, with the best instructions that this processor has. */
typedef struct Kernels {
    Py_ssize_t item, lanes, most;
    Part block, places, filters;
} Kernels;

/* NULL for a processor on which XLA's own is left in place. */
const Kernels *kernels_of(int item);

/* Memory of this thread, valid until it is asked again; NULL where there is none. */
void *workspace(size_t size);

/* Runs the parts of a job, by this thread and those that XLA lends to the call. */
void share(void *call, Job *job, Part run);

/* 0, or -1 where memory was missing. */
int matmul(void *call, const Matmul *m, const Kernels *kernels, Py_ssize_t threads);
int convolve(void *call, const Convolution *v, const Kernels *kernels, Py_ssize_t threads);
/* w is the cotangent (images, places, filters), out the gradient (channels, window, filters). */
int filter_gradient(void *call, const Convolution *v, const Kernels *kernels, Py_ssize_t threads);

#endif
