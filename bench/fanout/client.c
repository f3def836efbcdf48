/* Load client: N WebSocket connections, a publisher and a meter in one thread.
 *
 *   client PORT PATH SUBSCRIBE PUBLISH CONNECTIONS SYMBOLS EACH PHASES PIDS
 *
 * PATH       path of the handshake; "%" stands for the connection's symbols, joined by commas
 * SUBSCRIBE  1: send {"action":"subscribe",…} after the handshake and wait for its confirmation
 * PUBLISH    line:PORT (SYMBOL \t payload \n) or http:PORT (POST /pub/SYMBOL)
 * EACH       symbols a connection; connection c has symbols c·EACH … c·EACH + EACH − 1, modulo SYMBOLS
 * PHASES     kind:seconds:argument, …   full: that many rounds in flight; rate: rounds a second
 * PIDS       name=pid+pid,…   whose CPU seconds and resident memory are reported
 *
 * A round publishes one signal of each symbol; its seq is the round's number and its ts the clock (ns) before the first
 * was published. So every (connection, symbol) must see 1, 2, 3 …, whatever differs is counted as disorder.
 * One JSON object a phase on stdout. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTING, SHAKING, CONFIRMING, READY };
enum { ROUNDS = 1 << 20, SAMPLES = 1 << 22, READ = 1 << 18 };
typedef struct {
  int fd, state, kept;
  char *tail;
  uint32_t *last;
} Client;

static Client *clients, publisher;
static int count, symbols, each, port, subscribe, ready, dead, poller, over_http, publish_port;
static const char *path;
static uint32_t arrived[ROUNDS], published, completed;
static uint64_t published_at[ROUNDS], last_arrival, deliveries, disorder, bytes;
static float *samples, *scans;
static long sampled, scanned;
static char buffer[READ * 2];

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void fail(const char *what) {
  fprintf(stderr, "%s: %s (%d ready, %d gone)\n", what, strerror(errno), ready, dead);
  exit(1);
}

static int dial(int to) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(to), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (fd < 0 || (connect(fd, (void *)&address, sizeof address) < 0 && errno != EINPROGRESS)) fail("connect");
  return fd;
}

static void watch(int fd, void *whom, uint32_t events, int how) {
  struct epoll_event event = {.events = events, .data.ptr = whom};
  epoll_ctl(poller, how, fd, &event);
}

static void write_all(int fd, const char *data, size_t size) {
  while (size) {
    ssize_t n = write(fd, data, size);
    if (n < 0 && errno != EAGAIN) fail("write");
    if (n < 0) usleep(100);
    else data += n, size -= n;
  }
}

static void send_frame(int fd, int opcode, const char *data, int size) {
  char frame[65536];
  int at = 0;
  frame[at++] = 0x80 | opcode;
  if (size < 126) frame[at++] = 0x80 | size;
  else frame[at++] = 0x80 | 126, frame[at++] = size >> 8, frame[at++] = size;
  memset(frame + at, 0, 4); /* a mask of zeros leaves the payload as it is */
  memcpy(frame + at + 4, data, size);
  write_all(fd, frame, at + 4 + size);
}

static int symbol_names(Client *c, char *out, const char *between) {
  int size = 0;
  for (int k = 0; k < each; k++)
    size += sprintf(out + size, "%sS%03dUSDT", k ? between : "", (int)((c - clients) * (long)each + k) % symbols);
  return size;
}

static void shake(Client *c) {
  char names[8192], request[16384];
  symbol_names(c, names, ",");
  const char *mark = strchr(path, '%');
  int at = sprintf(request, "GET %.*s%s%s HTTP/1.1\r\n", mark ? (int)(mark - path) : (int)strlen(path), path, mark ? names : "", mark ? mark + 1 : "");
  at += sprintf(request + at, "Host: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", port);
  write_all(c->fd, request, at);
  c->state = SHAKING;
  watch(c->fd, c, EPOLLIN, EPOLL_CTL_MOD);
}

static void shaken(Client *c) {
  c->state = subscribe ? CONFIRMING : READY;
  if (!subscribe) { ready++; return; }
  char names[8192], text[16384];
  symbol_names(c, names, "\",\"");
  send_frame(c->fd, 1, text, sprintf(text, "{\"action\":\"subscribe\",\"symbols\":[\"%s\"]}", names));
}

static uint64_t number_after(const char *text, size_t size, const char *key) {
  const char *at = memmem(text, size, key, strlen(key)), *end = text + size;
  if (!at) return 0;
  uint64_t value = 0;
  for (at += strlen(key); at < end && *at == ' '; at++);
  for (; at < end && *at >= '0' && *at <= '9'; at++) value = value * 10 + (*at - '0');
  return value;
}

static void message(Client *c, const char *text, size_t size, uint64_t at) {
  if (c->state == CONFIRMING) {
    if (memmem(text, size < 60 ? size : 60, "subscription_confirmed", 22)) c->state = READY, ready++;
    return;
  }
  if (!memmem(text, size < 24 ? size : 24, "\"signal\"", 8)) return; /* a status */
  uint64_t seq = number_after(text, size, "\"seq\":"), sent = number_after(text, size, "\"ts\":");
  const char *name = memmem(text, size, "\"S", 2);
  while (name && !(name[2] >= '0' && name[2] <= '9')) name = memmem(name + 2, size - (name + 2 - text), "\"S", 2);
  if (!name || !seq || seq > published) { disorder++; return; }
  int symbol = atoi(name + 2), k = (symbol - (int)((c - clients) * (long)each % symbols) + symbols) % symbols;
  if (k >= each || seq != c->last[k] + 1) disorder++;
  else c->last[k] = seq;
  deliveries++;
  arrived[seq]++;
  last_arrival = at;
  if (sampled < SAMPLES) samples[sampled++] = (at - sent) / 1e6f;
  while (completed < published && arrived[completed + 1] >= (uint32_t)count * each) {
    completed++;
    scans[scanned++] = (at - published_at[completed]) / 1e6f;
  }
}

static void gone(Client *c) {
  if (c->fd >= 0) dead++, close(c->fd);
  c->fd = -1;
}

static size_t frames(Client *c, char *data, size_t size, uint64_t at) {
  size_t used = 0;
  while (c->fd >= 0 && size - used >= 2) {
    unsigned char *head = (unsigned char *)data + used;
    size_t length = head[1] & 127, header = 2;
    if (length == 126) {
      if (size - used < 4) break;
      length = head[2] << 8 | head[3], header = 4;
    } else if (length == 127) {
      if (size - used < 10) break;
      length = (size_t)head[6] << 24 | head[7] << 16 | head[8] << 8 | head[9], header = 10;
    }
    if (size - used < header + length) break;
    int opcode = head[0] & 15;
    if (opcode == 1) message(c, data + used + header, length, at);
    else if (opcode == 9) send_frame(c->fd, 10, data + used + header, length);
    else if (opcode == 8) gone(c);
    used += header + length;
  }
  return used;
}

static void readable(Client *c) {
  memcpy(buffer, c->tail, c->kept);
  ssize_t n = recv(c->fd, buffer + c->kept, READ, 0);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) { gone(c); return; }
  bytes += n;
  size_t size = c->kept + n, used = 0;
  if (c == &publisher) return;
  if (c->state == SHAKING) {
    char *end = memmem(buffer, size, "\r\n\r\n", 4);
    if (end) {
      if (!memmem(buffer, end - buffer, " 101 ", 5)) fail("the handshake was refused");
      used = end + 4 - buffer;
      shaken(c);
    }
  }
  if (c->state >= CONFIRMING) used += frames(c, buffer + used, size - used, now());
  c->kept = size - used;
  if (c->kept) c->tail = realloc(c->tail, c->kept), memcpy(c->tail, buffer + used, c->kept);
}

static void turn(int milliseconds) {
  struct epoll_event events[512];
  int n = epoll_wait(poller, events, 512, milliseconds);
  for (int i = 0; i < n; i++) {
    Client *c = events[i].data.ptr;
    if (c->fd < 0) continue;
    if (c->state == CONNECTING && c != &publisher) shake(c);
    else readable(c);
  }
}

static void publish_round(void) {
  static char out[1 << 20];
  size_t size = 0;
  uint32_t seq = ++published;
  published_at[seq] = now();
  for (int s = 0; s < symbols; s++) {
    char text[1024];
    int n = sprintf(text,
        "{\"type\":\"signal\",\"symbol\":\"S%03dUSDT\",\"seq\":%u,\"id\":\"0f9c2d6e-3a1b-5c4d-8e7f-0123456789ab\",\"direction\":\"BULLISH\","
        "\"confidence\":0.7134,\"probability\":null,\"score\":0.6821,\"advice\":\"BUY\",\"risk_level\":\"LOW\",\"price\":64012.5,\"timeframes\":{\"5m\":0.5912,"
        "\"15m\":0.6133,\"1h\":0.7217,\"4h\":0.6871,\"1d\":0.5519},\"because\":\"advice\",\"preset\":\"balanced\",\"source\":\"binance\",\"ts\":%lu}",
        s, seq, published_at[seq]);
    if (over_http)
      size += sprintf(out + size, "POST /pub/S%03dUSDT HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", s, n, text);
    else
      size += sprintf(out + size, "S%03dUSDT\t%s\n", s, text);
  }
  write_all(publisher.fd, out, size);
}

static int wait_for_all(double seconds) {
  for (uint64_t until = now() + seconds * 1e9; completed < published && now() < until;) turn(5);
  return completed == published;
}

typedef struct { char name[32]; int pids[16], n; double cpu; long memory; } Process;
static Process processes[8];
static int process_count;

static void measure(Process *p) {
  p->cpu = p->memory = 0;
  for (int i = 0; i < p->n; i++) {
    char file[64], text[1024];
    long utime = 0, stime = 0, resident = 0;
    sprintf(file, "/proc/%d/stat", p->pids[i]);
    FILE *f = fopen(file, "r");
    if (!f) continue;
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    sscanf(strrchr(text, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld %*d %*d %*d %*d %*d %*d %*u %*u %ld", &utime, &stime, &resident);
    p->cpu += (double)(utime + stime) / sysconf(_SC_CLK_TCK);
    p->memory += resident * (sysconf(_SC_PAGESIZE) / 1024);
  }
}

static double own_cpu(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static int by_size(const void *a, const void *b) { return (*(float *)a > *(float *)b) - (*(float *)a < *(float *)b); }

static double quantile(float *values, long n, double q) {
  if (!n) return -1;
  qsort(values, n, sizeof *values, by_size);
  return values[(long)((n - 1) * q)];
}

static void phase(const char *kind, double seconds, double argument) {
  double cpu[8], own = own_cpu();
  for (int i = 0; i < process_count; i++) measure(&processes[i]), cpu[i] = processes[i].cpu;
  sampled = scanned = 0;
  uint64_t before = deliveries, begin = now(), end = begin + seconds * 1e9, next = begin;
  while (now() < end && !dead) {
    if (!strcmp(kind, "full")) {
      while (published - completed < (uint32_t)argument) publish_round();
      turn(5);
    } else {
      if (now() >= next) publish_round(), next += 1e9 / argument;
      int64_t left = ((int64_t)next - (int64_t)now()) / 1000000;
      turn(left < 0 ? 0 : left > 5 ? 5 : left);
    }
  }
  int complete = wait_for_all(10);
  double took = (last_arrival - begin) / 1e9;
  long n = sampled, m = scanned;
  printf("{\"phase\":\"%s\",\"deliveries\":%lu,\"seconds\":%.3f,\"rate\":%.0f,\"p50\":%.3f,\"p99\":%.3f,\"round_p50\":%.3f,\"round_p99\":%.3f,"
         "\"disorder\":%lu,\"gone\":%d,\"complete\":%d,\"client_cpu\":%.3f", kind, deliveries - before, took, (deliveries - before) / took,
         quantile(samples, n, .5), quantile(samples, n, .99), quantile(scans, m, .5), quantile(scans, m, .99), disorder, dead, complete, own_cpu() - own);
  for (int i = 0; i < process_count; i++) {
    measure(&processes[i]);
    printf(",\"cpu_%s\":%.3f,\"memory_%s\":%ld", processes[i].name, processes[i].cpu - cpu[i], processes[i].name, processes[i].memory);
  }
  printf("}\n");
  fflush(stdout);
}

static void read_processes(char *list) {
  for (char *save, *one = strtok_r(list, ",", &save); one; one = strtok_r(NULL, ",", &save)) {
    Process *p = &processes[process_count++];
    char *equals = strchr(one, '='), *inner;
    snprintf(p->name, sizeof p->name, "%.*s", (int)(equals - one), one);
    for (char *pid = strtok_r(equals + 1, "+", &inner); pid; pid = strtok_r(NULL, "+", &inner)) p->pids[p->n++] = atoi(pid);
  }
}

static void connect_all(void) {
  uint64_t begin = now(), until = begin + 60000000000ull;
  for (int opened = 0; ready < count;) {
    /* at most 100 on their way: no server's backlog overflows */
    while (opened < count && opened - ready < 100) {
      Client *c = &clients[opened++];
      c->fd = dial(port);
      c->last = calloc(each, sizeof *c->last);
      watch(c->fd, c, EPOLLOUT, EPOLL_CTL_ADD);
    }
    turn(5);
    if (now() > until || dead) fail("not all could connect");
  }
  printf("{\"phase\":\"connect\",\"seconds\":%.3f", (now() - begin) / 1e9);
}

int main(int n, char **arguments) {
  if (n != 10) return fprintf(stderr, "see the top of client.c\n"), 2;
  port = atoi(arguments[1]), path = arguments[2], subscribe = atoi(arguments[3]);
  over_http = !strncmp(arguments[4], "http:", 5), publish_port = atoi(arguments[4] + 5);
  count = atoi(arguments[5]), symbols = atoi(arguments[6]), each = atoi(arguments[7]);
  read_processes(arguments[9]);
  clients = calloc(count, sizeof *clients);
  samples = malloc(SAMPLES * sizeof *samples), scans = malloc(ROUNDS * sizeof *scans);
  poller = epoll_create1(0);
  long memory[8];
  for (int i = 0; i < process_count; i++) measure(&processes[i]), memory[i] = processes[i].memory;
  double cpu = processes[0].cpu;
  connect_all();
  for (int i = 0; i < process_count; i++)
    measure(&processes[i]), printf(",\"grown_%s\":%ld", processes[i].name, processes[i].memory - memory[i]);
  printf(",\"cpu\":%.3f}\n", processes[0].cpu - cpu);
  publisher.fd = dial(publish_port);
  usleep(200000);
  watch(publisher.fd, &publisher, EPOLLIN, EPOLL_CTL_ADD);
  for (int i = 0; i < 3; i++) {
    publish_round();
    if (!wait_for_all(15)) fail("the first rounds did not arrive");
  }
  for (char *save, *one = strtok_r(arguments[8], ",", &save); one; one = strtok_r(NULL, ",", &save)) {
    char kind[16];
    double seconds, argument;
    if (sscanf(one, "%15[^:]:%lf:%lf", kind, &seconds, &argument) != 3) fail(one);
    phase(kind, seconds, argument);
  }
  return 0;
}
