/* The part of XLA's binary interface for calls out of compiled programs that is used here.

The interface is stable (its version has been 0.x since 2023; a change of layout would be version 1,
which is refused), so that no header of XLA is needed to build. Names and order are those of
xla/ffi/api/c_api.h; `tests/graph/test_product_calls.py` compares the layout with the header that
jaxlib ships. */

#ifndef GRADTAPE_XLA_H
#define GRADTAPE_XLA_H

#include <stddef.h>
#include <stdint.h>

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
enum { SINGLE = 11, DOUBLE = 12 };

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

#endif
