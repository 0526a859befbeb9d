/* libzmq driven from C: the one to beat. Roles and output as in contenders.mjs. Built with: cc -O2 peer.c -lzmq -lpthread */
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

/* From here on libzmq is handed our memory rather than a copy of it: the kinder way for large messages. */
#define REFERENCED_FROM 2048

static void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, zmq_strerror(zmq_errno()));
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static double cpu_ms(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

/* Nanoseconds, as the stamps of peer/stamp.mjs. */
static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

/* Octets of memory of this process. */
static double rss(void) {
    long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL || fscanf(f, "%ld %ld", &pages, &resident) != 2) {
        fprintf(stderr, "no /proc/self/statm\n");
        exit(1);
    }
    fclose(f);
    return (double)resident * sysconf(_SC_PAGESIZE);
}

/* One line of standard input; 0 at its end. */
static int line(void) {
    int c;
    while ((c = getchar()) != EOF)
        if (c == '\n') return 1;
    return 0;
}

/* Waits until we are dismissed: libzmq 4.3.4 loses the end of what it has sent when it closes an ipc connection. */
static void stay(void) {
    while (getchar() != EOF) {
    }
}

static void keep(void *data, void *hint) {
    (void)data;
    (void)hint;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The keys of peer/curve.mjs. */
static void cover(void *s, int bound) {
    int yes = 1;
    if (bound) {
        zmq_setsockopt(s, ZMQ_CURVE_SERVER, &yes, sizeof yes);
        if (zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6", 41) != 0) fail("curve");
        return;
    }
    zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", 41);
    zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", 41);
    if (zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs", 41) != 0) fail("curve");
}

static void bind_socket(void *s, const char *address) {
    int backlog = 4096;
    zmq_setsockopt(s, ZMQ_BACKLOG, &backlog, sizeof backlog);
    if (zmq_bind(s, address) != 0) fail("zmq_bind");
    char reached[256];
    size_t length = sizeof reached;
    if (zmq_getsockopt(s, ZMQ_LAST_ENDPOINT, reached, &length) != 0) fail("zmq_getsockopt");
    printf("{\"address\":\"%s\"}\n", reached);
    fflush(stdout);
}

static void *open_socket(void *context, int type, const char *address, int bound) {
    void *s = zmq_socket(context, type);
    if (s == NULL) fail("zmq_socket");
    if (getenv("ZINC_BENCH_CURVE") != NULL) cover(s, bound);
    if (!bound) {
        if (zmq_connect(s, address) != 0) fail("zmq_connect");
        return s;
    }
    bind_socket(s, address);
    return s;
}

/* How late messages came, in sixteen steps for each doubling; as peer/stamp.mjs counts. */
static uint32_t late_counts[32 * 16];

static void late(double at, const void *data) {
    double due;
    memcpy(&due, data, sizeof due);
    double by = at - due;
    uint32_t ns = by < 16 ? 16 : by > 0x7fffffff ? 0x7fffffff : (uint32_t)by;
    int high = 31 - __builtin_clz(ns);
    late_counts[high * 16 + ((ns >> (high - 4)) & 15)]++;
}

static double late_at(long counted, double share) {
    double left = counted * share;
    for (int i = 0; i < 32 * 16; i++) {
        left -= late_counts[i];
        if (left <= 0) return (double)(1L << (i / 16)) * (1 + (i % 16 + 0.5) / 16) / 1000;
    }
    return 0;
}

/* N SUB sockets that want everything. */
static void **subscribers(void *context, long n, const char *address) {
    void **all = malloc(n * sizeof *all);
    for (long i = 0; i < n; i++) {
        all[i] = open_socket(context, ZMQ_SUB, address, 0);
        if (zmq_setsockopt(all[i], ZMQ_SUBSCRIBE, "", 0) != 0) fail("subscribe");
    }
    return all;
}

/* An XPUB to which N have subscribed. */
static void *publisher(void *context, long n, const char *address) {
    int yes = 1;
    void *s = zmq_socket(context, ZMQ_XPUB);
    if (s == NULL) fail("zmq_socket");
    zmq_setsockopt(s, ZMQ_XPUB_VERBOSE, &yes, sizeof yes);
    zmq_setsockopt(s, ZMQ_XPUB_NODROP, &yes, sizeof yes);
    bind_socket(s, address);
    char subscription[16];
    for (long i = 0; i < n; i++)
        if (zmq_recv(s, subscription, sizeof subscription, 0) < 0) fail("zmq_recv");
    return s;
}

/* The pushing half of `within`. */
struct pushing {
    void *context;
    const char *address;
    uint8_t *messages;
    long count, ring;
    size_t size;
};

static void send_one(void *s, uint8_t *message, size_t size) {
    if (size < REFERENCED_FROM) {
        if (zmq_send(s, message, size, 0) < 0) fail("zmq_send");
        return;
    }
    zmq_msg_t m;
    zmq_msg_init_data(&m, message, size, keep, NULL);
    if (zmq_msg_send(&m, s, 0) < 0) fail("zmq_msg_send");
}

static void *push_within(void *argument) {
    struct pushing *p = argument;
    void *s = zmq_socket(p->context, ZMQ_PUSH);
    if (s == NULL || zmq_connect(s, p->address) != 0) fail("push");
    for (long i = 0; i < p->count; i++) send_one(s, p->messages + (i & (p->ring - 1)) * p->size, p->size);
    zmq_close(s);
    return NULL;
}

int main(int argc, char **argv) {
    if (argc != 5 && argc != 6) {
        fprintf(stderr, "usage: %s ROLE COUNT SIZE ADDRESS [MORE]; see contenders.mjs\n", argv[0]);
        return 2;
    }
    long more = argc > 5 ? atol(argv[5]) : 0;
    const char *role = argv[1];
    long count = atol(argv[2]);
    size_t size = (size_t)atol(argv[3]);
    char *address = argv[4];
    long ring = size >= 16384 ? 16 : 256;

    uint8_t *messages = malloc(size * ring);
    memset(messages, 0x7a, size * ring);
    for (long i = 0; i < ring; i++) messages[i * size] = (uint8_t)i;

    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    void *context = zmq_ctx_new();
    /* Room for a thousand subscribers; the default ends at 1,023. */
    zmq_ctx_set(context, ZMQ_MAX_SOCKETS, 2000);
    void *s = NULL;
    uint64_t sum = 0;

    if (strcmp(role, "pull") == 0) {
        s = open_socket(context, ZMQ_PULL, address, 1);
        zmq_msg_t m;
        zmq_msg_init(&m);
        double begun = 0;
        for (long i = 0; i < count; i++) {
            if (zmq_msg_recv(&m, s, 0) < 0) fail("zmq_msg_recv");
            if (i == 0) begun = now();
            sum += *(uint8_t *)zmq_msg_data(&m) + zmq_msg_size(&m);
        }
        double seconds = now() - begun;
        printf("{\"seconds\":%.9f,\"sum\":%llu,\"cpuMs\":%.3f}\n", seconds, (unsigned long long)sum, cpu_ms());
    } else if (strcmp(role, "push") == 0) {
        s = open_socket(context, ZMQ_PUSH, address, 0);
        for (long i = 0; i < count; i++) send_one(s, messages + (i & (ring - 1)) * size, size);
        stay();
        printf("{\"cpuMs\":%.3f}\n", cpu_ms());
    } else if (strcmp(role, "reply") == 0) {
        s = open_socket(context, ZMQ_ROUTER, address, 1);
        for (long i = 0; i < count; i++) {
            zmq_msg_t id, body;
            zmq_msg_init(&id);
            zmq_msg_init(&body);
            if (zmq_msg_recv(&id, s, 0) < 0 || zmq_msg_recv(&body, s, 0) < 0) fail("zmq_msg_recv");
            if (zmq_msg_send(&id, s, ZMQ_SNDMORE) < 0 || zmq_msg_send(&body, s, 0) < 0) fail("zmq_msg_send");
        }
        stay();
        printf("{\"cpuMs\":%.3f}\n", cpu_ms());
    } else if (strcmp(role, "request") == 0) {
        s = open_socket(context, ZMQ_DEALER, address, 0);
        double *trips = malloc(count * sizeof *trips);
        zmq_msg_t m;
        zmq_msg_init(&m);
        for (long i = 0; i < count; i++) {
            double begun = now();
            if (zmq_send(s, messages + (i & (ring - 1)) * size, size, 0) < 0) fail("zmq_send");
            if (zmq_msg_recv(&m, s, 0) < 0) fail("zmq_msg_recv");
            trips[i] = (now() - begun) * 1e6;
            sum += *(uint8_t *)zmq_msg_data(&m) + zmq_msg_size(&m);
        }
        long skipped = count / 2, counted = count - skipped;
        qsort(trips + skipped, counted, sizeof *trips, by_value);
        printf("{\"median\":%.3f,\"p99\":%.3f,\"sum\":%llu,\"cpuMs\":%.3f}\n", trips[skipped + counted / 2],
               trips[skipped + (long)(counted * 0.99)], (unsigned long long)sum, cpu_ms());
    } else if (strcmp(role, "publish") == 0) {
        s = publisher(context, more, address);
        double before = cpu_ms();
        for (long i = 0; i < count; i++) send_one(s, messages + (i & (ring - 1)) * size, size);
        stay();
        printf("{\"cpuMs\":%.3f}\n", cpu_ms() - before);
    } else if (strcmp(role, "subscribe") == 0) {
        void **all = subscribers(context, more, address);
        zmq_msg_t m;
        zmq_msg_init(&m);
        double begun = 0;
        long left = count * more;
        while (left > 0) {
            /* A round over all of them, at most a hundred messages each; a pause when none had any. */
            long before = left;
            for (long i = 0; i < more; i++) {
                for (int k = 0; k < 100; k++) {
                    if (zmq_msg_recv(&m, all[i], ZMQ_DONTWAIT) < 0) break;
                    if (begun == 0) begun = now();
                    sum += *(uint8_t *)zmq_msg_data(&m) + zmq_msg_size(&m);
                    left--;
                }
            }
            if (left == before) usleep(100);
        }
        double seconds = now() - begun;
        printf("{\"seconds\":%.9f,\"sum\":%llu,\"cpuMs\":%.3f}\n", seconds, (unsigned long long)sum, cpu_ms());
        fflush(stdout);
        _exit(0);
    } else if (strcmp(role, "announce") == 0) {
        s = publisher(context, more, address);
        do {
            double at = now_ns();
            memcpy(messages, &at, sizeof at);
            if (zmq_send(s, messages, size, 0) < 0) fail("zmq_send");
        } while (line());
        printf("{\"cpuMs\":%.3f}\n", cpu_ms());
    } else if (strcmp(role, "listen") == 0) {
        void **all = subscribers(context, more, address);
        double *trips = malloc(count * sizeof *trips);
        zmq_msg_t m;
        zmq_msg_init(&m);
        for (long i = 0; i < count; i++) {
            for (long k = 0; k < more; k++)
                if (zmq_msg_recv(&m, all[k], 0) < 0) fail("zmq_msg_recv");
            double at;
            memcpy(&at, zmq_msg_data(&m), sizeof at);
            trips[i] = (now_ns() - at) / 1000;
            if (i + 1 < count) {
                printf("{\"heard\":%ld}\n", i + 1);
                fflush(stdout);
            }
        }
        long skipped = count / 2, counted = count - skipped;
        qsort(trips + skipped, counted, sizeof *trips, by_value);
        printf("{\"median\":%.3f,\"p99\":%.3f,\"cpuMs\":%.3f}\n", trips[skipped + counted / 2],
               trips[skipped + (long)(counted * 0.99)], cpu_ms());
        fflush(stdout);
        _exit(0);
    } else if (strcmp(role, "pace") == 0) {
        s = open_socket(context, ZMQ_PUSH, address, 0);
        double apart = 1e9 / more, first = now_ns() + 20e6;
        long done = 0;
        while (done < count) {
            double passed = now_ns() - first;
            long due = passed < 0 ? 0 : (long)(passed / apart) + 1;
            if (due > count) due = count;
            if (due == done) sched_yield();
            for (; done < due; done++) {
                double at = first + done * apart;
                memcpy(messages, &at, sizeof at);
                if (zmq_send(s, messages, size, 0) < 0) fail("zmq_send");
            }
        }
        stay();
        printf("{\"cpuMs\":%.3f}\n", cpu_ms());
    } else if (strcmp(role, "time") == 0) {
        s = open_socket(context, ZMQ_PULL, address, 1);
        zmq_msg_t m;
        zmq_msg_init(&m);
        long skipped = count / 10;
        for (long i = 0; i < count; i++) {
            if (zmq_msg_recv(&m, s, 0) < 0) fail("zmq_msg_recv");
            if (i >= skipped) late(now_ns(), zmq_msg_data(&m));
        }
        long counted = count - skipped;
        printf("{\"p50\":%.3f,\"p99\":%.3f,\"p999\":%.3f,\"messages\":%ld,\"seconds\":%.6f,\"cpuMs\":%.3f}\n",
               late_at(counted, 0.5), late_at(counted, 0.99), late_at(counted, 0.999), count, (double)count / more,
               cpu_ms());
    } else if (strcmp(role, "within") == 0) {
        s = zmq_socket(context, ZMQ_PULL);
        if (s == NULL || zmq_bind(s, address) != 0) fail("pull");
        struct pushing p = {context, address, messages, count, ring, size};
        pthread_t thread;
        double before = cpu_ms();
        pthread_create(&thread, NULL, push_within, &p);
        zmq_msg_t m;
        zmq_msg_init(&m);
        double begun = 0;
        for (long i = 0; i < count; i++) {
            if (zmq_msg_recv(&m, s, 0) < 0) fail("zmq_msg_recv");
            if (i == 0) begun = now();
            sum += *(uint8_t *)zmq_msg_data(&m) + zmq_msg_size(&m);
        }
        double seconds = now() - begun;
        pthread_join(thread, NULL);
        printf("{\"seconds\":%.9f,\"sum\":%llu,\"cpuMs\":%.3f}\n", seconds, (unsigned long long)sum,
               cpu_ms() - before);
    } else if (strcmp(role, "hold") == 0) {
        s = open_socket(context, ZMQ_PULL, address, 1);
        usleep(300000);
        printf("{\"rss\":%.0f}\n", rss());
        fflush(stdout);
        line();
        usleep(300000);
        printf("{\"rss\":%.0f}\n", rss());
        fflush(stdout);
        zmq_msg_t m;
        zmq_msg_init(&m);
        for (long i = 0; i < count; i++)
            if (zmq_msg_recv(&m, s, 0) < 0) fail("zmq_msg_recv");
        printf("{\"messages\":%ld}\n", count);
        fflush(stdout);
        stay();
        _exit(0);
    } else {
        fprintf(stderr, "no such role: %s\n", role);
        return 2;
    }
    zmq_close(s);
    zmq_ctx_term(context);
    return 0;
}
