/* Which hosts are reached without the proxy: the list in the environment's no_proxy, read as curl reads it.
 *
 * Pure; any thread. */
#ifndef WORKER_HTTP_NO_PROXY_H
#define WORKER_HTTP_NO_PROXY_H

#include <stdbool.h>

/* tecton_no_proxy_covers: is `host` in `list`?
 *   list   names or addresses with commas or blanks between; "example.com" and ".example.com" stand for the domain and
 *          all below it, "10.0.0.0/8" for addresses; "*" alone for every host
 *   host   a name, an IPv4 address, or an IPv6 address in brackets */
bool tecton_no_proxy_covers(const char *list, const char *host);

#endif
