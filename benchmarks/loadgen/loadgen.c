/* The Runtime API server that starts one client, feeds it events and times it.
 *
 *   loadgen [--name value]... -- COMMAND [ARGUMENT]...
 *
 *   --event FILE     body of every event
 *   --cwd DIR        working directory of the client
 *   --output FILE    its stdout and stderr (default /dev/null)
 *   --record PREFIX  keeps the first and last answer as PREFIX.first and PREFIX.last
 *   --warmup N       invocations after the first one that are not counted
 *   --count N        invocations after those that are
 *   --rest 0|1       let the client come to rest where CPU time and memory are read (adds pauses)
 *   --cpu N          run this server on that CPU only
 *   --client-cpu N   and the client on that one (without them the scheduler's placement makes times bimodal)
 *   --timeout S      kill everything after so many seconds
 *   --group DIR      control group in which the client lives from its start
 *   --limit FILE     what is written to that file when the client has polled for the first time ...
 *   --limit-to TEXT  ... is this: the share of a CPU that it has for its invocations
 *   --init 1         end with the first poll: no invocation at all
 *   --gentle 0|1     end the client by SIGTERM and wait for it (tools that print at the end)
 *
 * It prints one JSON object: seconds by CLOCK_MONOTONIC, CPU seconds by the client's process clock (threads that have
 * ended count), bytes. Exit status 0, or 1 with {"error": ...}.
 *
 * Event and answers look as Go's net/http writes them: Content-Length up to 2048 bytes, one chunk above.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 32, RECEIVE = 256 * 1024, GO_BUFFER = 2048 };

#define API "/2018-06-01/runtime/"
#define EXTENSION_API "/2020-01-01/extension/"
#define REGISTERED \
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Extension-Identifier: 5f2a3f6c-2b1d-4d5b-9f0e-1c2d3e4f5a6b\r\n" \
    "Content-Length: 80\r\n\r\n{\"functionName\":\"benchmark\",\"functionVersion\":\"$LATEST\",\"handler\":\"app.handler\"}"
#define ACCEPTED "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nDate: %s\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n"

struct connection {
    int fd;
    char *in;              /* bytes received and not yet handled */
    size_t used, capacity;
    size_t chunks_at;      /* how far a chunked body has been walked, so that no byte is looked at twice */
    double received;       /* when the latest bytes arrived */
};

static const char *event_path = "", *cwd = ".", *output = "/dev/null", *record, *group, *limit, *limit_to = "";
static long warmup, count, rest, init_only, gentle, timeout_s = 60, own_cpu = -1, client_cpu = -1;

static struct connection connections[MAX_CONNECTIONS];
static int connection_count, accepted, listener = -1, exited = -1;
static pid_t client;
static clockid_t client_clock;

static char *event;
static size_t event_length;
static char date[64], accepted_head[256], request_id[37];
static struct connection *poller; /* the connection whose `next` waits for an event */
static bool answered, answered_error;
static double spawned_at, sent_at, answered_at, polled_at;
static long answers;
static char *last_answer;
static size_t last_length;

static double seconds(clockid_t clock) {
    struct timespec t;
    return clock_gettime(clock, &t) ? 0 : (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void end_client(void) {
    if (client <= 0) return;
    kill(-client, SIGKILL);
    waitpid(client, NULL, 0);
    client = 0;
}

static void on_signal(int number) {
    static const char message[] = "{\"error\": \"timed out or interrupted\"}\n";
    (void)number;
    end_client();
    if (write(STDOUT_FILENO, message, sizeof message - 1) < 0) _exit(2);
    _exit(1);
}

static void fail(const char *what, const char *detail, size_t length) {
    printf("{\"error\": \"%s: ", what);
    for (size_t i = 0; i < length && i < 1000; i++) {
        unsigned char c = (unsigned char)detail[i];
        if (c == '"' || c == '\\') printf("\\%c", c);
        else if (c >= ' ' && c < 127) putchar(c);
        else printf("\\u%04x", c);
    }
    printf("\"}\n");
    fflush(stdout);
    end_client();
    exit(1);
}

static void fail_errno(const char *what) { fail(what, strerror(errno), strlen(strerror(errno))); }

/* ---- HTTP ---- */

static void send_all(int fd, struct iovec *parts, int n) {
    while (n) {
        ssize_t done = writev(fd, parts, n);
        if (done < 0) {
            if (errno == EINTR) continue;
            fail_errno("sending to the client");
        }
        while (n && (size_t)done >= parts->iov_len) done -= (ssize_t)parts->iov_len, parts++, n--;
        if (n) parts->iov_base = (char *)parts->iov_base + done, parts->iov_len -= (size_t)done;
    }
}

static void new_request_id(void) {
    static uint64_t state = 0;
    if (!state) state = (uint64_t)(seconds(CLOCK_REALTIME) * 1e6) | 1;
    uint64_t half[2];
    for (int i = 0; i < 2; i++) state ^= state << 13, state ^= state >> 7, state ^= state << 17, half[i] = state;
    snprintf(request_id, sizeof request_id, "%08x-%04x-4%03x-a%03x-%012llx", (unsigned)(half[0] >> 32),
             (unsigned)(half[0] >> 16) & 0xffff, (unsigned)half[0] & 0xfff, (unsigned)(half[1] >> 48) & 0xfff,
             (unsigned long long)(half[1] & 0xffffffffffffULL));
}

static void send_event(void) {
    char head[1024], chunk[32] = "";
    bool chunked = event_length > GO_BUFFER;
    new_request_id();
    int n = snprintf(head, sizeof head,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: %s\r\n"
        "Lambda-Runtime-Deadline-Ms: %lld\r\n"
        "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:012345678912:function:benchmark\r\n"
        "Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0\r\n"
        "Date: %s\r\n", request_id, (long long)(seconds(CLOCK_REALTIME) * 1000) + 60000, date);
    if (chunked) {
        n += snprintf(head + n, sizeof head - (size_t)n, "Transfer-Encoding: chunked\r\n\r\n");
        snprintf(chunk, sizeof chunk, "%zx\r\n", event_length);
    } else {
        n += snprintf(head + n, sizeof head - (size_t)n, "Content-Length: %zu\r\n\r\n", event_length);
    }
    struct iovec parts[] = {{head, (size_t)n}, {chunk, strlen(chunk)}, {event, event_length}, {"\r\n0\r\n\r\n", chunked ? 7 : 0}};
    int fd = poller->fd;
    poller = NULL;
    answered = false;
    sent_at = seconds(CLOCK_MONOTONIC);
    send_all(fd, parts, 4);
}

static void handle_request(struct connection *c, const char *head, const char *body, size_t length) {
    static const char next[] = "GET " API "invocation/next ", post[] = "POST " API "invocation/";
    if (!strncmp(head, next, sizeof next - 1)) {
        if (poller) fail("two polls at a time", head, strcspn(head, "\r"));
        polled_at = c->received; /* that of the answer when both came in one packet */
        poller = c;
        return;
    }
    const char *extension = strchr(head, ' ');
    if (extension && !strncmp(extension + 1, EXTENSION_API, sizeof EXTENSION_API - 1)) { /* whoever has shutdown hooks is an extension, too */
        if (strncmp(extension + sizeof EXTENSION_API, "register ", 9)) return; /* its poll is never answered: nothing ends it */
        struct iovec registered = {(char *)REGISTERED, sizeof REGISTERED - 1};
        send_all(c->fd, &registered, 1);
        return;
    }
    const char *id = head + sizeof post - 1;
    if (strncmp(head, post, sizeof post - 1)) fail(strstr(head, "init/error") ? "init failed" : "unexpected request", body, length);
    if (strncmp(id, request_id, 36) || id[36] != '/' || answered) fail("answer to another invocation", head, strcspn(head, "\r"));
    answered_error = !strncmp(id + 37, "error ", 6);
    answered = true;
    answered_at = c->received;
    struct iovec reply = {accepted_head, strlen(accepted_head)};
    send_all(c->fd, &reply, 1);
    answers++;
    if (record && (answers == 1 || answers == 1 + warmup + count)) {
        last_answer = realloc(last_answer, length + 1);
        memcpy(last_answer, body, length);
        last_length = length;
    }
}

static const char *header(const char *head, const char *name) {
    for (const char *line = strstr(head, "\r\n"); line && line[2] != '\r'; line = strstr(line + 2, "\r\n"))
        if (!strncasecmp(line + 2, name, strlen(name)) && line[2 + strlen(name)] == ':')
            return line + 3 + strlen(name) + strspn(line + 3 + strlen(name), " ");
    return NULL;
}

/* Walk a chunked body from `start`; return its end and put the content together in place, or 0 if more is needed. */
static size_t walk_chunks(struct connection *c, size_t start, size_t *length) {
    size_t at = c->chunks_at ? c->chunks_at : start;
    for (;;) {
        char *line = c->in + at, *end = memmem(line, c->used - at, "\r\n", 2);
        if (!end) break;
        size_t size = strtoul(line, NULL, 16), data = (size_t)(end - c->in) + 2;
        if (size && data + size + 2 > c->used) break;
        if (size) {
            at = data + size + 2;
            c->chunks_at = at;
            continue;
        }
        char *trailers = memmem(end, c->used - (size_t)(end - c->in), "\r\n\r\n", 4);
        if (!trailers) break;
        size_t to = start;
        for (size_t from = start; (size = strtoul(c->in + from, &end, 16)); from = data + size + 2) {
            data = (size_t)((char *)memmem(c->in + from, c->used - from, "\r\n", 2) - c->in) + 2;
            memmove(c->in + to, c->in + data, size);
            to += size;
        }
        *length = to - start;
        c->chunks_at = 0;
        return (size_t)(trailers - c->in) + 4;
    }
    return 0;
}

/* Handle one complete request in the buffer; false if more bytes are needed. */
static bool take_request(struct connection *c) {
    char *blank = c->used ? memmem(c->in, c->used, "\r\n\r\n", 4) : NULL;
    if (!blank) return false;
    size_t start = (size_t)(blank - c->in) + 4, length = 0, end = start;
    char kept = c->in[start];
    c->in[start] = 0; /* the buffer is always one byte longer than what it holds */
    const char *content_length = header(c->in, "content-length"), *encoding = header(c->in, "transfer-encoding");
    bool chunked = encoding && !strncasecmp(encoding, "chunked", 7), expects = header(c->in, "expect") != NULL;
    if (content_length) length = strtoul(content_length, NULL, 10);
    c->in[start] = kept;
    if (expects && c->used == start) {
        struct iovec go_on = {"HTTP/1.1 100 Continue\r\n\r\n", 25};
        send_all(c->fd, &go_on, 1);
    }
    if (chunked) {
        if (!(end = walk_chunks(c, start, &length))) return false;
    } else if ((end = start + length) > c->used) {
        return false;
    }
    kept = c->in[start - 1];
    c->in[start - 1] = 0;
    handle_request(c, c->in, c->in + start, length);
    c->in[start - 1] = kept;
    memmove(c->in, c->in + end, c->used - end);
    c->used -= end;
    return true;
}

/* ---- the client ---- */

static void accept_connection(void) {
    if (connection_count == MAX_CONNECTIONS) fail("too many connections", "", 0);
    struct connection *c = &connections[connection_count++];
    int on = 1;
    c->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (c->fd < 0) fail_errno("accept");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->used = c->chunks_at = 0;
    accepted++;
}

static bool receive(struct connection *c) {
    if (c->capacity - c->used < RECEIVE + 1) {
        c->capacity = c->capacity * 2 + RECEIVE + 1;
        c->in = realloc(c->in, c->capacity);
        if (!c->in) fail_errno("memory");
    }
    ssize_t n = recv(c->fd, c->in + c->used, c->capacity - c->used - 1, 0);
    c->received = seconds(CLOCK_MONOTONIC);
    if (n <= 0) {
        if (n < 0 && errno == EINTR) return true;
        if (poller == c) fail("connection closed while polling", "", 0);
        close(c->fd);
        c->fd = -1;
        return false;
    }
    c->used += (size_t)n;
    while (take_request(c)) continue;
    return true;
}

/* Serve until the client polls for an event. */
static void await_poll(void) {
    while (!poller) {
        struct pollfd watched[MAX_CONNECTIONS + 2] = {{listener, POLLIN, 0}, {exited, POLLIN, 0}};
        for (int i = 0; i < connection_count; i++) watched[i + 2] = (struct pollfd){connections[i].fd, POLLIN, 0};
        int before = connection_count;
        if (poll(watched, (nfds_t)before + 2, -1) < 0 && errno != EINTR) fail_errno("poll");
        for (int i = before - 1; i >= 0; i--)
            if (watched[i + 2].revents && !receive(&connections[i])) {
                /* Keep the buffer of the closed one at the free end, and the poller pointing at its own connection. */
                struct connection gone = connections[i], *tail = &connections[--connection_count];
                if (poller == tail) poller = &connections[i];
                connections[i] = *tail;
                *tail = gone;
            }
        if (watched[0].revents) accept_connection();
        if (watched[1].revents && !poller) {
            int status = 0;
            char text[64];
            waitpid(client, &status, 0);
            client = 0;
            int n = snprintf(text, sizeof text, WIFEXITED(status) ? "exit status %d" : "signal %d",
                             WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
            fail("the client ended", text, (size_t)n);
        }
    }
    if (answers && !answered) fail("polled without an answer", "", 0);
}

static long from_proc(const char *file, const char *name) {
    char path[64], line[256];
    long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)client, file);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, name, strlen(name))) {
            kib = strtol(line + strlen(name), NULL, 10);
            break;
        }
    if (f) fclose(f);
    return kib * 1024;
}

/* CPU time of the client, once its threads have stopped using any (with --rest). */
static double cpu(void) {
    double now = seconds(client_clock);
    for (int same = 0, tries = 0; rest && same < 2 && tries < 100; tries++) {
        struct timespec pause = {0, 200000};
        nanosleep(&pause, NULL);
        double later = seconds(client_clock);
        same = later == now ? same + 1 : 0;
        now = later;
    }
    return now;
}

static void run_on(long cpu_number) {
    cpu_set_t set;
    if (cpu_number < 0) return;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu_number, &set);
    if (sched_setaffinity(0, sizeof set, &set)) fail_errno("CPU affinity");
}

static void spawn(char **argv) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, cwd);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    extern char **environ;
    spawned_at = seconds(CLOCK_MONOTONIC);
    errno = posix_spawn(&client, argv[0], &actions, &attributes, argv, environ);
    if (errno) client = 0, fail_errno(argv[0]);
}

/* Write a whole value into one of the kernel's files; false with errno if that is refused. */
static bool write_value(const char *directory, const char *file, const char *value) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, file);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool done = write(fd, value, strlen(value)) == (ssize_t)strlen(value);
    int error = errno;
    close(fd);
    errno = error;
    return done;
}

/* A process that moves into a group is stalled for 10 to 15 ms. So a child moves first and then waits to become the
 * client: the time of the spawn is that of its release. Works alike in both versions of control groups. */
static void spawn_in_group(char **argv) {
    int moved[2], failed[2], error = 0;
    char released = 0;
    if (pipe2(moved, O_CLOEXEC) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, failed)) fail_errno("pipe");
    client = fork();
    if (client < 0) client = 0, fail_errno("fork");
    if (!client) {
        signal(SIGALRM, SIG_DFL), signal(SIGTERM, SIG_DFL), signal(SIGINT, SIG_DFL);
        int in = open("/dev/null", O_RDONLY), out = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        if (!setpgid(0, 0) && in >= 0 && out >= 0 && dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2 &&
            !chdir(cwd) && write_value(group, "cgroup.procs", "0") && write(moved[1], "", 1) == 1 &&
            read(failed[1], &released, 1) == 1)
            execv(argv[0], argv);
        error = errno;
        if (write(failed[1], &error, sizeof error) < 0) _exit(126);
        _exit(127);
    }
    close(moved[1]), close(failed[1]);
    bool has_moved = read(moved[0], &released, 1) == 1;
    spawned_at = seconds(CLOCK_MONOTONIC);
    if (has_moved && write(failed[0], "", 1) != 1) fail_errno("release");
    if (read(failed[0], &error, sizeof error) == sizeof error) errno = error, fail_errno(has_moved ? argv[0] : group);
    close(moved[0]), close(failed[0]);
}

static void start_client(char **argv) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    char api[32];
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) || listen(listener, 64) ||
        getsockname(listener, (struct sockaddr *)&address, &size))
        fail_errno("listen");
    snprintf(api, sizeof api, "127.0.0.1:%d", ntohs(address.sin_port));
    setenv("AWS_LAMBDA_RUNTIME_API", api, 1);

    if (group) spawn_in_group(argv);
    else spawn(argv);
    exited = (int)syscall(SYS_pidfd_open, client, 0);
    if (clock_getcpuclockid(client, &client_clock)) fail_errno("process clock");
}

static void keep_answer(const char *suffix) {
    char path[4096];
    if (!record) return;
    snprintf(path, sizeof path, "%s.%s", record, suffix);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(last_answer, 1, last_length, f) != last_length || fclose(f)) fail_errno(path);
}

static void read_event(void) {
    FILE *f = fopen(event_path, "rb");
    if (!f || fseek(f, 0, SEEK_END) || (event_length = (size_t)ftell(f)) == 0) fail_errno(event_path);
    rewind(f);
    event = malloc(event_length);
    if (!event || fread(event, 1, event_length, f) != event_length) fail_errno(event_path);
    fclose(f);
}

static char **read_options(char **argument) {
    for (; argument[0] && strcmp(argument[0], "--"); argument += 2) {
        const char *name = argument[0], *value = argument[1];
        if (!value) fail("option without a value", name, strlen(name));
        else if (!strcmp(name, "--event")) event_path = value;
        else if (!strcmp(name, "--cwd")) cwd = value;
        else if (!strcmp(name, "--output")) output = value;
        else if (!strcmp(name, "--record")) record = value;
        else if (!strcmp(name, "--warmup")) warmup = atol(value);
        else if (!strcmp(name, "--count")) count = atol(value);
        else if (!strcmp(name, "--rest")) rest = atol(value);
        else if (!strcmp(name, "--cpu")) own_cpu = atol(value);
        else if (!strcmp(name, "--client-cpu")) client_cpu = atol(value);
        else if (!strcmp(name, "--timeout")) timeout_s = atol(value);
        else if (!strcmp(name, "--group")) group = value;
        else if (!strcmp(name, "--limit")) limit = value;
        else if (!strcmp(name, "--limit-to")) limit_to = value;
        else if (!strcmp(name, "--init")) init_only = atol(value);
        else if (!strcmp(name, "--gentle")) gentle = atol(value);
        else fail("unknown option", name, strlen(name));
    }
    if (!argument[0] || !argument[1]) fail("no command", "", 0);
    return argument + 1;
}

int main(int argc, char **argv) {
    (void)argc;
    char **command = read_options(argv + 1);
    time_t wall = time(NULL);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&wall));
    snprintf(accepted_head, sizeof accepted_head, ACCEPTED, date);
    read_event();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGALRM, on_signal);
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    alarm((unsigned)timeout_s);
    double *to_response = calloc((size_t)count + 1, sizeof(double)), *to_next = calloc((size_t)count + 1, sizeof(double));

    run_on(client_cpu); /* inherited by the client */
    start_client(command);
    run_on(own_cpu);
    await_poll();
    double spawn_to_next = polled_at - spawned_at, cpu_init = cpu();
    long resident_at_next = rest ? from_proc("status", "VmHWM:") : 0;
    long proportional_at_next = rest ? from_proc("smaps_rollup", "Pss:") : 0;
    if (limit && !write_value(group, limit, limit_to)) fail_errno(limit);

    double spawn_to_answer = 0, first_response = 0, first_next = 0, cpu_first = 0, own = 0, cpu_batch = 0;
    bool first_is_error = false;
    if (!init_only) {
        send_event();
        await_poll();
        spawn_to_answer = answered_at - spawned_at, first_response = answered_at - sent_at, first_next = polled_at - sent_at;
        first_is_error = answered_error;
        cpu_first = cpu() - cpu_init;
        keep_answer("first");

        for (long i = 0; i < warmup; i++) send_event(), await_poll();
        double cpu_before = cpu(), own_before = seconds(CLOCK_PROCESS_CPUTIME_ID);
        for (long i = 0; i < count; i++) {
            send_event();
            await_poll();
            to_response[i] = answered_at - sent_at;
            to_next[i] = polled_at - sent_at;
        }
        own = seconds(CLOCK_PROCESS_CPUTIME_ID) - own_before, cpu_batch = cpu() - cpu_before;
        if (answers > 1) keep_answer("last");
    } else {
        count = 0;
    }

    printf("{\"spawn_to_next\": %.7f, \"spawn_to_answer\": %.7f, \"first_to_response\": %.7f, \"first_to_next\": %.7f,\n",
           spawn_to_next, spawn_to_answer, first_response, first_next);
    printf(" \"cpu_init\": %.9f, \"cpu_first\": %.9f, \"cpu_warm\": %.9f, \"cpu_loadgen\": %.9f,\n", cpu_init, cpu_first,
           count ? cpu_batch / (double)count : 0, count ? own / (double)count : 0);
    printf(" \"resident_at_next\": %ld, \"resident_peak\": %ld, \"proportional_at_next\": %ld, \"proportional_at_end\": %ld,\n",
           resident_at_next, from_proc("status", "VmHWM:"), proportional_at_next, rest ? from_proc("smaps_rollup", "Pss:") : 0);
    printf(" \"answers\": %ld, \"error\": null, \"first_is_error\": %s, \"last_is_error\": %s, \"connections\": %d", answers,
           first_is_error ? "true" : "false", answered_error ? "true" : "false", accepted);
    for (int which = 0; which < 2; which++) {
        printf(",\n \"%s\": [", which ? "event_to_next" : "event_to_response");
        for (long i = 0; i < count; i++) printf(i ? ", %.7f" : "%.7f", which ? to_next[i] : to_response[i]);
        putchar(']');
    }
    puts("}");
    fflush(stdout);
    if (gentle && !kill(-client, SIGTERM) && waitpid(client, NULL, 0) == client) client = 0;
    end_client();
    return 0;
}
