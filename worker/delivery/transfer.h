/* One HTTP request on its way: records of one request, a part of them, or records of several bundles together.
 *
 * Engine thread only. */
#ifndef WORKER_DELIVERY_TRANSFER_H
#define WORKER_DELIVERY_TRANSFER_H

#include "worker/delivery/delivery_gate.h"
#include "worker/delivery/delivery_request.h"
#include "worker/delivery/due_heap.h"
#include "worker/delivery/retry_policy.h"
#include "worker/http/http_client.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Neighbouring records of one request. */
typedef struct {
    tecton_delivery_request *request; /* NULL: its bundle is gone; the records go along unowned */
    uint32_t first_record;            /* of the request */
    uint32_t num_records;
} tecton_slice;

typedef enum {
    TECTON_TRANSFER_QUEUED, /* for its endpoint */
    TECTON_TRANSFER_IN_FLIGHT,
    TECTON_TRANSFER_WAITING, /* for its next try */
    TECTON_TRANSFER_REJECTED /* to be halved, when fewer others are */
} tecton_transfer_state;

/* The halves of one rejected request, and theirs. */
typedef struct {
    uint32_t num_transfers;
} tecton_isolation_group;

typedef struct tecton_transfer tecton_transfer;
struct tecton_transfer {
    tecton_transfer_state state;
    tecton_transfer *next;     /* in the list of its state, or among the spares */
    tecton_transfer *previous; /* likewise */
    tecton_transfer *all_next; /* among its route's */
    tecton_transfer *all_previous;
    struct tecton_destination *destination; /* counted */
    tecton_slice *slices;
    uint32_t num_slices;
    uint32_t num_live_slices; /* whose bundle is still there */
    uint32_t num_records;
    const uint8_t *body;
    size_t body_len;
    uint8_t *own_body; /* NULL: the body is the request's */
    tecton_slice own_slice;
    tecton_isolation_group *group; /* NULL: not part of an isolation */
    bool is_preflight;
    bool is_throttled;  /* WAITING because the service said so */
    uint32_t num_parts; /* REJECTED: to be sent again in so many */

    tecton_try next_try;
    tecton_gate_ticket ticket; /* IN_FLIGHT */
    tecton_retry_state retry;
    uint32_t num_attempts; /* of these records, those before halving included */
    uint32_t num_tries;    /* of this HTTP request */
    bool possibly_stored;
    tecton_due_entry due; /* WAITING */
    tecton_http_exchange exchange;
};

typedef struct {
    tecton_transfer *first;
    tecton_transfer *last;
} tecton_transfer_list;

void tecton_transfer_append(tecton_transfer_list *list, tecton_transfer *transfer);
void tecton_transfer_prepend(tecton_transfer_list *list, tecton_transfer *transfer);
void tecton_transfer_remove(tecton_transfer_list *list, tecton_transfer *transfer);

/* tecton_transfer_of_request makes `transfer` carry one whole request, borrowing its body. */
void tecton_transfer_of_request(tecton_transfer *transfer, tecton_delivery_request *request);

/* tecton_transfer_of_slices gives `transfer` a body of its own with the records of `slices`, in that order.
 *   slices   num_slices, copied; every request is there
 *   frame    the text around the records, the same as in the requests' bodies */
void tecton_transfer_of_slices(tecton_transfer *transfer, const tecton_slice *slices, uint32_t num_slices,
                               const tecton_request_frame *frame);

/* tecton_transfer_cut writes the live slices of records [first_record, first_record + num_records) of `transfer` to
 * `slices`, which has room for transfer->num_slices, and returns how many there are. */
uint32_t tecton_transfer_cut(const tecton_transfer *transfer, uint32_t first_record, uint32_t num_records,
                             tecton_slice *slices);

/* tecton_transfer_clear frees what it holds but not `destination` and `group`, and zeroes it. */
void tecton_transfer_clear(tecton_transfer *transfer);

#endif
