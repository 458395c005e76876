/* Calls out of programs that XLA compiled for the CPU: products of matrices and convolutions.

XLA calls a handler with buffers, attributes, and the threads that it runs programs on; a handler
never holds Python's lock. */

#include "products.h"
#include "xla.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { SPINS = 10000 }; /* about 10 us */

void *
workspace(size_t size)
{
    static _Thread_local void *held;
    static _Thread_local size_t held_size;
    if (size > held_size) {
        free(held);
        held_size = 0;
        if (posix_memalign(&held, 64, size) != 0) {
            held = NULL;
            return NULL;
        }
        held_size = size;
    }
    return held;
}

/* One job as its threads see it. A thread may come when all is done; the last one clears up. */
typedef struct {
    atomic_long next, done, holders;
    long parts;
    Job *job;
    Part run;
    pthread_mutex_t lock;
    pthread_cond_t finished;
} Shared;

static void
work(Shared *s)
{
    for (long part; (part = atomic_fetch_add(&s->next, 1)) < s->parts;) {
        s->run(s->job, part);
        if (atomic_fetch_add(&s->done, 1) + 1 == s->parts) {
            pthread_mutex_lock(&s->lock);
            pthread_cond_signal(&s->finished);
            pthread_mutex_unlock(&s->lock);
        }
    }
}

/* Waits for the parts that others began: awake at first, then asleep, so that a thread which lost its
core can go on on this one. */
static void
await(Shared *s)
{
    for (int spun = 0; spun < SPINS; spun++)
        if (atomic_load(&s->done) == s->parts)
            return;
    pthread_mutex_lock(&s->lock);
    while (atomic_load(&s->done) < s->parts)
        pthread_cond_wait(&s->finished, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

static void
let_go(Shared *s)
{
    if (atomic_fetch_sub(&s->holders, 1) == 1) {
        pthread_cond_destroy(&s->finished);
        pthread_mutex_destroy(&s->lock);
        free(s);
    }
}

static void
helped(void *data)
{
    work(data);
    let_go(data);
}

static void
drop(const Api *api, Error *error)
{
    ErrorDestroy d = {sizeof d, NULL, error};
    api->error_destroy(&d);
}

static Py_ssize_t
threads_of(const Frame *frame)
{
    int64_t count = 1;
    Threads t = {sizeof t, NULL, frame->context, &count};
    Error *error = frame->api->threads(&t);
    if (error != NULL)
        drop(frame->api, error);
    return error == NULL && count > 1 ? (Py_ssize_t)count : 1;
}

void
share(void *call, Job *job, Part run)
{
    const Frame *frame = call;
    Py_ssize_t others = threads_of(frame);
    if (others > job->parts - 1)
        others = job->parts - 1;
    Shared *s = others > 0 ? malloc(sizeof *s) : NULL;
    if (s == NULL) {
        for (Py_ssize_t part = 0; part < job->parts; part++)
            run(job, part);
        return;
    }
    *s = (Shared){.holders = 1, .parts = (long)job->parts, .job = job, .run = run};
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->finished, NULL);
    for (; others > 0; others--) {
        atomic_fetch_add(&s->holders, 1);
        Schedule t = {sizeof t, NULL, frame->context, helped, s};
        Error *error = frame->api->schedule(&t);
        if (error != NULL) {
            drop(frame->api, error);
            let_go(s);
            break;
        }
    }
    work(s);
    await(s);
    let_go(s);
}

static Error *
failed(const Frame *frame, int code, const char *message)
{
    ErrorCreate e = {sizeof e, NULL, message, code};
    return frame->api->error_create(&e);
}

/* Whether XLA asks for the version: a handler answers with that of the runtime while it is 0.x. */
static int
asked(const Frame *frame)
{
    Extension *extension = frame->extension_start;
    if (extension == NULL || extension->type != METADATA)
        return 0;
    const Api *api = frame->api;
    if (api != NULL && api->api_version.major_version == VERSION && api->struct_size >= sizeof(Api))
        ((MetadataExtension *)extension)->metadata->api_version = api->api_version;
    return 1;
}

static const int64_t *
numbers(const Frame *frame, const char *name, int64_t *count)
{
    for (int64_t i = 0; i < frame->attributes.size; i++) {
        const Span *span = frame->attributes.names[i];
        if (span->len == strlen(name) && memcmp(span->ptr, name, span->len) == 0) {
            const Array *array = frame->attributes.values[i];
            *count = (int64_t)array->size;
            return array->data;
        }
    }
    *count = 0;
    return NULL;
}

static const char WRONG[] = "gradtape: a product was called with other operands than it was made for.";
static const char FULL[] = "gradtape: no memory for the parts of a product.";

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
        .a = in[0]->data,
        .b = in[1]->data,
        .c = out->data,
    };
    const Kernels *kernels = kernels_of(in[0]->dtype == SINGLE ? sizeof(float) : sizeof(double));
    if (matmul(frame, &m, kernels, threads_of(frame)) < 0)
        return failed(frame, RESOURCE_EXHAUSTED, FULL);
    return NULL;
}

/* Attribute `window`: of the two axes the sizes, strides, dilations and zeros in front of the image. */
static Error *
call_convolution(Frame *frame, int gradient)
{
    Buffer **in = (Buffer **)frame->arguments.values, *out = frame->results.values[0];
    int64_t count;
    const int64_t *w = numbers(frame, "window", &count);
    if (frame->arguments.size != 2 || count != 8 || in[0]->rank != 4 || in[1]->rank != 4)
        return failed(frame, INVALID_ARGUMENT, WRONG);
    const int64_t *x = in[0]->dims, *places = (gradient ? in[1] : out)->dims;
    Convolution v = {
        .images = x[0],
        .size = {x[1], x[2]},
        .channels = x[3],
        .filters = places[3],
        .window = {w[0], w[1]},
        .strides = {w[2], w[3]},
        .dilations = {w[4], w[5]},
        .before = {w[6], w[7]},
        .places = {places[1], places[2]},
        .x = in[0]->data,
        .w = in[1]->data,
        .out = out->data,
    };
    const Kernels *kernels = kernels_of(in[0]->dtype == SINGLE ? sizeof(float) : sizeof(double));
    int bad = (gradient ? filter_gradient : convolve)(frame, &v, kernels, threads_of(frame));
    return bad ? failed(frame, RESOURCE_EXHAUSTED, FULL) : NULL;
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

static int
add(PyObject *module, const char *name, Error *(*handler)(Frame *))
{
    /* the name by which JAX knows capsules of handlers */
    PyObject *capsule = PyCapsule_New((void *)handler, "xla._CUSTOM_CALL_TARGET", NULL);
    int bad = capsule == NULL || PyModule_AddObjectRef(module, name, capsule) < 0;
    Py_XDECREF(capsule);
    return bad;
}

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "gradtape.graph._xla_calls",
    .m_doc = "Products of matrices and convolutions that programs compiled by XLA call.",
    .m_size = -1,
};

PyMODINIT_FUNC
PyInit__xla_calls(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL || kernels_of(sizeof(float)) == NULL)
        return module;
    if (add(module, "matmul", call_matmul) || add(module, "convolve", call_convolve)
        || add(module, "filter_gradient", call_filter_gradient)) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
