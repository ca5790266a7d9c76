/* The sink as a DoFn: rows in, requests out, outcomes back. It decides nothing by itself but the order of things:
 * records/ turns rows into bodies, delivery/ sends them, stores/ says what answers mean.
 *
 * A bundle succeeds only when every one of its rows is acknowledged. */
#ifndef WORKER_SINK_DOFN_H
#define WORKER_SINK_DOFN_H

#include "sdk_harness/dofn.h"
#include "worker/delivery/delivery_engine.h"

/* tecton_sink_dofn returns the callbacks. `engine` is shared by all instances and must outlive them. */
beamc_dofn tecton_sink_dofn(tecton_delivery_engine *engine);

#endif
