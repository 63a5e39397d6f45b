/*
 * Asks one thing again and again over keep-alive connections, and says how long it took. One thread, epoll.
 *
 *   load PORT CONNECTIONS RATE WARM SECONDS KEY BODY
 *
 * RATE 0: every connection asks again as soon as it is answered. Else RATE requests begin each second whether or not the
 * earlier ones are answered, and their time counts from when they were due, so that a server that stalls cannot hide it.
 * The first WARM seconds are not measured; what is counted over both is in the fields that begin with "all_".
 * Writes one JSON object: counts, and times in microseconds to the first byte of the body and to its end.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 4096, HEAD = 16384, READ = 65536, EVENTS = 256, TAIL = 8 };
enum state { IDLE, IN_HEAD, IN_LENGTH, IN_SIZE, IN_CHUNK, AFTER_CHUNK, AT_END };

struct connection {
    int fd;
    enum state state;
    size_t sent, got, left; /* bytes of the request sent, of the head read, of the body or chunk to come */
    int status, line_start, first; /* of the head; whether a line of the body begins; whether any of it has come */
    int64_t due;                   /* when it was to begin */
    uint64_t events;
    char head[HEAD], tail[TAIL];
};

struct times {
    uint32_t *us;
    size_t count, room;
};

static struct connection connections[MOST];
static struct times whole, first;
static uint64_t all, all_events, events, errors;
static int epoll, port;
static char *request;
static size_t request_size;
static int64_t measured_from, heard; /* when the bytes at hand were received */

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void note(struct times *times, int64_t us) {
    if (times->count == times->room) {
        times->room = times->room ? times->room * 2 : 65536;
        times->us = realloc(times->us, times->room * sizeof *times->us);
    }
    times->us[times->count++] = (uint32_t)us;
}

static int by_size(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static uint32_t quantile(const struct times *times, double part) { /* of sorted times */
    return times->count ? times->us[(size_t)(part * (double)(times->count - 1))] : 0;
}

static void dial(struct connection *c) {
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address)) {
        fprintf(stderr, "load: nobody listens on port %d: %s\n", port, strerror(errno));
        exit(1);
    }
    c->state = IDLE;
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = c});
}

static void fail(struct connection *c, const char *why) {
    if (errors++ == 0)
        fprintf(stderr, "load: %s; the head was: %.*s\n", why, (int)c->got, c->head);
    close(c->fd);
    dial(c);
}

static void ask(struct connection *c, int64_t due) {
    c->state = IN_HEAD;
    c->got = c->left = 0;
    c->first = 0;
    c->events = 0;
    c->line_start = 1;
    c->due = due;
    for (c->sent = 0; c->sent < request_size;) { /* a request is small enough to be taken at once */
        ssize_t sent = send(c->fd, request + c->sent, request_size - c->sent, MSG_NOSIGNAL);
        if (sent < 0) {
            fail(c, "the connection was closed");
            return;
        }
        c->sent += (size_t)sent;
    }
}

static void finish(struct connection *c) {
    c->state = IDLE;
    if (c->status != 200 || (c->events && memcmp(c->tail + 1, "[DONE]\n", 7) && memcmp(c->tail, "[DONE]\n\n", 8))) {
        fail(c, "an answer that is not 200, or a stream without [DONE]");
        return;
    }
    all++;
    if (heard >= measured_from)
        note(&whole, heard - c->due);
}

static void take_body(struct connection *c, const char *data, size_t size) {
    if (!c->first) {
        c->first = 1;
        if (heard >= measured_from)
            note(&first, heard - c->due);
    }
    uint64_t before = c->events;
    for (const char *at = data, *end = data + size; at < end;) {
        c->events += c->line_start && *at == 'd'; /* "data: …" */
        const char *line = memchr(at, '\n', (size_t)(end - at));
        c->line_start = line != NULL;
        at = line ? line + 1 : end;
    }
    all_events += c->events - before;
    if (heard >= measured_from)
        events += c->events - before;
    size_t kept = size < TAIL ? TAIL - size : 0;
    memmove(c->tail, c->tail + TAIL - kept, kept);
    memcpy(c->tail + kept, data + size - (TAIL - kept), TAIL - kept);
}

/* Take what of the head has come; return the bytes used. */
static size_t take_head(struct connection *c, const char *data, size_t size) {
    size_t room = HEAD - 1 - c->got, taken = size < room ? size : room, before = c->got;
    memcpy(c->head + c->got, data, taken);
    c->got += taken;
    c->head[c->got] = 0;
    char *end = strstr(c->head, "\r\n\r\n");
    if (!end) {
        if (c->got == HEAD - 1)
            fail(c, "a head that is too long");
        return size;
    }
    end[2] = 0;
    c->status = atoi(c->head + 9);
    char *length = strcasestr(c->head, "\r\ncontent-length:");
    c->left = length ? strtoul(length + 17, NULL, 10) : 0;
    c->state = length ? IN_LENGTH : IN_SIZE;
    c->got = (size_t)(end + 4 - c->head);
    if (c->state == IN_LENGTH && c->left == 0)
        finish(c);
    return c->got - before;
}

static size_t take_some(struct connection *c, const char *data, size_t size) {
    size_t part = size < c->left ? size : c->left;
    switch (c->state) {
    case IN_HEAD:
        return take_head(c, data, size);
    case IN_LENGTH:
        take_body(c, data, part);
        if ((c->left -= part) == 0)
            finish(c);
        return part;
    case IN_SIZE:
        if (*data == '\n')
            c->state = c->left ? IN_CHUNK : AT_END;
        else if (*data != '\r')
            c->left = c->left * 16 + (size_t)(*data <= '9' ? *data - '0' : (*data | 32) - 'a' + 10);
        return 1;
    case IN_CHUNK:
        take_body(c, data, part);
        if ((c->left -= part) == 0)
            c->state = AFTER_CHUNK;
        return part;
    case AFTER_CHUNK:
        if (*data == '\n')
            c->state = IN_SIZE;
        return 1;
    case AT_END:
        if (*data == '\n')
            finish(c);
        return 1;
    default:
        fail(c, "bytes that nobody asked for");
        return size;
    }
}

static void take(struct connection *c) {
    static char data[READ];
    ssize_t got = recv(c->fd, data, READ, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        fail(c, "the connection was closed");
        return;
    }
    heard = now();
    for (size_t at = 0; at < (size_t)got;)
        at += take_some(c, data + at, (size_t)got - at);
}

static void prepare(const char *key, const char *body) {
    request_size = (size_t)asprintf(&request,
                                    "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                                    "Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
                                    "User-Agent: load\r\nContent-Length: %zu\r\n\r\n%s",
                                    port, key, strlen(body), body);
}

static void report(double seconds) {
    qsort(whole.us, whole.count, sizeof *whole.us, by_size);
    qsort(first.us, first.count, sizeof *first.us, by_size);
    printf("{\"seconds\":%.3f,\"requests\":%zu,\"events\":%lu,\"errors\":%lu,\"all_requests\":%lu,\"all_events\":%lu,"
           "\"p50_us\":%u,\"p99_us\":%u,\"first_p50_us\":%u,\"first_p99_us\":%u}\n",
           seconds, whole.count, events, errors, all, all_events, quantile(&whole, .5), quantile(&whole, .99),
           quantile(&first, .5), quantile(&first, .99));
}

int main(int argc, char **argv) {
    if (argc != 8) {
        fprintf(stderr, "usage: load PORT CONNECTIONS RATE WARM SECONDS KEY BODY\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    port = atoi(argv[1]);
    int count = atoi(argv[2]);
    double rate = atof(argv[3]), warm = atof(argv[4]), seconds = atof(argv[5]);
    if (count < 1 || count > MOST) {
        fprintf(stderr, "load: 1 to %d connections\n", MOST);
        return 2;
    }
    prepare(argv[6], argv[7]);
    epoll = epoll_create1(0);
    for (int i = 0; i < count; i++)
        dial(&connections[i]);
    int64_t began = now(), step = rate > 0 ? (int64_t)(1e6 / rate) : 0, due = began;
    measured_from = began + (int64_t)(warm * 1e6);
    int64_t until = measured_from + (int64_t)(seconds * 1e6);
    struct epoll_event ready[EVENTS];
    for (int64_t at = began; at < until; at = now()) {
        for (int i = 0; i < count && (!step || due <= at); i++) {
            if (connections[i].state != IDLE)
                continue;
            ask(&connections[i], step ? due : at);
            due += step;
        }
        int64_t wait = step && due > at ? (due < until ? due : until) - at : until - at;
        struct timespec pause = {.tv_sec = wait / 1000000, .tv_nsec = wait % 1000000 * 1000};
        int found = epoll_pwait2(epoll, ready, EVENTS, &pause, NULL);
        for (int i = 0; i < found; i++)
            take(ready[i].data.ptr);
    }
    report(seconds);
    return 0;
}
