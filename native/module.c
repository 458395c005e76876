/* The module `gradtape.core._quick`, and the Python classes that it works on. */

#define QUICK_MODULE
#include "quick.h"

Bound bound;

/* Where a slot of a Python class lies in its objects; -1 with an exception. */
static Py_ssize_t
offset_of(PyObject *type, const char *name)
{
    PyObject *member = PyObject_GetAttrString(type, name);
    if (!member)
        return -1;
    Py_ssize_t offset = -1;
    if (Py_IS_TYPE(member, &PyMemberDescr_Type))
        offset = ((PyMemberDescrObject *)member)->d_member->offset;
    else
        PyErr_Format(PyExc_TypeError, "bind: %R.%s is no slot", type, name);
    Py_DECREF(member);
    return offset;
}

static int
find(PyObject *type, const char *const *names, Py_ssize_t **places)
{
    for (int i = 0; names[i]; i++)
        if ((*places[i] = offset_of(type, names[i])) < 0)
            return -1;
    return 0;
}

/* bind(name=value, ...): the classes, functions and objects of Python that the extension uses. */
static PyObject *
bind(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {
        "Tensor", "Variable", "Node", "Record", "Part", "Recording", "Spec", "next_number",
        "no_params", "record", "silent", "errors", "zero_wins", "summed", NULL,
    };
    PyObject *v[14] = {NULL};
    if (!PyArg_ParseTupleAndKeywords(
            args, keywords, "|$OOOOOOOOOOOOOO:bind", names, &v[0], &v[1], &v[2], &v[3], &v[4],
            &v[5], &v[6], &v[7], &v[8], &v[9], &v[10], &v[11], &v[12], &v[13]))
        return NULL;
    PyObject **places[14] = {
        (PyObject **)&bound.tensor, (PyObject **)&bound.variable, (PyObject **)&bound.node,
        (PyObject **)&bound.record, (PyObject **)&bound.part, (PyObject **)&bound.recording,
        &bound.spec, &bound.next_number, &bound.no_params, &bound.record_any, &bound.silent,
        &bound.errors, &bound.zero_wins, &bound.summed,
    };
    for (int i = 0; i < 14; i++)
        if (v[i])
            Py_XSETREF(*places[i], Py_NewRef(v[i]));
    static const char *const of_tensor[] = {"_array", "_node", NULL};
    static const char *const of_node[] = {"dtype", "number", "shape", "tapes", NULL};
    static const char *const of_record[] = {"inputs", "out", "params", "parents", "primitive", NULL};
    static const char *const of_recording[] = {"notable", "records", "watched", NULL};
    Py_ssize_t *in_tensor[] = {&bound.array, &bound.node_of};
    Py_ssize_t *in_node[] = {&bound.dtype, &bound.number, &bound.shape, &bound.tapes};
    Py_ssize_t *in_record[] = {
        &bound.inputs, &bound.out, &bound.params, &bound.parents, &bound.primitive};
    Py_ssize_t *in_recording[] = {&bound.notable, &bound.records, &bound.watched};
    if ((v[0] && find(v[0], of_tensor, in_tensor)) || (v[2] && find(v[2], of_node, in_node))
        || (v[3] && find(v[3], of_record, in_record))
        || (v[5] && find(v[5], of_recording, in_recording)))
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"bind", (PyCFunction)(void (*)(void))bind, METH_VARARGS | METH_KEYWORDS,
     PyDoc_STR("Give the extension the Python classes that it works on.")},
    {"set_state", set_state, METH_VARARGS, PyDoc_STR("Say what is active in this thread.")},
    {"set_lookouts", set_lookouts, METH_O, PyDoc_STR("Say whether somebody looks on everywhere.")},
    {"record", (PyCFunction)(void (*)(void))record_quick, METH_FASTCALL,
     PyDoc_STR("record(primitive, inputs, params, out): as dispatch.record.")},
    {"record_one", (PyCFunction)(void (*)(void))record_one, METH_FASTCALL,
     PyDoc_STR("record_one(primitive, x, out, tapes[, how[, params]]): as dispatch.record_one.")},
    {"record_two", (PyCFunction)(void (*)(void))record_two, METH_FASTCALL,
     PyDoc_STR("record_two(primitive, x, y, out, tapes, table): as dispatch.record_two.")},
    {"wins", (PyCFunction)(void (*)(void))wins, METH_FASTCALL,
     PyDoc_STR("wins(product, *factors): as the verb zero_wins.")},
    {"run", (PyCFunction)(void (*)(void))run_walk, METH_FASTCALL,
     PyDoc_STR("run(sweep, cotangents, shared, elementwise, records): as Sweep.run.")},
    {NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "gradtape.core._quick",
    .m_doc = PyDoc_STR("The plain case of eager execution in fewer steps."),
    .m_size = -1,
    .m_methods = functions,
};

PyMODINIT_FUNC
PyInit__quick(void)
{
    import_array();
    import_umath();
    PyObject *module = PyModule_Create(&definition);
    if (!module || PyModule_AddType(module, &Quick_Type) || PyModule_AddType(module, &Plain_Type)) {
        Py_XDECREF(module);
        return NULL;
    }
    return module;
}
