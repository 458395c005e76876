/* The part of XLA's binary interface for calls out of compiled programs that is used here.

The interface is stable (its version has been 0.x since 2023; a change of layout would be version 1,
which is refused), so that no header of XLA is needed to build. Names and order are those of
xla/ffi/api/c_api.h; `tests/graph/test_product_calls.py` compares the layout with the header that
jaxlib ships. */

#ifndef GRADTAPE_XLA_H
#define GRADTAPE_XLA_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct Extension {
    size_t struct_size;
    int type;
    struct Extension *next;
} Extension;

typedef struct {
    size_t struct_size;
    Extension *extension_start;
    int major_version, minor_version;
} Version;

enum { VERSION = 0, METADATA = 1, RESOURCE_EXHAUSTED = 8, INVALID_ARGUMENT = 3 };
enum { PREDICATE = 1, SINGLE = 11, DOUBLE = 12 };

typedef struct {
    size_t struct_size;
    Version api_version;
} Metadata; /* and more, which stays as it is */

typedef struct {
    Extension extension_base;
    Metadata *metadata;
} MetadataExtension;

typedef struct {
    size_t struct_size;
    Extension *extension_start;
    int dtype;
    void *data;
    int64_t rank;
    int64_t *dims;
} Buffer;

typedef struct {
    size_t struct_size;
    Extension *extension_start;
    int64_t size;
    int *types;
    void **values;
} Arguments; /* and results */

typedef struct {
    int dtype;
    size_t size;
    void *data;
} Array;

typedef struct {
    const char *ptr;
    size_t len;
} Span;

typedef struct {
    size_t struct_size;
    Extension *extension_start;
    int64_t size;
    int *types;
    Span **names;
    void **values;
} Attributes;

typedef struct Error Error;

typedef struct {
    size_t struct_size;
    Extension *extension_start;
    const char *message;
    int code;
} ErrorCreate;

typedef struct {
    size_t struct_size;
    Extension *extension_start;
    Error *error;
} ErrorDestroy;

typedef struct {
    size_t struct_size;
    Extension *extension_start;
    void *context;
    void (*task)(void *);
    void *data;
} Schedule;

typedef struct {
    size_t struct_size;
    Extension *extension_start;
    void *context;
    int64_t *count;
} Threads;

typedef struct {
    size_t struct_size;
    Extension *extension_start;
    void *future;
} FutureCreate; /* and what says that it is there */

typedef struct {
    size_t struct_size;
    Extension *extension_start;
    void *future;
    Error *error;
} FutureError;

typedef struct {
    size_t struct_size;
    Extension *extension_start;
    Version api_version;
    const void *internal;
    Error *(*error_create)(ErrorCreate *);
    void *error_message;
    void (*error_destroy)(ErrorDestroy *);
    void *others[8]; /* registration, stream, types, context, state, memory */
    Error *(*schedule)(Schedule *);
    Error *(*threads)(Threads *);
    Error *(*future_create)(FutureCreate *);
    Error *(*future_available)(FutureCreate *);
    Error *(*future_error)(FutureError *);
} Api;

typedef struct {
    size_t struct_size;
    Extension *extension_start;
    const Api *api;
    void *context;
    int stage;
    Arguments arguments, results;
    Attributes attributes;
    void *future;
} Frame;

static inline Error *
failed(const Frame *frame, int code, const char *message)
{
    ErrorCreate e = {sizeof e, NULL, message, code};
    return frame->api->error_create(&e);
}

/* Whether XLA asks for the version: a handler answers with that of the runtime while it is 0.x. */
static inline int
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

static inline const int64_t *
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

#endif
