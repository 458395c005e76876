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

static struct {
    const char *name;
    PyObject **place;
} objects[] = {
    {"Tensor", (PyObject **)&bound.tensor}, {"Variable", (PyObject **)&bound.variable},
    {"Node", (PyObject **)&bound.node}, {"Record", (PyObject **)&bound.record},
    {"Part", (PyObject **)&bound.part}, {"Recording", (PyObject **)&bound.recording},
    {"DeferredTensor", (PyObject **)&bound.deferred},
    {"Primitive", (PyObject **)&bound.primitive_type}, {"Spec", &bound.spec},
    {"no_params", &bound.no_params},
    {"record", &bound.record_any}, {"apply_observed", &bound.apply_observed},
    {"explained", &bound.explained}, {"failures", &bound.failures}, {"space", &bound.space},
    {"silent", &bound.silent}, {"errors", &bound.errors}, {"zero_wins", &bound.zero_wins},
    {"defined", &bound.defined}, {"summed", &bound.summed},
    {"spots", &bound.spots}, {"pending", &bound.pending}, {"library", &bound.library},
    {"checked_sweep", &bound.checked_sweep},
    {"spot", &bound.spot}, {NULL, NULL},
};

static struct {
    PyTypeObject **type;
    const char *name;
    Py_ssize_t *place;
} slots[] = {
    {&bound.tensor, "_array", &bound.array}, {&bound.tensor, "_node", &bound.node_of},
    {&bound.deferred, "buffer", &bound.buffer}, {&bound.deferred, "_host", &bound.host},
    {&bound.deferred, "_dtype", &bound.deferred_dtype},
    {&bound.deferred, "_shape", &bound.deferred_shape},
    {&bound.node, "dtype", &bound.dtype}, {&bound.node, "number", &bound.number},
    {&bound.node, "shape", &bound.shape}, {&bound.node, "tapes", &bound.tapes},
    {&bound.node, "tangents", &bound.tangents},
    {&bound.record, "inputs", &bound.inputs}, {&bound.record, "out", &bound.out},
    {&bound.record, "params", &bound.params}, {&bound.record, "parents", &bound.parents},
    {&bound.record, "primitive", &bound.primitive}, {&bound.part, "index", &bound.index},
    {&bound.part, "parents", &bound.parents_of_part}, {&bound.recording, "notable", &bound.mark},
    {&bound.recording, "records", &bound.records}, {&bound.recording, "watched", &bound.watched},
    {&bound.primitive_type, "differentiable", &bound.differentiable},
    {&bound.primitive_type, "fallible", &bound.fallible},
    {&bound.primitive_type, "family", &bound.family}, {&bound.primitive_type, "_kept", &bound.kept},
    {&bound.primitive_type, "kernel", &bound.kernel}, {&bound.primitive_type, "name", &bound.name},
    {&bound.primitive_type, "notable", &bound.notable},
    {&bound.primitive_type, "pushes", &bound.pushes},
    {&bound.primitive_type, "several", &bound.several},
    {&bound.primitive_type, "straight", &bound.straight}, {NULL, NULL, NULL},
};

/* bind(name=value, ...): the classes, functions and objects of Python that the extension uses. */
static PyObject *
bind(PyObject *self, PyObject *args, PyObject *keywords)
{
    for (int i = 0; objects[i].name; i++) {
        PyObject *value = keywords ? PyDict_GetItemString(keywords, objects[i].name) : NULL;
        if (value)
            Py_XSETREF(*objects[i].place, Py_NewRef(value));
    }
    for (int i = 0; slots[i].name; i++) {
        PyObject *type = (PyObject *)*slots[i].type;
        if (type && (*slots[i].place = offset_of(type, slots[i].name)) < 0)
            return NULL;
    }
    Py_RETURN_NONE;
}

#define FAST(name, function, text) \
    {name, (PyCFunction)(void (*)(void))function, METH_FASTCALL, PyDoc_STR(text)}

static PyMethodDef functions[] = {
    {"bind", (PyCFunction)(void (*)(void))bind, METH_VARARGS | METH_KEYWORDS,
     PyDoc_STR("Give the extension the Python classes that it works on.")},
    {"tensor", new_tensor, METH_O, PyDoc_STR("tensor(array): a tensor without a node.")},
    FAST("deferred", new_deferred, "deferred(buffer, shape, dtype): a DeferredTensor without a node."),
    {"shown", shown, METH_O, PyDoc_STR("shown(leaf): numbers as a tensor, anything else as it is.")},
    {"element", element, METH_O, PyDoc_STR("element(value): of a tensor or a tuple of them, or None.")},
    FAST("stack_into", stack_into, "stack_into(leaves, out): write arrays into rows; whether they fit."),
    FAST("each", each, "each(function, rows, found, start): a function of many elements."),
    {"next_number", next_number, METH_NOARGS, PyDoc_STR("The number of the next node.")},
    {"idle", idle, METH_NOARGS, PyDoc_STR("Whether nothing is active in this thread.")},
    FAST("set_state", set_state, "Say what is active in this thread."),
    FAST("watch", watch, "watch(mark, places, primals, tangents): hang tangents on leaves, or False."),
    {"set_tapes", set_tapes, METH_O, PyDoc_STR("Say which tapes are active in this thread.")},
    {"set_lookouts", set_lookouts, METH_O, PyDoc_STR("Say whether somebody looks on everywhere.")},
    {"set_rules", set_rules, METH_O, PyDoc_STR("Say how many rules run in this thread.")},
    FAST("apply", apply, "apply(primitive, inputs[, params]): as dispatch.apply."),
    FAST("record", record_quick, "record(primitive, inputs, params, out): as dispatch.record."),
    FAST("record_one", record_one, "record_one(primitive, x, out, tapes[, how[, params]]): as dispatch.record_one."),
    FAST("record_two", record_two, "record_two(primitive, x, y, out, tapes, table): as dispatch.record_two."),
    FAST("sparse_softmax_loss", sparse_softmax_loss, "sparse_softmax_loss(labels, logits): as the verb, or None."),
    FAST("sparse_softmax_loss_pull", sparse_softmax_loss_pull, "sparse_softmax_loss_pull(ct, probabilities, labels)"),
    FAST("relu_pull", relu_pull, "relu_pull(ct, y): as the kernel, or None."),
    FAST("product", product, "product(a, b): of two matrices of floats, or None."),
    FAST("wins", wins, "wins(product, *factors): as the verb zero_wins."),
    FAST("run", run_walk, "run(sweep, cotangents, shared, elementwise, records[, looks]): as Sweep.run."),
    FAST("gradient", plain_gradient, "gradient(sweep, elementwise, recording, target, sources): the whole way back."),
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
    if (!module || PyModule_AddType(module, &Quick_Type) || PyModule_AddType(module, &Plain_Type)
        || PyModule_AddType(module, &Steps_Type) || PyModule_AddType(module, &Program_Type)
        || add_rounds(module)) {
        Py_XDECREF(module);
        return NULL;
    }
    return module;
}
