/* A connection to one service address of the runner. Plaintext, as all runners serve it. Any thread. */
#ifndef SDK_HARNESS_RPC_CHANNEL_H
#define SDK_HARNESS_RPC_CHANNEL_H

typedef struct beamc_channel beamc_channel;

/* beamc_channel_open: new; connects when first used. `url` is host:port or unix:/path.
 *   worker_id   sent as metadata `worker_id` with every call; copied */
beamc_channel *beamc_channel_open(const char *url, const char *worker_id);
void beamc_channel_close(beamc_channel *channel); /* NULL is fine; calls under way keep it alive */
const char *beamc_channel_url(const beamc_channel *channel);

#endif
