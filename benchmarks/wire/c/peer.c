/* libzmq driven from C: the one to beat. Roles and output as in contenders.mjs. Built with: cc -O2 peer.c -lzmq */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
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

static void *open_socket(void *context, int type, const char *address, int bound) {
    void *s = zmq_socket(context, type);
    if (s == NULL) fail("zmq_socket");
    if (getenv("ZINC_BENCH_CURVE") != NULL) cover(s, bound);
    if (!bound) {
        if (zmq_connect(s, address) != 0) fail("zmq_connect");
        return s;
    }
    if (zmq_bind(s, address) != 0) fail("zmq_bind");
    char reached[256];
    size_t length = sizeof reached;
    if (zmq_getsockopt(s, ZMQ_LAST_ENDPOINT, reached, &length) != 0) fail("zmq_getsockopt");
    printf("{\"address\":\"%s\"}\n", reached);
    fflush(stdout);
    return s;
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: %s pull|push|reply|request COUNT SIZE ADDRESS\n", argv[0]);
        return 2;
    }
    const char *role = argv[1];
    long count = atol(argv[2]);
    size_t size = (size_t)atol(argv[3]);
    char *address = argv[4];
    long ring = size >= 16384 ? 16 : 256;

    uint8_t *messages = malloc(size * ring);
    memset(messages, 0x7a, size * ring);
    for (long i = 0; i < ring; i++) messages[i * size] = (uint8_t)i;

    void *context = zmq_ctx_new();
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
        for (long i = 0; i < count; i++) {
            uint8_t *message = messages + (i & (ring - 1)) * size;
            if (size < REFERENCED_FROM) {
                if (zmq_send(s, message, size, 0) < 0) fail("zmq_send");
            } else {
                zmq_msg_t m;
                zmq_msg_init_data(&m, message, size, keep, NULL);
                if (zmq_msg_send(&m, s, 0) < 0) fail("zmq_msg_send");
            }
        }
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
        long skipped = count / 10, counted = count - skipped;
        qsort(trips + skipped, counted, sizeof *trips, by_value);
        printf("{\"median\":%.3f,\"p99\":%.3f,\"sum\":%llu,\"cpuMs\":%.3f}\n", trips[skipped + counted / 2],
               trips[skipped + (long)(counted * 0.99)], (unsigned long long)sum, cpu_ms());
    } else {
        fprintf(stderr, "no such role: %s\n", role);
        return 2;
    }
    zmq_close(s);
    zmq_ctx_term(context);
    return 0;
}
