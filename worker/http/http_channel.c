#include "worker/http/http_channel.h"

#include "sdk_harness/base/alloc.h"

#include <stdlib.h>
#include <string.h>

/* `before` NULL: as the first. */
static void insert_after(tecton_http_channel_list *list, tecton_http_channel *before, tecton_http_channel *channel) {
    tecton_http_channel *after = before == NULL ? list->first : before->after;
    channel->before = before;
    channel->after = after;
    *(before == NULL ? &list->first : &before->after) = channel;
    *(after == NULL ? &list->last : &after->before) = channel;
}

void tecton_http_channel_activate(tecton_http_channel *channel) {
    tecton_http_channel_list *list = &channel->pool->active;
    tecton_http_channel *before = list->last;
    while (before != NULL && before->deadline_us > channel->deadline_us)
        before = before->before;
    insert_after(list, before, channel);
}

void tecton_http_channel_rest(tecton_http_channel *channel, uint64_t now_us) {
    channel->state = TECTON_CHANNEL_IDLE;
    channel->idle_since_us = now_us;
    insert_after(&channel->pool->idle, NULL, channel);
}

void tecton_http_channel_unlist(tecton_http_channel *channel) {
    tecton_http_channel_list *list =
        channel->state == TECTON_CHANNEL_IDLE ? &channel->pool->idle : &channel->pool->active;
    *(channel->before == NULL ? &list->first : &channel->before->after) = channel->after;
    *(channel->after == NULL ? &list->last : &channel->after->before) = channel->before;
    channel->before = NULL;
    channel->after = NULL;
}

tecton_http_pool *tecton_http_pool_of(tecton_http_pool **pools, const char *origin) {
    tecton_http_pool *pool = *pools;
    while (pool != NULL && strcmp(pool->origin, origin) != 0)
        pool = pool->next;
    if (pool == NULL) {
        pool = beamc_alloc_zero(1, sizeof *pool);
        pool->origin = beamc_strdup(origin);
        pool->next = *pools;
        *pools = pool;
    }
    return pool;
}

void tecton_http_pool_drop_if_empty(tecton_http_pool **pools, tecton_http_pool *pool) {
    if (pool->num_channels > 0)
        return;
    while (*pools != pool)
        pools = &(*pools)->next;
    *pools = pool->next;
    free(pool->origin);
    free(pool);
}
