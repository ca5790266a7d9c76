#include "worker/http/no_proxy.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_ADDRESS_BYTES = 127 };

typedef struct {
    int family; /* AF_INET, AF_INET6; AF_UNSPEC: a name */
    uint8_t address[16];
    const char *name;
    size_t name_len;
} host_key;

static host_key read_host(const char *host) {
    host_key key = {.family = AF_UNSPEC, .name = host, .name_len = strlen(host)};
    char text[MAX_ADDRESS_BYTES + 1];
    if (key.name_len >= 2 && host[0] == '[' && host[key.name_len - 1] == ']' && key.name_len - 2 < sizeof text) {
        memcpy(text, host + 1, key.name_len - 2);
        text[key.name_len - 2] = '\0';
        if (inet_pton(AF_INET6, text, key.address) == 1)
            key.family = AF_INET6;
    } else if (inet_pton(AF_INET, host, key.address) == 1) {
        key.family = AF_INET;
    } else if (key.name_len > 0 && host[key.name_len - 1] == '.') {
        key.name_len--;
    }
    return key;
}

static bool covers_name(const char *entry, size_t entry_len, const host_key *key) {
    if (entry_len > 0 && entry[entry_len - 1] == '.')
        entry_len--;
    if (entry_len > 0 && entry[0] == '.') {
        entry++;
        entry_len--;
    }
    if (entry_len == 0 || entry_len > key->name_len)
        return false;
    const char *tail = key->name + key->name_len - entry_len;
    return strncasecmp(entry, tail, entry_len) == 0 && (entry_len == key->name_len || tail[-1] == '.');
}

/* "10.1.2.3", or a network: "10.0.0.0/8". No bits, or 0 of them, mean all. */
static bool covers_address(const char *entry, size_t entry_len, const host_key *key) {
    char text[MAX_ADDRESS_BYTES + 1];
    uint8_t network[16];
    if (entry_len >= sizeof text)
        return false;
    memcpy(text, entry, entry_len);
    text[entry_len] = '\0';
    size_t num_bits = key->family == AF_INET ? 32 : 128;
    char *slash = strchr(text, '/');
    unsigned long bits = slash == NULL ? 0 : strtoul(slash + 1, NULL, 10);
    if (slash != NULL)
        *slash = '\0';
    if (bits > num_bits || inet_pton(key->family, text, network) != 1)
        return false;
    if (bits == 0)
        bits = num_bits;
    if (memcmp(network, key->address, bits / 8) != 0)
        return false;
    uint8_t mask = (uint8_t)(0xff00U >> (bits % 8));
    return bits % 8 == 0 || ((network[bits / 8] ^ key->address[bits / 8]) & mask) == 0;
}

bool tecton_no_proxy_covers(const char *list, const char *host) {
    static const char separators[] = ", \t";
    if (strcmp(list, "*") == 0)
        return true;
    host_key key = read_host(host);
    for (const char *entry = list + strspn(list, separators); *entry != '\0';) {
        size_t len = strcspn(entry, separators);
        if (key.family == AF_UNSPEC ? covers_name(entry, len, &key) : covers_address(entry, len, &key))
            return true;
        entry += len;
        entry += strspn(entry, separators);
    }
    return false;
}
