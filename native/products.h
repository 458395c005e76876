/* Products of matrices and convolutions: what they are given, how they are cut into parts, and who runs
these. */

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
    Py_ssize_t part_rows, part_columns; /* of a part */
} Matmul;

/* x (images, height, width, channels), w (window, channels, filters), out (images, places, filters);
`before` is the zeros in front of the image, or, below zero, what of it no window sees; neighbours in
the image lie `apart`, with zeros between them, which strides of 1 alone know. For the gradient by the
filters w is the cotangent (images, places, filters), and out is (channels, window, filters). */
typedef struct {
    Py_ssize_t images, size[2], channels, filters;
    Py_ssize_t window[2], strides[2], dilations[2], before[2], apart[2], places[2];
    Py_ssize_t item;
    const void *x, *w;
    void *out;
    Py_ssize_t pitch[3];     /* in out, from one image, row and place to the next */
    Py_ssize_t part_rows;    /* rows of places of a part, or images for the gradient */
    Py_ssize_t part_columns; /* filters at a time */
    Py_ssize_t first_part;
} Convolution;

/* Parts that can run at the same time, and what is to be done after the last one. */
typedef struct Job {
    Py_ssize_t parts;
    void (*run)(struct Job *, Py_ssize_t part);
    void (*add_up)(struct Job *); /* or NULL */
    Matmul matmul;
    Convolution *phases; /* one, or as many plain ones as a convolution of an image apart has */
    Py_ssize_t count;
    void *aside; /* what parts give that is to be added up, or the taps of phases */
    int failed;  /* a part had no memory */
    void *whose;
    /* while it runs: */
    void (*told)(struct Job *);
    struct Job *later;
    Py_ssize_t next, done;
} Job;

typedef void (*Part)(Job *, Py_ssize_t);

/* The functions for one type of number, with the best instructions that this processor has. */
typedef struct {
    Py_ssize_t lanes, most;
    Part block, places, filters;
} Kernels;

/* NULL for a processor on which the others' own code is left in place. */
const Kernels *kernels_of(Py_ssize_t item);

/* Uses vectors of at most so many bits from now on; the bits that this processor then uses. */
int widest(int bits);

/* A convolution from the axes of its arrays, x and what has the places, and ten numbers of the two
spatial axes: sizes of the window, strides, dilations, zeros in front, distances of neighbours. */
Convolution convolution_of(const Py_ssize_t *x_axes, const Py_ssize_t *places, const Py_ssize_t *numbers);

/* New jobs, cut for so many threads; NULL where there is no memory. */
Job *matmul(const Matmul *given, Py_ssize_t threads);
Job *convolve(const Convolution *given, Py_ssize_t threads);
Job *filter_gradient(const Convolution *given, Py_ssize_t threads);

/* Ends a job whose parts are done; 0, or -1 where memory was missing. */
int finish(Job *job);

/* Jobs that have parts left. XLA's and NumPy's wait apart, as the last part of one of XLA's jobs is
followed by more of its program. */
typedef struct {
    Job *oldest;
} Queue;

extern Queue for_xla, for_numpy;

/* Who lends threads to a call: `lend` has one of `others` run task(queue) some time, or returns -1. */
typedef struct Lender {
    Py_ssize_t others;
    Queue *queue;
    int (*lend)(struct Lender *, void (*task)(void *));
} Lender;

/* Memory of this thread, valid until it asks again; NULL where there is none. */
void *workspace(size_t size);

/* To be called once, before all that follows. */
int threads_ready(void);

/* Runs the parts of a job, by this thread and those that are lent. */
void share(Lender *lender, Job *job);

/* Has the lent threads run the parts, the last of which calls told(job), and comes back at once. */
void hand_out(Lender *lender, Job *job, void (*told)(Job *));

/* Adds the handlers that XLA calls to the module, as capsules. */
int add_handlers(PyObject *module);

#endif
