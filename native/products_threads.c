/* Memory and threads for the parts of a product. */

#include "products.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { SPINS = 10000 }; /* about 10 us */

typedef struct {
    size_t size;
    void *memory;
} Held;

static pthread_key_t held_key;

static void
give_back(void *value)
{
    Held *held = value;
    free(held->memory);
    free(held);
}

int
workspace_ready(void)
{
    return pthread_key_create(&held_key, give_back) ? -1 : 0;
}

void *
workspace(size_t size)
{
    Held *held = pthread_getspecific(held_key);
    if (held == NULL) {
        held = calloc(1, sizeof *held);
        if (held == NULL || pthread_setspecific(held_key, held)) {
            free(held);
            return NULL;
        }
    }
    if (size > held->size) {
        free(held->memory);
        held->size = 0;
        if (posix_memalign(&held->memory, 64, size)) {
            held->memory = NULL;
            return NULL;
        }
        held->size = size;
    }
    return held->memory;
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

void
share(Lender *lender, Job *job, Part run)
{
    Py_ssize_t others = lender->others < job->parts - 1 ? lender->others : job->parts - 1;
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
        if (lender->lend(lender, helped, s)) {
            let_go(s);
            break;
        }
    }
    work(s);
    await(s);
    let_go(s);
}
