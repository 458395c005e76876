/* Products of matrices and convolutions: what they are given, and who runs their parts. */

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
    Py_ssize_t item; /* bytes of a number: float or double */
    const void *a, *b;
    void *c;
} Matmul;

/* x (images, height, width, channels), w (window, channels, filters), out (images, places, filters);
`before` is the zeros in front of the image, or, below zero, what of it no window sees; neighbours in
the image lie `apart`, with zeros between them, which strides of 1 alone know. */
typedef struct {
    Py_ssize_t images, size[2], channels, filters;
    Py_ssize_t window[2], strides[2], dilations[2], before[2], apart[2], places[2];
    Py_ssize_t pitch[3]; /* in out, from one image, row and place to the next; set by `convolve` */
    Py_ssize_t item;
    const void *x, *w;
    void *out;
} Convolution;

/* How a product is cut into parts that can run at the same time. */
typedef struct {
    Py_ssize_t parts, rows, columns; /* of one part */
    int failed;                      /* a part had no memory */
    void *aside;                     /* what the parts give, where that is to be added up */
    const void *product;
} Job;

typedef void (*Part)(Job *, Py_ssize_t);

/* The functions for one type of number, with the best instructions that this processor has. */
typedef struct Kernels {
    Py_ssize_t item, lanes, most;
    Part block, places, filters;
} Kernels;

/* NULL for a processor on which the others' own code is left in place. */
const Kernels *kernels_of(Py_ssize_t item);

/* Uses vectors of at most so many bits from now on; the bits that this processor then uses. */
int widest(int bits);

/* Who lends threads to a call: `lend` has one of `others` run task(data) some time, or returns -1. */
typedef struct Lender {
    Py_ssize_t others;
    int (*lend)(struct Lender *, void (*task)(void *), void *data);
} Lender;

/* Memory of this thread, valid until it asks again; NULL where there is none. */
void *workspace(size_t size);

/* To be called once, before all that follows. */
int threads_ready(void);

/* Runs the parts of a job, by this thread and those that are lent. */
void share(Lender *lender, Job *job, Part run);

/* 0, or -1 where memory was missing. */
int matmul(Lender *lender, const Matmul *m);
int convolve(Lender *lender, const Convolution *v);
/* w is the cotangent (images, places, filters), out the gradient (channels, window, filters). */
int filter_gradient(Lender *lender, const Convolution *v);

/* Adds the handlers that XLA calls to the module, as capsules. */
int add_handlers(PyObject *module);

#endif
