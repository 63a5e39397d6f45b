/*
 * An upstream that costs next to nothing: one thread, epoll, answers made before they are asked for.
 *
 *   mock PORT
 *
 * POST anything with a JSON body. "stream": true is answered with server-sent events in Moonshot's shape, anything else
 * with one chat completion. The text of the prompt says how: "chunks=N" is the number of events with a token (1 when it is
 * not there), "pace=MS" the milliseconds between two of them; without it BURST events leave with each turn of the loop.
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

enum { MOST = 8192, REQUEST = 1 << 21, QUEUE = 1 << 17, BURST = 20, EVENTS = 256 };

#define CHUNK "\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion.chunk\",\"created\":1764000000,\"model\":\"kimi-k2.6\""
#define USAGE "\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":%d,\"total_tokens\":%d,\"cached_tokens\":0}"

static const char ROLE[] = "data: {" CHUNK ",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},"
                           "\"finish_reason\":null}]}\n\n";
#define TOKEN(word) "data: {" CHUNK ",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" " word "\"},\"finish_reason\":null}]}\n\n"
static const char *const TOKENS[] = {TOKEN("tick"), TOKEN("tock")}; /* LiteLLM breaks off where all are alike */
static const char LAST[] = "data: {" CHUNK ",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"," USAGE
                           "}]}\n\ndata: [DONE]\n\n";
static const char WHOLE[] = "{\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion\",\"created\":1764000000,"
                            "\"model\":\"kimi-k2.6\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
                            "\"content\":\" token\"},\"finish_reason\":\"stop\"}]," USAGE "}";
static const char STREAM_HEAD[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

struct connection {
    int fd;
    char *in;         /* the request so far */
    size_t got;       /* bytes of it */
    char *out;        /* what the socket did not take yet */
    size_t from, to;
    int left, of;      /* events with a token to come, and in all; `of` is 0 between answers */
    int64_t pace, due; /* microseconds */
    uint32_t watched;  /* the epoll events it is registered for */
};

static struct connection *connections[MOST]; /* by descriptor */
static int epoll, highest, paced;            /* the highest descriptor there was; how many answers are paced */

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void forget(struct connection *c) {
    paced -= c->of && c->pace;
    connections[c->fd] = NULL;
    close(c->fd);
    free(c->in);
    free(c->out);
    free(c);
}

static void watch(struct connection *c) {
    uint32_t wanted = EPOLLIN | (c->to > 0 || (c->of && !c->pace) ? EPOLLOUT : 0);
    if (wanted == c->watched)
        return;
    c->watched = wanted;
    epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &(struct epoll_event){.events = wanted, .data.fd = c->fd});
}

static void put(struct connection *c, const void *data, size_t size) {
    if (c->to + size > QUEUE) { /* a reader that slow is not what is measured here */
        fprintf(stderr, "mock: a reader is more than %d bytes behind\n", QUEUE);
        exit(1);
    }
    memcpy(c->out + c->to, data, size);
    c->to += size;
}

static void put_event(struct connection *c, const char *event, size_t size) {
    char length[16];
    put(c, length, (size_t)sprintf(length, "%zx\r\n", size));
    put(c, event, size);
    put(c, "\r\n", 2);
}

static int flush(struct connection *c) {
    while (c->from < c->to) {
        ssize_t sent = send(c->fd, c->out + c->from, c->to - c->from, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN)
            return 1;
        if (sent < 0)
            return 0;
        c->from += (size_t)sent;
    }
    c->from = c->to = 0;
    return 1;
}

/* Queue the events that are due, with the last one what ends the answer. */
static void go_on(struct connection *c) {
    int batch = c->pace ? 1 : BURST;
    for (; batch > 0 && c->left > 0; batch--, c->left--)
        put_event(c, TOKENS[c->left % 2], sizeof TOKEN("tick") - 1);
    c->due += c->pace;
    if (c->left > 0)
        return;
    char last[sizeof LAST + 32];
    put_event(c, last, (size_t)sprintf(last, LAST, c->of, 20 + c->of));
    put(c, "0\r\n\r\n", 5);
    paced -= c->pace > 0;
    c->of = 0;
}

static int number(const char *body, size_t size, const char *name, int otherwise) {
    const char *found = memmem(body, size, name, strlen(name));
    return found ? atoi(found + strlen(name)) : otherwise;
}

static void answer(struct connection *c, const char *body, size_t size) {
    int chunks = number(body, size, "chunks=", 1);
    if (!memmem(body, size, "\"stream\":true", 13) && !memmem(body, size, "\"stream\": true", 14)) {
        char head[128], whole[sizeof WHOLE + 32];
        size_t length = (size_t)sprintf(whole, WHOLE, chunks, 20 + chunks);
        put(c, head, (size_t)sprintf(head, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", length));
        put(c, whole, length);
        return;
    }
    c->of = c->left = chunks > 0 ? chunks : 1;
    c->pace = (int64_t)number(body, size, "pace=", 0) * 1000;
    c->due = now();
    paced += c->pace > 0;
    put(c, STREAM_HEAD, sizeof STREAM_HEAD - 1);
    put_event(c, ROLE, sizeof ROLE - 1);
    go_on(c);
}

/* Answer the request that is whole, if one is. Requests are not pipelined. */
static void parse(struct connection *c) {
    char *end = memmem(c->in, c->got, "\r\n\r\n", 4);
    if (!end)
        return;
    *end = 0;
    char *found = strcasestr(c->in, "\r\ncontent-length:");
    size_t head = (size_t)(end - c->in) + 4, length = found ? strtoul(found + 17, NULL, 10) : 0;
    *end = '\r';
    if (c->got < head + length)
        return;
    answer(c, c->in + head, length);
    c->got = 0;
}

static void serve(struct connection *c, uint32_t ready) {
    if (ready & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        ssize_t got = recv(c->fd, c->in + c->got, REQUEST - c->got, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN)) {
            forget(c);
            return;
        }
        if (got > 0) {
            c->got += (size_t)got;
            parse(c);
        }
    }
    if (ready & EPOLLOUT && c->to == 0 && c->of && !c->pace)
        go_on(c);
    if (flush(c))
        watch(c);
    else
        forget(c);
}

static void welcome(int listener) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= MOST) {
            close(fd);
            continue;
        }
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct connection *c = calloc(1, sizeof *c);
        *c = (struct connection){.fd = fd, .in = malloc(REQUEST), .out = malloc(QUEUE)};
        c->watched = EPOLLIN;
        connections[fd] = c;
        if (fd > highest)
            highest = fd;
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.fd = fd});
    }
}

/* Send what is due on paced streams; return the milliseconds until the next one is, -1 when none is. */
static int keep_pace(void) {
    if (paced == 0)
        return -1;
    int64_t at = now(), next = at + 1000000;
    for (int fd = 0; fd <= highest; fd++) {
        struct connection *c = connections[fd];
        if (!c || !c->of || !c->pace)
            continue;
        if (c->due <= at) {
            go_on(c);
            if (!flush(c)) {
                forget(c);
                continue;
            }
            watch(c);
        }
        if (c->of && c->due < next)
            next = c->due;
    }
    return next <= at ? 0 : (int)((next - at + 999) / 1000);
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: mock PORT\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024)) {
        perror("mock");
        return 1;
    }
    epoll = epoll_create1(0);
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN, .data.fd = listener});
    struct epoll_event events[EVENTS];
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, keep_pace());
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener)
                welcome(listener);
            else if (connections[events[i].data.fd])
                serve(connections[events[i].data.fd], events[i].events);
        }
    }
}
