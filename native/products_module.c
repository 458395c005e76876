/* The module `gradtape.core._products`: products of arrays, and the handlers that XLA calls. */

#include "products.h"

#include <pthread.h>

static int
start(Lender *lender, void (*task)(void *))
{
    pthread_t thread;
    pthread_attr_t detached;
    if (pthread_attr_init(&detached))
        return -1;
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    int bad = pthread_create(&thread, &detached, (void *(*)(void *))(void (*)(void))task, lender->queue);
    pthread_attr_destroy(&detached);
    return bad ? -1 : 0;
}

/* The convolution of arrays, in 0 or, with an exception, -1. */
static int
convolved(const Py_buffer *x, const Py_buffer *w, const Py_buffer *out, const Py_ssize_t *n,
          Py_ssize_t others, int gradient)
{
    if (x->ndim != 4 || w->ndim != 4 || out->ndim != 4) {
        PyErr_SetString(PyExc_ValueError, "arrays of four axes are needed");
        return -1;
    }
    Convolution v = convolution_of(x->shape, (gradient ? w : out)->shape, n);
    v.item = x->itemsize;
    v.x = x->buf;
    v.w = w->buf;
    v.out = out->buf;
    Lender lender = {others, &for_numpy, start};
    Job *job;
    int bad = -1;
    Py_BEGIN_ALLOW_THREADS
    job = (gradient ? filter_gradient : convolve)(&v, others + 1);
    if (job != NULL) {
        share(&lender, job);
        bad = finish(job);
    }
    Py_END_ALLOW_THREADS
    if (bad)
        PyErr_NoMemory();
    return bad;
}

/* x, w and out as contiguous arrays of four axes, and of the two spatial axes the sizes of the window,
strides, dilations, zeros in front and distances of neighbours; then how many threads may be started. */
static PyObject *
convolution(PyObject *arguments, int gradient)
{
    PyObject *objects[3];
    Py_buffer buffers[3];
    Py_ssize_t n[10], others;
    if (!PyArg_ParseTuple(arguments, "OOO(nnnnnnnnnn)n", objects, objects + 1, objects + 2, n, n + 1, n + 2,
                          n + 3, n + 4, n + 5, n + 6, n + 7, n + 8, n + 9, &others))
        return NULL;
    int had = 0, bad = 0;
    for (; had < 3 && !bad; had += !bad)
        bad = PyObject_GetBuffer(objects[had], buffers + had, had == 2 ? PyBUF_CONTIG : PyBUF_CONTIG_RO);
    bad = bad || convolved(buffers, buffers + 1, buffers + 2, n, others, gradient);
    while (had > 0)
        PyBuffer_Release(buffers + --had);
    return bad ? NULL : Py_NewRef(Py_None);
}

static PyObject *
module_convolve(PyObject *module, PyObject *arguments)
{
    (void)module;
    return convolution(arguments, 0);
}

static PyObject *
module_filter_gradient(PyObject *module, PyObject *arguments)
{
    (void)module;
    return convolution(arguments, 1);
}

static PyObject *
module_widest(PyObject *module, PyObject *argument)
{
    (void)module;
    long bits = PyLong_AsLong(argument);
    return bits == -1 && PyErr_Occurred() ? NULL : PyLong_FromLong(widest((int)bits));
}

static PyMethodDef methods[] = {
    {"convolve", module_convolve, METH_VARARGS, "x and w convolved, into out."},
    {"filter_gradient", module_filter_gradient, METH_VARARGS, "The gradient by w, into out."},
    {"widest", module_widest, METH_O, "Use vectors of at most so many bits (for tests)."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "gradtape.core._products",
    .m_doc = "Products of matrices and convolutions in machine code of ours.",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC
PyInit__products(void)
{
    if (kernels_of(sizeof(float)) == NULL) {
        PyErr_SetString(PyExc_ImportError, "gradtape.core._products: no kernels for this processor");
        return NULL;
    }
    PyObject *module = PyModule_Create(&definition);
    int bits = widest(512); /* of the processor's vectors */
    if (module != NULL
        && (threads_ready() || add_handlers(module) || PyModule_AddIntConstant(module, "bits", bits))) {
        if (!PyErr_Occurred())
            PyErr_NoMemory();
        Py_CLEAR(module);
    }
    return module;
}
