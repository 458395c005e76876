/* Calls out of programs that XLA compiled for the CPU: products of matrices and convolutions.

XLA calls a handler with buffers, attributes, and the threads that it runs programs on; a handler
never holds Python's lock. */

#include "products.h"
#include "xla.h"

#include <stdlib.h>

static void
drop(const Api *api, Error *error)
{
    ErrorDestroy d = {sizeof d, NULL, error};
    if (error != NULL)
        api->error_destroy(&d);
}

/* The threads that XLA runs programs on: as many as there are cores. */
typedef struct {
    Lender lender;
    const Frame *frame;
} Pool;

static int
schedule(Lender *lender, void (*task)(void *))
{
    const Frame *frame = ((Pool *)lender)->frame;
    Schedule s = {sizeof s, NULL, frame->context, task, lender->queue};
    Error *error = frame->api->schedule(&s);
    drop(frame->api, error);
    return error == NULL ? 0 : -1;
}

static Pool
pool_of(const Frame *frame)
{
    int64_t count = 0;
    Threads t = {sizeof t, NULL, frame->context, &count};
    Error *error = frame->api->threads(&t);
    drop(frame->api, error);
    Py_ssize_t others = error == NULL && count > 1 ? (Py_ssize_t)count : 0;
    return (Pool){{others, &for_xla, schedule}, frame};
}

_Static_assert(sizeof(int64_t) == sizeof(Py_ssize_t), "sizes of XLA are read as sizes of Python");

static const char WRONG[] = "gradtape: a product was called with other operands than it was made for.";
static const char FULL[] = "gradtape: no memory for the parts of a product.";

/* What is owed to XLA for a job. */
typedef struct {
    const Api *api;
    void *future;
} Promise;

static void
keep(Job *job)
{
    Promise promise = *(Promise *)job->whose;
    free(job->whose);
    if (finish(job) == 0) {
        FutureCreate there = {sizeof there, NULL, promise.future};
        drop(promise.api, promise.api->future_available(&there));
        return;
    }
    ErrorCreate full = {sizeof full, NULL, FULL, RESOURCE_EXHAUSTED};
    FutureError e = {sizeof e, NULL, promise.future, promise.api->error_create(&full)};
    drop(promise.api, promise.api->future_error(&e));
}

/* Runs a job: at once where it has one part, else by XLA's threads, while XLA goes on. The thread that
calls computes nothing then: with it there would be more threads at work than cores. */
static Error *
start(Frame *frame, Pool *pool, Job *job)
{
    if (job == NULL)
        return failed(frame, RESOURCE_EXHAUSTED, FULL);
    Promise *promise = job->parts > 1 && pool->lender.others ? malloc(sizeof *promise) : NULL;
    if (promise == NULL) {
        share(&pool->lender, job);
        return finish(job) ? failed(frame, RESOURCE_EXHAUSTED, FULL) : NULL;
    }
    FutureCreate f = {sizeof f, NULL, NULL};
    Error *error = frame->api->future_create(&f);
    if (error != NULL) {
        free(promise);
        finish(job);
        return error;
    }
    *promise = (Promise){frame->api, f.future};
    job->whose = promise;
    frame->future = f.future;
    hand_out(&pool->lender, job, keep);
    return NULL;
}

/* Attribute `turned`: for each factor, whether its last two axes are the other way round. */
static Error *
call_matmul(Frame *frame)
{
    if (asked(frame))
        return NULL;
    Buffer **in = (Buffer **)frame->arguments.values, *out = frame->results.values[0];
    int64_t count;
    const int64_t *turned = numbers(frame, "turned", &count);
    if (frame->arguments.size != 2 || count != 2 || in[0]->rank != 3 || in[1]->rank != 3)
        return failed(frame, INVALID_ARGUMENT, WRONG);
    const int64_t *a = in[0]->dims, *b = in[1]->dims;
    Matmul m = {
        .count = a[0],
        .rows = a[turned[0] ? 2 : 1],
        .depth = a[turned[0] ? 1 : 2],
        .columns = b[turned[1] ? 1 : 2],
        .turn_a = turned[0] != 0,
        .turn_b = turned[1] != 0,
        .item = in[0]->dtype == SINGLE ? sizeof(float) : sizeof(double),
        .a = in[0]->data,
        .b = in[1]->data,
        .c = out->data,
    };
    Pool pool = pool_of(frame);
    return start(frame, &pool, matmul(&m, pool.lender.others));
}

/* Attribute `window`: of the two axes the sizes, strides, dilations, zeros in front of the
image and distances of neighbours in it. */
static Error *
call_convolution(Frame *frame, int gradient)
{
    Buffer **in = (Buffer **)frame->arguments.values, *out = frame->results.values[0];
    int64_t count;
    const int64_t *w = numbers(frame, "window", &count);
    if (frame->arguments.size != 2 || count != 10 || in[0]->rank != 4 || in[1]->rank != 4)
        return failed(frame, INVALID_ARGUMENT, WRONG);
    const int64_t *places = (gradient ? in[1] : out)->dims;
    Convolution v = convolution_of(
        (const Py_ssize_t *)in[0]->dims, (const Py_ssize_t *)places, (const Py_ssize_t *)w);
    v.item = in[0]->dtype == SINGLE ? sizeof(float) : sizeof(double);
    v.x = in[0]->data;
    v.w = in[1]->data;
    v.out = out->data;
    Pool pool = pool_of(frame);
    return start(frame, &pool, (gradient ? filter_gradient : convolve)(&v, pool.lender.others));
}

static Error *
call_convolve(Frame *frame)
{
    return asked(frame) ? NULL : call_convolution(frame, 0);
}

static Error *
call_filter_gradient(Frame *frame)
{
    return asked(frame) ? NULL : call_convolution(frame, 1);
}

/* Memory that loops fill: it stays as it is. */
static Error *
call_blank(Frame *frame)
{
    asked(frame);
    return NULL;
}

static int
add(PyObject *module, const char *name, Error *(*handler)(Frame *))
{
    /* the name by which JAX knows capsules of handlers */
    PyObject *capsule = PyCapsule_New((void *)handler, "xla._CUSTOM_CALL_TARGET", NULL);
    int bad = capsule == NULL ? -1 : PyModule_AddObjectRef(module, name, capsule);
    Py_XDECREF(capsule);
    return bad;
}

int
add_handlers(PyObject *module)
{
    if (add(module, "xla_matmul", call_matmul) || add(module, "xla_convolve", call_convolve))
        return -1;
    if (add(module, "xla_filter_gradient", call_filter_gradient) || add(module, "xla_blank", call_blank))
        return -1;
    return 0;
}
