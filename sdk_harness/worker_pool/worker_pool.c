#include "sdk_harness/worker_pool/worker_pool.h"

#include "protos/fn_api.pb-c.h"
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"
#include "sdk_harness/base/log.h"
#include "sdk_harness/packing/packed_message.h"
#include "sdk_harness/worker_pool/worker_process.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_METHOD "/org.apache.beam.model.fn_execution.v1.BeamFnExternalWorkerPool/StartWorker"
#define STOP_METHOD  "/org.apache.beam.model.fn_execution.v1.BeamFnExternalWorkerPool/StopWorker"

enum { STOP_POLL_US = 5000 };

typedef struct worker {
    struct worker *next;
    char *id;
    char *services; /* where its job's services are: with the id, what tells workers apart */
    pid_t pid;
    uint64_t kill_at_ms; /* 0: not asked to end */
} worker;

/* A worker that ended before its StopWorker, which may still come. */
typedef struct {
    char *id; /* NULL: none */
    uint64_t until_ms;
} ended_worker;

struct beamc_worker_pool {
    pthread_mutex_t lock;
    char *program;
    worker *workers;
    size_t num_workers;
    ended_worker ended[BEAMC_POOL_MAX_REMEMBERED]; /* a ring; the oldest is overwritten */
    size_t next_ended;
    bool stopping;
};

beamc_worker_pool *beamc_worker_pool_new(const char *program) {
    beamc_worker_pool *pool = beamc_alloc_zero(1, sizeof *pool);
    pthread_mutex_init(&pool->lock, NULL);
    pool->program = beamc_strdup(program);
    return pool;
}

static void drop(worker **at) {
    worker *w = *at;
    *at = w->next;
    free(w->id);
    free(w->services);
    free(w);
}

void beamc_worker_pool_free(beamc_worker_pool *pool) {
    if (pool == NULL)
        return;
    while (pool->workers != NULL)
        drop(&pool->workers);
    for (size_t i = 0; i < BEAMC_POOL_MAX_REMEMBERED; i++)
        free(pool->ended[i].id);
    pthread_mutex_destroy(&pool->lock);
    free(pool->program);
    free(pool);
}

static const char *url_of(const Beam__ApiServiceDescriptor *endpoint) {
    return endpoint == NULL ? NULL : endpoint->url;
}

static const char *services_of(const Beam__StartWorkerRequest *request) {
    return url_of(request->control_endpoint != NULL ? request->control_endpoint : request->provision_endpoint);
}

static bool runs_already(const beamc_worker_pool *pool, const Beam__StartWorkerRequest *request) {
    for (const worker *w = pool->workers; w != NULL; w = w->next)
        if (strcmp(w->id, request->worker_id) == 0 && strcmp(w->services, services_of(request)) == 0)
            return true;
    return false;
}

/* True, once for each, if a worker of this id ended lately and its StopWorker has not come. */
static bool take_ended(beamc_worker_pool *pool, const char *id, uint64_t now_ms) {
    for (size_t i = 0; i < BEAMC_POOL_MAX_REMEMBERED; i++) {
        ended_worker *ended = &pool->ended[i];
        if (ended->id != NULL && now_ms < ended->until_ms && strcmp(ended->id, id) == 0) {
            free(ended->id);
            *ended = (ended_worker){0};
            return true;
        }
    }
    return false;
}

static void remember(beamc_worker_pool *pool, const char *id, uint64_t now_ms) {
    ended_worker *at = &pool->ended[pool->next_ended];
    pool->next_ended = (pool->next_ended + 1) % BEAMC_POOL_MAX_REMEMBERED;
    free(at->id);
    *at = (ended_worker){.id = beamc_strdup(id), .until_ms = now_ms + BEAMC_POOL_REMEMBER_MS};
}

static bool wants_authentication(const Beam__ApiServiceDescriptor *endpoint) {
    return endpoint != NULL && endpoint->authentication != NULL && endpoint->authentication->urn[0] != '\0';
}

static beamc_status start_worker(beamc_worker_pool *pool, const Beam__StartWorkerRequest *request, beamc_error *err) {
    if (request->worker_id[0] == '\0')
        return beamc_fail(err, BEAMC_INVALID, "StartWorker names no worker id");
    if (request->control_endpoint == NULL && request->provision_endpoint == NULL)
        return beamc_fail(err, BEAMC_INVALID, "StartWorker for %s names neither a control nor a provision endpoint",
                          request->worker_id);
    if (wants_authentication(request->control_endpoint) || wants_authentication(request->logging_endpoint) ||
        wants_authentication(request->provision_endpoint))
        return beamc_fail(err, BEAMC_INVALID, "worker %s: endpoints with authentication are not supported",
                          request->worker_id);
    if (pool->stopping || pool->num_workers >= BEAMC_POOL_MAX_WORKERS)
        return beamc_fail(err, BEAMC_LIMIT, "worker %s is refused: %s", request->worker_id,
                          pool->stopping ? "the pool is ending" : "256 workers run already");
    if (runs_already(pool, request))
        return beamc_fail(err, BEAMC_INVALID, "worker %s of the job at %s runs already", request->worker_id,
                          services_of(request));
    beamc_worker_spec spec = {.worker_id = request->worker_id,
                              .control_endpoint = url_of(request->control_endpoint),
                              .logging_endpoint = url_of(request->logging_endpoint),
                              .provision_endpoint = url_of(request->provision_endpoint)};
    pid_t pid = 0;
    BEAMC_TRY(beamc_worker_process_spawn(pool->program, &spec, &pid, err));
    worker *w = beamc_alloc_zero(1, sizeof *w);
    w->id = beamc_strdup(request->worker_id);
    w->services = beamc_strdup(services_of(request));
    w->pid = pid;
    w->next = pool->workers;
    pool->workers = w;
    pool->num_workers++;
    log_info("worker %s of the job at %s started as process %ld", w->id, w->services, (long)pid);
    return BEAMC_OK;
}

static void ask_to_end(worker *w) {
    if (w->kill_at_ms == 0) {
        w->kill_at_ms = beamc_clock_ms() + BEAMC_POOL_KILL_AFTER_MS;
        (void)kill(w->pid, SIGTERM);
    }
}

static beamc_status handle_start(void *context, const uint8_t *bytes, size_t len, beamc_byte_buffer *response,
                                 beamc_error *err) {
    beamc_worker_pool *pool = context;
    Beam__StartWorkerRequest *request = beam__start_worker_request__unpack(NULL, len, bytes);
    if (request == NULL)
        return beamc_fail(err, BEAMC_INVALID, "a StartWorker request of %zu bytes cannot be parsed", len);
    beamc_error why;
    pthread_mutex_lock(&pool->lock);
    beamc_status status = start_worker(pool, request, &why);
    pthread_mutex_unlock(&pool->lock);
    beam__start_worker_request__free_unpacked(request, NULL);
    Beam__StartWorkerResponse answer = BEAM__START_WORKER_RESPONSE__INIT;
    if (status != BEAMC_OK) {
        log_error("%s", why.text);
        answer.error = why.text;
    }
    return beamc_pack(&answer.base, response, err);
}

/* Stopping what is gone already is no error: runners and workers race to the end. */
static void stop_worker(beamc_worker_pool *pool, const char *id) {
    worker *found = NULL;
    size_t num_found = 0;
    for (worker *w = pool->workers; w != NULL; w = w->next) {
        if (strcmp(w->id, id) == 0) {
            found = w;
            num_found++;
        }
    }
    bool may_be_another_s = take_ended(pool, id, beamc_clock_ms()) || num_found > 1;
    if (num_found == 0)
        return;
    if (!may_be_another_s)
        ask_to_end(found);
    else
        log_info("which worker %s is to end is not known: several jobs have or had one. Each ends with its job's "
                 "connection",
                 id);
}

static beamc_status handle_stop(void *context, const uint8_t *bytes, size_t len, beamc_byte_buffer *response,
                                beamc_error *err) {
    beamc_worker_pool *pool = context;
    Beam__StopWorkerRequest *request = beam__stop_worker_request__unpack(NULL, len, bytes);
    if (request == NULL)
        return beamc_fail(err, BEAMC_INVALID, "a StopWorker request of %zu bytes cannot be parsed", len);
    pthread_mutex_lock(&pool->lock);
    stop_worker(pool, request->worker_id);
    pthread_mutex_unlock(&pool->lock);
    beam__stop_worker_request__free_unpacked(request, NULL);
    Beam__StopWorkerResponse answer = BEAM__STOP_WORKER_RESPONSE__INIT;
    return beamc_pack(&answer.base, response, err);
}

void beamc_worker_pool_methods(beamc_worker_pool *pool, beamc_rpc_method methods[BEAMC_WORKER_POOL_METHODS]) {
    methods[0] = (beamc_rpc_method){.method = START_METHOD, .handle = handle_start, .context = pool};
    methods[1] = (beamc_rpc_method){.method = STOP_METHOD, .handle = handle_stop, .context = pool};
}

static void report_end(const worker *w, int status) {
    if (WIFSIGNALED(status))
        log_error("worker %s (process %ld) was ended by signal %d", w->id, (long)w->pid, WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        log_error("worker %s (process %ld) ended with exit code %d", w->id, (long)w->pid, WEXITSTATUS(status));
    else
        log_info("worker %s (process %ld) ended", w->id, (long)w->pid);
}

void beamc_worker_pool_reap(beamc_worker_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    for (worker **at = &pool->workers; *at != NULL;) {
        worker *w = *at;
        int status = 0;
        if (waitpid(w->pid, &status, WNOHANG) != w->pid) {
            at = &w->next;
            continue;
        }
        report_end(w, status);
        if (w->kill_at_ms == 0)
            remember(pool, w->id, beamc_clock_ms());
        drop(at);
        pool->num_workers--;
    }
    pthread_mutex_unlock(&pool->lock);
}

bool beamc_worker_pool_tick(beamc_worker_pool *pool, uint64_t now_ms) {
    pthread_mutex_lock(&pool->lock);
    bool watched = false;
    for (worker *w = pool->workers; w != NULL; w = w->next) {
        if (w->kill_at_ms == 0)
            continue;
        watched = true;
        if (now_ms >= w->kill_at_ms)
            (void)kill(w->pid, SIGKILL);
    }
    pthread_mutex_unlock(&pool->lock);
    return watched;
}

void beamc_worker_pool_stop_all(beamc_worker_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    for (worker *w = pool->workers; w != NULL; w = w->next)
        ask_to_end(w);
    pthread_mutex_unlock(&pool->lock);
    /* Bounded: tick kills what does not end by itself. */
    for (;;) {
        beamc_worker_pool_reap(pool);
        if (!beamc_worker_pool_tick(pool, beamc_clock_ms()))
            return;
        usleep(STOP_POLL_US);
    }
}
