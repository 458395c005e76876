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

/* The jobs that have parts left, the oldest first. A thread takes a part of the oldest one, whoever's it
is: of two products that XLA starts at the same time one is done soon, in place of both late, and
nobody idles while the other's last parts run. */
typedef struct Shared {
    Job *job;
    Part run;
    Py_ssize_t next;
    atomic_long done;
    pthread_cond_t finished;
    struct Shared *later;
} Shared;

static Shared *oldest;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void
forked(void)
{
    oldest = NULL; /* whose threads are the parent's */
    pthread_mutex_init(&lock, NULL);
}

/* Runs one part of the oldest job; the lock is held before and after. */
static void
run_oldest(void)
{
    Shared *s = oldest;
    Py_ssize_t part = s->next++;
    if (s->next == s->job->parts)
        oldest = s->later;
    pthread_mutex_unlock(&lock);
    s->run(s->job, part);
    pthread_mutex_lock(&lock);
    if (atomic_fetch_add(&s->done, 1) + 1 == s->job->parts)
        pthread_cond_signal(&s->finished);
}

static void
help(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    while (oldest != NULL)
        run_oldest();
    pthread_mutex_unlock(&lock);
}

void
share(Lender *lender, Job *job, Part run)
{
    if (lender->others <= 0 || job->parts == 1) {
        for (Py_ssize_t part = 0; part < job->parts; part++)
            run(job, part);
        return;
    }
    Shared s = {.job = job, .run = run, .finished = PTHREAD_COND_INITIALIZER};
    pthread_mutex_lock(&lock);
    Shared **end = &oldest;
    while (*end != NULL)
        end = &(*end)->later;
    *end = &s;
    pthread_mutex_unlock(&lock);
    for (Py_ssize_t n = 0; n < lender->others && n < job->parts - 1; n++)
        if (lender->lend(lender, help, NULL))
            break;
    pthread_mutex_lock(&lock);
    while (s.next < job->parts)
        run_oldest();
    pthread_mutex_unlock(&lock);
    /* Parts that others began are awaited awake at first, then asleep, so that a thread which lost its
    core can go on on this one. */
    for (int spun = 0; spun < SPINS && atomic_load(&s.done) < job->parts; spun++)
        ;
    pthread_mutex_lock(&lock);
    while (atomic_load(&s.done) < job->parts)
        pthread_cond_wait(&s.finished, &lock);
    pthread_mutex_unlock(&lock);
    pthread_cond_destroy(&s.finished);
}

int
threads_ready(void)
{
    return pthread_key_create(&held_key, give_back) || pthread_atfork(NULL, NULL, forked) ? -1 : 0;
}
