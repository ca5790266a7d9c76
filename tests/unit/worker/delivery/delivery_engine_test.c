#include "worker/delivery/delivery_engine.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"
#include "tests/support/check.h"
#include "tests/support/http_server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { WAKE_TIMEOUT_SECONDS = 10, NUM_BUNDLES = 4, REQUESTS_A_BUNDLE = 100 };

/* A store that believes the status alone. */
typedef struct {
    tecton_feature_store store;
    char url[64];
    atomic_int *num_freed;
} plain_store;

static const tecton_request_frame plain_frame = {
    .head = "[", .head_len = 1, .before_record = "", .after_record = "", .tail = "]", .tail_len = 1};

static const tecton_request_frame *encode_plain(const tecton_feature_store *store, bool dry_run) {
    (void)store;
    (void)dry_run;
    return &plain_frame;
}

static const char *plain_address(const tecton_feature_store *store, const char *const **headers, size_t *num_headers) {
    static const char *const lines[] = {"Content-Type: application/json"};
    *headers = lines;
    *num_headers = 1;
    return ((const plain_store *)store)->url;
}

static void plain_classify(const tecton_feature_store *store, const tecton_store_answer *answer,
                           tecton_store_judgement *judgement) {
    (void)store;
    *judgement = (tecton_store_judgement){.verdict = TECTON_VERDICT_STORED};
    (void)snprintf(judgement->text, sizeof judgement->text, "status %d", answer->status);
    if (answer->status == 429)
        judgement->verdict = TECTON_VERDICT_THROTTLED;
    else if (answer->status >= 500)
        judgement->verdict = TECTON_VERDICT_RETRYABLE;
    else if (answer->status == 400)
        judgement->verdict = TECTON_VERDICT_RECORD_ERROR;
    else if (answer->status == 422)
        judgement->verdict = TECTON_VERDICT_REQUEST_ERROR;
    else if (answer->status == 404)
        judgement->verdict = TECTON_VERDICT_NOT_FOUND;
    else if (answer->status != 200)
        judgement->verdict = TECTON_VERDICT_FATAL;
}

static atomic_int num_stores_freed;

static void plain_free(tecton_feature_store *store) {
    atomic_fetch_add(&num_stores_freed, 1);
    free(store);
}

static tecton_feature_store *store_at(const char *url) {
    plain_store *made = beamc_alloc_zero(1, sizeof *made);
    made->store = (tecton_feature_store){
        .encode = encode_plain, .address = plain_address, .classify = plain_classify, .free = plain_free};
    (void)snprintf(made->url, sizeof made->url, "%s", url);
    return &made->store;
}

/* One bundle's end of a session. */
typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool woken;
    bool released;
    tecton_delivery_session *session;
} bundle;

static atomic_int num_dropped;
static char *kept_bodies[128];
static size_t num_kept_bodies;

static void wake_bundle(void *context) {
    bundle *self = context;
    pthread_mutex_lock(&self->lock);
    self->woken = true;
    pthread_cond_signal(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

static void release_bundle(void *context) {
    bundle *self = context;
    pthread_mutex_lock(&self->lock);
    self->released = true;
    pthread_cond_signal(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

static void free_request(tecton_delivery_request *request) {
    tecton_delivery_request_reset(request);
    free(request);
}

static void drop_request(tecton_delivery_request *request) {
    atomic_fetch_add(&num_dropped, 1);
    free_request(request);
}

static bool await_flag(bundle *self, bool *flag) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAKE_TIMEOUT_SECONDS;
    pthread_mutex_lock(&self->lock);
    int waited = 0;
    while (!*flag && waited == 0)
        waited = pthread_cond_timedwait(&self->changed, &self->lock, &until);
    bool set = *flag;
    *flag = false;
    pthread_mutex_unlock(&self->lock);
    return set;
}

static void open_bundle(bundle *self, tecton_destination *destination) {
    *self = (bundle){.woken = false};
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->changed, NULL);
    tecton_delivery_owner owner = {
        .context = self, .wake = wake_bundle, .release = release_bundle, .drop = drop_request};
    self->session = tecton_delivery_open(destination, &owner);
}

/* Closes and waits until nobody holds the session any more, so that `self` may go. */
static void close_bundle(bundle *self) {
    tecton_delivery_close(self->session);
    assert_true(await_flag(self, &self->released));
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->lock);
}

static tecton_delivery_request *request_of(const char *body) {
    tecton_delivery_request *request = beamc_alloc_zero(1, sizeof *request);
    request->body = (const uint8_t *)body;
    request->body_len = strlen(body);
    request->num_records = 1;
    return request;
}

static void submit(bundle *self, const char *body) {
    while (tecton_delivery_admit(self->session) == BEAMC_AGAIN)
        assert_true(await_flag(self, &self->woken));
    tecton_delivery_submit(self->session, request_of(body), false);
}

/* The next request that came back. */
static tecton_delivery_request *take(bundle *self) {
    while (tecton_delivery_wait(self->session) == BEAMC_AGAIN)
        assert_true(await_flag(self, &self->woken));
    tecton_delivery_request *request = tecton_delivery_take_done(self->session);
    assert_non_null(request);
    return request;
}

typedef struct {
    test_server *server;
    tecton_delivery_engine *engine;
    tecton_destination *destination;
    bundle bundle;
} fixture;

static uint64_t linger_ms; /* of destinations made from now on */
static bool isolates;      /* likewise */

static tecton_destination *destination_to(tecton_delivery_engine *engine, const char *url, uint32_t max_in_flight,
                                          uint32_t timeout_ms, uint64_t max_retry_ms) {
    tecton_destination_options options = {.store = store_at(url),
                                          .timeout_ms = timeout_ms,
                                          .proxy = "none",
                                          .max_in_flight = max_in_flight,
                                          .max_batch_records = 10,
                                          .max_body_bytes = 4096,
                                          .linger_ms = linger_ms,
                                          .isolates = isolates,
                                          .retry = {.max_retries = 2, .max_retry_ms = max_retry_ms}};
    tecton_destination *destination = NULL;
    beamc_error err = {{0}};
    if (tecton_destination_new(engine, &options, &destination, &err) != BEAMC_OK)
        fail_msg("%s", err.text);
    return destination;
}

static void open_fixture(fixture *f, uint32_t max_in_flight, uint32_t timeout_ms, uint64_t max_retry_ms) {
    f->server = test_server_start();
    assert_int_equal(tecton_delivery_engine_new(&f->engine, NULL), BEAMC_OK);
    f->destination = destination_to(f->engine, test_server_url(f->server), max_in_flight, timeout_ms, max_retry_ms);
    open_bundle(&f->bundle, f->destination);
}

/* Sends until the limit has grown to what it may be. */
static void warm_up(fixture *f, uint32_t max_in_flight) {
    for (uint32_t i = 0; i < 4 * max_in_flight; i++)
        submit(&f->bundle, "{}");
    while (tecton_delivery_num_out(f->bundle.session) > 0) {
        tecton_delivery_request *request = take(&f->bundle);
        while (request != NULL) {
            tecton_delivery_request *next = request->next;
            free_request(request);
            request = next;
        }
    }
}

static void close_fixture(fixture *f) {
    close_bundle(&f->bundle);
    tecton_destination_release(f->destination);
    tecton_delivery_engine_free(f->engine);
    test_server_stop(f->server);
}

static void a_request_comes_back_with_its_outcome(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 4, 5000, 1000);
    submit(&f.bundle, "{\"a\":1}");
    assert_int_equal(tecton_delivery_num_out(f.bundle.session), 1);
    tecton_delivery_request *request = take(&f.bundle);
    assert_int_equal(request->outcome.results[0].verdict, TECTON_VERDICT_STORED);
    assert_int_equal(request->outcome.results[0].status, 200);
    assert_int_equal(request->outcome.results[0].num_attempts, 1);
    assert_int_equal(request->outcome.num_errors, 0);
    assert_false(request->outcome.results[0].possibly_stored);
    assert_null(request->outcome.results[0].text);
    assert_int_equal(request->outcome.num_results, 1);
    assert_int_equal(request->outcome.num_stored, 1);
    assert_int_equal(request->outcome.num_tries, 1);
    assert_true(request->outcome.results[0].owns_request);
    assert_int_equal(tecton_delivery_num_out(f.bundle.session), 0);
    assert_string_equal(test_server_request(f.server, 0)->body, "{\"a\":1}");
    free_request(request);
    assert_null(tecton_delivery_take_done(f.bundle.session));
    assert_int_equal(tecton_delivery_wait(f.bundle.session), BEAMC_OK); /* nothing is out */
    close_fixture(&f);
}

static void failures_are_retried_with_identical_bytes(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 4, 5000, 10000);
    test_step steps[] = {{.status = 503}, {.cut = true}};
    test_server_script(f.server, steps, 2);
    submit(&f.bundle, "{\"same\":true}");
    tecton_delivery_request *request = take(&f.bundle);
    assert_int_equal(request->outcome.results[0].verdict, TECTON_VERDICT_STORED);
    assert_int_equal(request->outcome.results[0].num_attempts, 3);
    assert_int_equal(request->outcome.num_errors, 2);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(test_server_request(f.server, i)->body, "{\"same\":true}");
    free_request(request);
    close_fixture(&f);
}

static void it_gives_up_after_max_retries_and_says_so(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 4, 5000, 10000);
    test_step steps[] = {{.status = 503, .times = 99}};
    test_server_script(f.server, steps, 1);
    submit(&f.bundle, "{}");
    tecton_delivery_request *request = take(&f.bundle);
    assert_int_equal(request->outcome.results[0].verdict, TECTON_VERDICT_RETRYABLE);
    assert_int_equal(request->outcome.results[0].num_attempts, 3); /* max_retries is 2 */
    assert_true(request->outcome.results[0].possibly_stored);
    assert_contains(request->outcome.results[0].text, "gave up: status 503 (tried 3 times in ");
    assert_contains(request->outcome.results[0].text, "max_retries=2, max_retry_seconds=10");
    free_request(request);
    close_fixture(&f);
}

static void a_fatal_answer_is_not_retried(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 4, 5000, 10000);
    test_step steps[] = {{.status = 403}};
    test_server_script(f.server, steps, 1);
    submit(&f.bundle, "{}");
    tecton_delivery_request *request = take(&f.bundle);
    assert_int_equal(request->outcome.results[0].verdict, TECTON_VERDICT_FATAL);
    assert_int_equal(request->outcome.results[0].num_attempts, 1);
    assert_string_equal(request->outcome.results[0].text, "status 403");
    assert_int_equal(test_server_num_requests(f.server), 1);
    free_request(request);
    close_fixture(&f);
}

static void throttled_requests_wait_as_told_without_using_up_retries(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 4, 5000, 20000);
    test_step steps[] = {{.status = 429, .headers = "Retry-After: 0\r\n"},
                         {.status = 429, .headers = "retry-after:1 \r\n"},
                         {.status = 503},
                         {.status = 503}};
    test_server_script(f.server, steps, 4);
    uint64_t start_ms = beamc_clock_ms();
    submit(&f.bundle, "{}");
    tecton_delivery_request *request = take(&f.bundle);
    assert_int_equal(request->outcome.results[0].verdict,
                     TECTON_VERDICT_STORED); /* two 503 and no more are within max_retries */
    assert_int_equal(request->outcome.results[0].num_attempts, 5);
    assert_true(beamc_clock_ms() - start_ms >= 1000); /* Retry-After: 1 */
    free_request(request);
    close_fixture(&f);
}

static void a_refused_connection_is_tried_until_max_retry_seconds(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 4, 5000, 1000);
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/ingest", test_closed_port());
    tecton_destination *nobody = destination_to(f.engine, url, 4, 5000, 400);
    bundle other;
    open_bundle(&other, nobody);
    submit(&other, "{}");
    tecton_delivery_request *request = take(&other);
    assert_int_equal(request->outcome.results[0].verdict, TECTON_VERDICT_RETRYABLE);
    assert_false(request->outcome.results[0].possibly_stored);
    assert_true(request->outcome.results[0].num_attempts > 3); /* more than max_retries would allow */
    assert_contains(request->outcome.results[0].text, "no connection to http://127.0.0.1:");
    assert_contains(request->outcome.results[0].text, "max_retry_seconds=0");
    free_request(request);
    close_bundle(&other);
    tecton_destination_release(nobody);
    close_fixture(&f);
}

static void a_service_that_comes_back_is_found_again(void **state) {
    (void)state;
    test_server *first = test_server_start();
    char url[64];
    (void)snprintf(url, sizeof url, "%s", test_server_url(first));
    tecton_delivery_engine *engine = NULL;
    assert_int_equal(tecton_delivery_engine_new(&engine, NULL), BEAMC_OK);
    tecton_destination *destination = destination_to(engine, url, 4, 5000, 20000);
    bundle b;
    open_bundle(&b, destination);
    submit(&b, "{}");
    free_request(take(&b));
    test_server_stop(first); /* the kept connection is closed behind our back */
    submit(&b, "{}");
    test_server *second = test_server_start_at(url);
    tecton_delivery_request *request = take(&b);
    assert_int_equal(request->outcome.results[0].verdict, TECTON_VERDICT_STORED);
    free_request(request);
    close_bundle(&b);
    tecton_destination_release(destination);
    tecton_delivery_engine_free(engine);
    test_server_stop(second);
}

static void a_slow_answer_times_out_and_may_be_stored(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 4, 100, 10000);
    test_step steps[] = {{.status = 200, .delay_ms = 2000, .times = 99}};
    test_server_script(f.server, steps, 1);
    uint64_t start_ms = beamc_clock_ms();
    submit(&f.bundle, "{}");
    tecton_delivery_request *request = take(&f.bundle);
    uint64_t took_ms = beamc_clock_ms() - start_ms;
    assert_int_equal(request->outcome.results[0].verdict, TECTON_VERDICT_RETRYABLE);
    assert_int_equal(request->outcome.results[0].num_attempts, 3);
    assert_true(request->outcome.results[0].possibly_stored);
    assert_contains(request->outcome.results[0].text, "within the timeout");
    assert_true(took_ms >= 300 && took_ms < 2000);
    free_request(request);
    close_fixture(&f);
}

static void no_more_are_in_flight_than_the_limit_and_more_are_not_admitted(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 3, 5000, 1000);
    warm_up(&f, 3);
    size_t num_before = test_server_num_requests(f.server);
    test_server_hold(f.server);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(tecton_delivery_admit(f.bundle.session), BEAMC_OK);
        tecton_delivery_submit(f.bundle.session, request_of("{}"), false);
    }
    assert_int_equal(tecton_delivery_admit(f.bundle.session), BEAMC_AGAIN);
    assert_int_equal(tecton_delivery_admit(f.bundle.session), BEAMC_AGAIN); /* asking twice is fine */
    assert_true(test_server_await(f.server, num_before + 3));
    test_server_release(f.server);
    assert_true(await_flag(&f.bundle, &f.bundle.woken));
    while (tecton_delivery_num_out(f.bundle.session) > 0) {
        tecton_delivery_request *request = take(&f.bundle);
        while (request != NULL) {
            tecton_delivery_request *next = request->next;
            assert_int_equal(request->outcome.results[0].verdict, TECTON_VERDICT_STORED);
            free_request(request);
            request = next;
        }
    }
    assert_int_equal(test_server_max_at_once(f.server), 3);
    assert_int_equal(test_server_num_connections(f.server), 3);
    close_fixture(&f);
}

static void destinations_of_one_endpoint_share_the_smallest_limit(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 8, 5000, 1000);
    tecton_destination *narrow = destination_to(f.engine, test_server_url(f.server), 1, 5000, 1000);
    bundle other;
    open_bundle(&other, narrow);
    test_server_hold(f.server);
    submit(&f.bundle, "{}");
    submit(&other, "{}");
    assert_int_equal(tecton_delivery_admit(f.bundle.session), BEAMC_AGAIN);
    assert_true(test_server_await(f.server, 1));
    test_server_release(f.server);
    free_request(take(&f.bundle));
    free_request(take(&other));
    assert_int_equal(test_server_max_at_once(f.server), 1);
    close_bundle(&other);
    tecton_destination_release(narrow);
    close_fixture(&f);
}

static void a_parked_request_leaves_when_it_is_due(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 4, 5000, 1000);
    tecton_delivery_park(f.bundle.session, request_of("{\"parked\":1}"), beamc_clock_ms() + 5);
    tecton_delivery_request *request = take(&f.bundle);
    assert_int_equal(request->outcome.results[0].verdict, TECTON_VERDICT_STORED);
    assert_false(tecton_delivery_unpark(f.bundle.session, request)); /* it has left long ago */
    free_request(request);
    close_fixture(&f);
}

static void a_parked_request_can_be_taken_back_until_then(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 4, 5000, 1000);
    tecton_delivery_request *request = request_of("{\"parked\":1}");
    tecton_delivery_park(f.bundle.session, request, beamc_clock_ms() + 60000);
    assert_int_equal(tecton_delivery_num_out(f.bundle.session), 1);
    assert_true(tecton_delivery_unpark(f.bundle.session, request));
    assert_int_equal(tecton_delivery_num_out(f.bundle.session), 0);
    tecton_delivery_submit(f.bundle.session, request, false);
    free_request(take(&f.bundle));
    assert_int_equal(test_server_num_requests(f.server), 1);
    close_fixture(&f);
}

static void closing_cancels_whatever_state_a_request_is_in(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 1, 5000, 60000);
    atomic_store(&num_dropped, 0);
    test_step steps[] = {{.status = 200}, {.status = 429, .headers = "Retry-After: 30\r\n"}, {.status = 200}};
    test_server_script(f.server, steps, 3);
    submit(&f.bundle, "{}");
    free_request(take(&f.bundle)); /* what the service takes is known: others need not wait as long */
    submit(&f.bundle, "{}");       /* will wait for its next try */
    assert_true(test_server_await(f.server, 2));
    submit(&f.bundle, "{}"); /* comes back, and is not taken */
    assert_true(test_server_await(f.server, 3));
    tecton_delivery_park(f.bundle.session, request_of("{}"), beamc_clock_ms() + 60000);
    bundle other;
    open_bundle(&other, f.destination);
    tecton_delivery_submit(other.session, request_of("{}"), false); /* an own bundle, so that this one stays */
    free_request(take(&other));
    test_server_hold(f.server);
    tecton_delivery_submit(f.bundle.session, request_of("{}"), false); /* in flight */
    assert_true(test_server_await(f.server, 5));
    tecton_delivery_submit(f.bundle.session, request_of("{}"), false); /* queued behind it */
    close_bundle(&f.bundle);
    assert_int_equal(atomic_load(&num_dropped), 5);
    test_server_release(f.server);
    open_bundle(&f.bundle, f.destination); /* their places are free again */
    submit(&f.bundle, "{}");
    free_request(take(&f.bundle));
    close_bundle(&other);
    close_fixture(&f);
}

static void stopping_gives_everything_back_as_failed(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 1, 5000, 60000);
    test_server_hold(f.server);
    submit(&f.bundle, "{}");
    assert_true(test_server_await(f.server, 1));
    submit(&f.bundle, "{}");
    tecton_delivery_park(f.bundle.session, request_of("{}"), beamc_clock_ms() + 60000);
    tecton_delivery_engine_free(f.engine);
    tecton_delivery_request *request = tecton_delivery_take_done(f.bundle.session);
    int num_back = 0;
    int num_possibly_stored = 0;
    while (request != NULL) {
        tecton_delivery_request *next = request->next;
        num_back++;
        num_possibly_stored += request->outcome.results[0].possibly_stored ? 1 : 0;
        assert_int_equal(request->outcome.results[0].verdict, TECTON_VERDICT_OTHER);
        assert_contains(request->outcome.results[0].text, "the worker shuts down");
        free_request(request);
        request = next;
    }
    assert_int_equal(num_back, 3);
    assert_int_equal(num_possibly_stored, 1);
    /* What comes later fails at once, and nothing hangs. */
    assert_int_equal(tecton_delivery_admit(f.bundle.session), BEAMC_OK);
    tecton_delivery_submit(f.bundle.session, request_of("{}"), false);
    free_request(take(&f.bundle));
    close_bundle(&f.bundle);
    tecton_destination_release(f.destination);
    test_server_stop(f.server);
}

typedef struct {
    tecton_destination *destination;
    uint64_t num_stored;
    uint64_t num_attempts;
} bundle_work;

static void *run_bundle(void *context) {
    bundle_work *work = context;
    bundle b;
    open_bundle(&b, work->destination);
    for (int i = 0; i < REQUESTS_A_BUNDLE; i++) {
        submit(&b, "{\"record\":\"some text\"}");
        tecton_delivery_request *request = tecton_delivery_take_done(b.session);
        while (request != NULL) {
            tecton_delivery_request *next = request->next;
            work->num_stored += request->outcome.results[0].verdict == TECTON_VERDICT_STORED ? 1 : 0;
            work->num_attempts += request->outcome.results[0].num_attempts;
            free_request(request);
            request = next;
        }
    }
    while (tecton_delivery_num_out(b.session) > 0) {
        tecton_delivery_request *request = take(&b);
        while (request != NULL) {
            tecton_delivery_request *next = request->next;
            work->num_stored += request->outcome.results[0].verdict == TECTON_VERDICT_STORED ? 1 : 0;
            work->num_attempts += request->outcome.results[0].num_attempts;
            free_request(request);
            request = next;
        }
    }
    close_bundle(&b);
    return NULL;
}

static void many_bundles_at_once_each_get_their_own_back(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5, 5000, 60000);
    test_step steps[] = {{.status = 200, .times = 50}, {.status = 503, .times = 2},
                         {.status = 200, .times = 50}, {.cut = true},
                         {.status = 200, .times = 50}, {.status = 503}};
    test_server_script(f.server, steps, sizeof steps / sizeof steps[0]);
    bundle_work work[NUM_BUNDLES];
    pthread_t threads[NUM_BUNDLES];
    for (int i = 0; i < NUM_BUNDLES; i++) {
        work[i] = (bundle_work){.destination = f.destination};
        assert_int_equal(pthread_create(&threads[i], NULL, run_bundle, &work[i]), 0);
    }
    uint64_t num_attempts = 0;
    for (int i = 0; i < NUM_BUNDLES; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(work[i].num_stored, REQUESTS_A_BUNDLE);
        num_attempts += work[i].num_attempts;
    }
    assert_int_equal(num_attempts, NUM_BUNDLES * REQUESTS_A_BUNDLE + 4);
    assert_true(test_server_max_at_once(f.server) <= 5);
    close_fixture(&f);
}

static void a_released_destination_frees_its_store(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 4, 5000, 1000);
    submit(&f.bundle, "{}");
    free_request(take(&f.bundle));
    atomic_store(&num_stores_freed, 0);
    close_fixture(&f);
    assert_int_equal(atomic_load(&num_stores_freed), 1);
}

static void lanes_are_bounded(void **state) {
    (void)state;
    tecton_delivery_engine *engine = NULL;
    assert_int_equal(tecton_delivery_engine_new(&engine, NULL), BEAMC_OK);
    char url[64];
    for (int i = 0; i < TECTON_DELIVERY_MAX_LANES; i++) {
        (void)snprintf(url, sizeof url, "http://127.0.0.1:1/%d", i);
        tecton_destination_release(destination_to(engine, url, 1, 1000, 1000));
    }
    tecton_destination_options options = {
        .store = store_at("http://127.0.0.1:1/one-more"), .timeout_ms = 1000, .proxy = "none", .max_in_flight = 1};
    tecton_destination *destination = NULL;
    beamc_error err = {{0}};
    assert_int_equal(tecton_destination_new(engine, &options, &destination, &err), BEAMC_LIMIT);
    assert_contains(err.text, "256");
    options.store->free(options.store);
    tecton_delivery_engine_free(engine);
}

static void when_a_trial_ends_an_outage_all_go_on_at_once(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5, 5000, 60000);
    warm_up(&f, 5);
    test_step steps[] = {{.status = 503, .times = 6}};
    test_server_script(f.server, steps, 1);
    uint64_t start_ms = beamc_clock_ms();
    for (int i = 0; i < 9; i++)
        submit(&f.bundle, "{}");
    /* Five failures open the breaker; the sixth request is the trial after a second, the seventh another after two
     * more. That one is answered: the others need not wait for the time of a third. */
    while (tecton_delivery_num_out(f.bundle.session) > 0) {
        tecton_delivery_request *request = take(&f.bundle);
        while (request != NULL) {
            tecton_delivery_request *next = request->next;
            assert_int_equal(request->outcome.num_stored, 1);
            free_request(request);
            request = next;
        }
    }
    assert_true(beamc_clock_ms() - start_ms < 4800);
    close_fixture(&f);
}

/* A request of records that are each one letter, in quotes. */
static tecton_delivery_request *letters(const char *text) {
    static const uint32_t starts[] = {1, 5, 9, 13, 17, 21, 25, 29, 33, 37};
    size_t num = strlen(text);
    char *body = beamc_alloc_zero(1, 4 * num + 2);
    body[0] = '[';
    for (size_t i = 0; i < num; i++)
        memcpy(body + 1 + 4 * i, (char[]){'"', text[i], '"', ','}, 4);
    body[4 * num] = ']';
    tecton_delivery_request *request = request_of(body); /* close_shared frees the body */
    request->num_records = (uint32_t)num;
    request->record_starts = starts;
    kept_bodies[num_kept_bodies++] = body;
    return request;
}

static void a_bundle_that_holds_most_places_leaves_some_to_others(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 8, 5000, 10000);
    warm_up(&f, 8);
    bundle other;
    open_bundle(&other, f.destination);
    test_server_hold(f.server);
    int num_greedy = 0;
    for (; tecton_delivery_admit(f.bundle.session) == BEAMC_OK; num_greedy++)
        tecton_delivery_submit(f.bundle.session, request_of("{}"), false);
    int num_modest = 0;
    for (; tecton_delivery_admit(other.session) == BEAMC_OK; num_modest++)
        tecton_delivery_submit(other.session, request_of("{}"), false);
    assert_int_equal(num_greedy + num_modest, 16); /* twice the limit */
    assert_int_equal(num_greedy, 12);
    assert_int_equal(num_modest, 4);
    test_server_release(f.server);
    close_bundle(&other);
    open_bundle(&other, f.destination);
    submit(&other, "{}"); /* the places of a cancelled bundle are free again */
    free_request(take(&other));
    close_bundle(&other);
    close_fixture(&f);
}

static void no_more_records_a_second_are_sent_than_the_cap(void **state) {
    (void)state;
    test_server *server = test_server_start();
    tecton_delivery_engine *engine = NULL;
    assert_int_equal(tecton_delivery_engine_new(&engine, NULL), BEAMC_OK);
    tecton_destination_options options = {.store = store_at(test_server_url(server)),
                                          .timeout_ms = 5000,
                                          .proxy = "none",
                                          .max_in_flight = 8,
                                          .max_records_per_second = 100,
                                          .max_batch_records = 10,
                                          .max_body_bytes = 4096,
                                          .retry = {.max_retries = 2, .max_retry_ms = 500}};
    tecton_destination *destination = NULL;
    assert_int_equal(tecton_destination_new(engine, &options, &destination, NULL), BEAMC_OK);
    bundle b;
    open_bundle(&b, destination);
    uint64_t start_ms = beamc_clock_ms();
    for (int i = 0; i < 5; i++)
        tecton_delivery_submit(b.session, letters("abcdefghij"), false);
    while (tecton_delivery_num_out(b.session) > 0) {
        tecton_delivery_request *request = take(&b);
        while (request != NULL) {
            tecton_delivery_request *next = request->next;
            assert_int_equal(request->outcome.num_stored, 10); /* waiting for the cap does not count as trying */
            free_request(request);
            request = next;
        }
    }
    assert_true(beamc_clock_ms() - start_ms >= 1200); /* it begins at 25 a second */
    close_bundle(&b);
    tecton_destination_release(destination);
    tecton_delivery_engine_free(engine);
    test_server_stop(server);
    while (num_kept_bodies > 0)
        free(kept_bodies[--num_kept_bodies]);
}

/* ---- requests that are not full ---- */

typedef struct {
    fixture f;
    bundle others[3];
} shared_fixture;

/* Four bundles side by side, of instances of their own, and requests that wait for company for `wait_ms`. */
static void open_shared(shared_fixture *s, uint64_t wait_ms) {
    linger_ms = wait_ms;
    open_fixture(&s->f, 8, 5000, 10000);
    for (size_t i = 0; i < 3; i++) {
        tecton_destination *same = destination_to(s->f.engine, test_server_url(s->f.server), 8, 5000, 10000);
        open_bundle(&s->others[i], same);
        tecton_destination_release(same);
    }
}

static void close_shared(shared_fixture *s) {
    for (size_t i = 0; i < 3; i++)
        close_bundle(&s->others[i]);
    close_fixture(&s->f);
    linger_ms = 0;
    isolates = false;
    while (num_kept_bodies > 0)
        free(kept_bodies[--num_kept_bodies]);
}

static void bundles_side_by_side_share_a_request(void **state) {
    (void)state;
    shared_fixture s;
    open_shared(&s, 200);
    tecton_delivery_submit(s.f.bundle.session, letters("ab"), true);
    tecton_delivery_submit(s.others[0].session, letters("c"), true);
    tecton_delivery_submit(s.others[1].session, letters("def"), true);
    bundle *bundles[] = {&s.f.bundle, &s.others[0], &s.others[1]};
    uint32_t num_tries = 0;
    uint32_t num_owners = 0;
    for (size_t i = 0; i < 3; i++) {
        tecton_delivery_request *request = take(bundles[i]);
        assert_int_equal(request->outcome.num_stored, request->num_records);
        assert_int_equal(request->outcome.results[0].request_records, 6);
        num_tries += request->outcome.num_tries;
        num_owners += request->outcome.results[0].owns_request;
        free_request(request);
    }
    assert_int_equal(num_tries, 1); /* counted in one bundle only */
    assert_int_equal(num_owners, 1);
    assert_int_equal(test_server_num_requests(s.f.server), 1);
    assert_string_equal(test_server_request(s.f.server, 0)->body, "[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\"]");
    close_shared(&s);
}

static void a_shared_request_leaves_when_it_is_full(void **state) {
    (void)state;
    shared_fixture s;
    open_shared(&s, 60000);
    uint64_t start_ms = beamc_clock_ms();
    tecton_delivery_submit(s.f.bundle.session, letters("abcdefg"), true);
    tecton_delivery_submit(s.others[0].session, letters("hij"), true);
    free_request(take(&s.f.bundle));
    free_request(take(&s.others[0]));
    assert_true(beamc_clock_ms() - start_ms < 30000);
    tecton_delivery_submit(s.f.bundle.session, letters("abcdef"), true);
    tecton_delivery_submit(s.others[0].session, letters("ghijk"), true); /* does not fit: the first leaves alone */
    free_request(take(&s.f.bundle));
    assert_int_equal(test_server_num_requests(s.f.server), 2);
    close_shared(&s);
}

static void a_lone_bundle_does_not_wait_for_company(void **state) {
    (void)state;
    linger_ms = 60000;
    fixture f;
    open_fixture(&f, 8, 5000, 10000);
    for (int i = 0; i < 3; i++) {
        tecton_delivery_submit(f.bundle.session, letters("a"), true);
        free_request(take(&f.bundle));
        close_bundle(&f.bundle);
        open_bundle(&f.bundle, f.destination);
    }
    close_fixture(&f);
    linger_ms = 0;
    while (num_kept_bodies > 0)
        free(kept_bodies[--num_kept_bodies]);
}

static void a_rejection_of_a_shared_request_fails_only_the_bundle_with_the_record(void **state) {
    (void)state;
    for (int stops = 0; stops < 2; stops++) {
        shared_fixture s;
        open_shared(&s, 200);
        test_server_refuse(s.f.server, "\"x\"", stops == 0 ? 400 : 422, "{}");
        tecton_delivery_submit(s.f.bundle.session, letters("ab"), true);
        tecton_delivery_submit(s.others[0].session, letters("xc"), true);
        tecton_delivery_submit(s.others[1].session, letters("de"), true);
        tecton_delivery_request *good = take(&s.f.bundle);
        tecton_delivery_request *bad = take(&s.others[0]);
        tecton_delivery_request *also_good = take(&s.others[1]);
        assert_int_equal(good->outcome.num_stored, 2);
        assert_int_equal(also_good->outcome.num_stored, 2);
        assert_non_null(tecton_delivery_request_failure(bad));
        assert_true(bad->outcome.num_stored < 2);
        free_request(good);
        free_request(bad);
        free_request(also_good);
        close_shared(&s);
    }
}

static void a_bundle_that_ends_leaves_those_it_shares_with_alone(void **state) {
    (void)state;
    shared_fixture s;
    open_shared(&s, 100);
    atomic_store(&num_dropped, 0);
    tecton_delivery_submit(s.f.bundle.session, letters("a"), true);
    tecton_delivery_submit(s.others[0].session, letters("b"), true);
    close_bundle(&s.others[0]); /* gathers no more */
    test_server_hold(s.f.server);
    tecton_delivery_submit(s.others[1].session, letters("c"), true);
    assert_true(test_server_await(s.f.server, 1));
    close_bundle(&s.others[1]); /* in flight */
    test_server_release(s.f.server);
    tecton_delivery_request *request = take(&s.f.bundle);
    assert_int_equal(request->outcome.num_stored, 1);
    free_request(request);
    assert_int_equal(atomic_load(&num_dropped), 2);
    open_bundle(&s.others[0], s.f.destination);
    open_bundle(&s.others[1], s.f.destination);
    close_shared(&s);
}

static void a_rejected_request_is_taken_apart_to_the_record(void **state) {
    (void)state;
    isolates = true;
    shared_fixture s;
    open_shared(&s, 0);
    test_server_refuse(s.f.server, "\"x\"", 400, "{}");
    for (int i = 0; i < 12; i++) /* more than are taken apart at one time */
        tecton_delivery_submit(s.f.bundle.session, letters("abcdexfghi"), false);
    uint32_t num_stored = 0;
    uint32_t num_failed = 0;
    while (tecton_delivery_num_out(s.f.bundle.session) > 0) {
        tecton_delivery_request *request = take(&s.f.bundle);
        while (request != NULL) {
            tecton_delivery_request *next = request->next;
            num_stored += request->outcome.num_stored;
            for (uint32_t i = 0; i < request->outcome.num_results; i++) {
                const tecton_delivery_result *result = &request->outcome.results[i];
                if (result->verdict == TECTON_VERDICT_STORED)
                    continue;
                num_failed++;
                assert_int_equal(result->first_record, 5);
                assert_int_equal(result->num_records, 1);
            }
            free_request(request);
            request = next;
        }
    }
    assert_int_equal(num_stored, 12 * 9);
    assert_int_equal(num_failed, 12);
    assert_true(test_server_num_requests(s.f.server) <= 12 * 9);
    close_shared(&s);
}

static void closing_while_requests_are_taken_apart_drops_each_once(void **state) {
    (void)state;
    isolates = true;
    for (unsigned i = 0; i < 12; i++) {
        shared_fixture s;
        open_shared(&s, 5);
        atomic_store(&num_dropped, 0);
        test_server_refuse(s.f.server, "\"x\"", 400, "{}");
        for (int j = 0; j < 6; j++)
            tecton_delivery_submit(s.f.bundle.session, letters("abcdexfghi"), false);
        tecton_delivery_submit(s.others[0].session, letters("xy"), true);
        tecton_delivery_submit(s.others[1].session, letters("z"), true);
        assert_true(test_server_await(s.f.server, 1 + i * 2));
        close_bundle(&s.f.bundle);
        close_bundle(&s.others[0]);
        tecton_delivery_request *request = take(&s.others[1]);
        assert_int_equal(request->outcome.num_stored, 1);
        free_request(request);
        assert_int_equal(atomic_load(&num_dropped), 7);
        open_bundle(&s.f.bundle, s.f.destination);
        open_bundle(&s.others[0], s.f.destination);
        close_shared(&s);
        isolates = true;
    }
    isolates = false;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_comes_back_with_its_outcome),
        cmocka_unit_test(failures_are_retried_with_identical_bytes),
        cmocka_unit_test(it_gives_up_after_max_retries_and_says_so),
        cmocka_unit_test(a_fatal_answer_is_not_retried),
        cmocka_unit_test(throttled_requests_wait_as_told_without_using_up_retries),
        cmocka_unit_test(a_refused_connection_is_tried_until_max_retry_seconds),
        cmocka_unit_test(a_service_that_comes_back_is_found_again),
        cmocka_unit_test(a_slow_answer_times_out_and_may_be_stored),
        cmocka_unit_test(no_more_are_in_flight_than_the_limit_and_more_are_not_admitted),
        cmocka_unit_test(destinations_of_one_endpoint_share_the_smallest_limit),
        cmocka_unit_test(a_parked_request_leaves_when_it_is_due),
        cmocka_unit_test(a_parked_request_can_be_taken_back_until_then),
        cmocka_unit_test(closing_cancels_whatever_state_a_request_is_in),
        cmocka_unit_test(stopping_gives_everything_back_as_failed),
        cmocka_unit_test(many_bundles_at_once_each_get_their_own_back),
        cmocka_unit_test(a_released_destination_frees_its_store),
        cmocka_unit_test(lanes_are_bounded),
        cmocka_unit_test(when_a_trial_ends_an_outage_all_go_on_at_once),
        cmocka_unit_test(a_bundle_that_holds_most_places_leaves_some_to_others),
        cmocka_unit_test(no_more_records_a_second_are_sent_than_the_cap),
        cmocka_unit_test(bundles_side_by_side_share_a_request),
        cmocka_unit_test(a_shared_request_leaves_when_it_is_full),
        cmocka_unit_test(a_lone_bundle_does_not_wait_for_company),
        cmocka_unit_test(a_rejection_of_a_shared_request_fails_only_the_bundle_with_the_record),
        cmocka_unit_test(a_bundle_that_ends_leaves_those_it_shares_with_alone),
        cmocka_unit_test(a_rejected_request_is_taken_apart_to_the_record),
        cmocka_unit_test(closing_while_requests_are_taken_apart_drops_each_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
