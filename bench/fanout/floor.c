/* The floor: what one thread of C and epoll does that only fans out. No limits, no closing, no protocol but the frames.
 *
 *   floor PORT PUBLISH_PORT joined|each
 *
 * The publisher's lines are SYMBOL \t payload \n. "joined" puts the frames of one read together, a write a client. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { CLIENTS = 8192, NAMES = 1024, ROOM = 1 << 20 };
static const char ANSWER[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"; /* of the client's one key */
static struct { char name[32]; int *clients, count; } symbols[NAMES];
static int symbol_count, dirty[CLIENTS], dirty_count, waiting[CLIENTS], poller;
static char *out[CLIENTS];

static int find(const char *name, int size) {
  int s = 0;
  while (s < symbol_count && (strncmp(symbols[s].name, name, size) || symbols[s].name[size])) s++;
  if (s == symbol_count) {
    memcpy(symbols[symbol_count++].name, name, size);
    symbols[s].clients = malloc(CLIENTS * sizeof(int));
  }
  return s;
}

static int listen_on(int port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (void *)&address, sizeof address) || listen(fd, 1024)) perror("listen"), exit(1);
  return fd;
}

static void watch(int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
}

static void transmit(int fd, const char *data, int size) {
  if (send(fd, data, size, MSG_DONTWAIT) != size) fprintf(stderr, "a client did not take everything\n");
}

static void fan_out(const char *name, int name_size, const char *text, int size, int joined) {
  char frame[65536] = {(char)0x81, 126, size >> 8, size};
  memcpy(frame + 4, text, size);
  int s = find(name, name_size);
  for (int i = 0; i < symbols[s].count; i++) {
    int fd = symbols[s].clients[i];
    if (!joined) { transmit(fd, frame, size + 4); continue; }
    if (!waiting[fd]) dirty[dirty_count++] = fd;
    memcpy(out[fd] + waiting[fd], frame, size + 4);
    waiting[fd] += size + 4;
  }
}

static void publisher_said(int fd, int joined) {
  static char data[ROOM];
  static int kept;
  int n = read(fd, data + kept, ROOM - kept);
  if (n <= 0) { close(fd); return; }
  char *at = data, *end = data + kept + n, *line;
  while ((line = memchr(at, '\n', end - at))) {
    char *tab = memchr(at, '\t', line - at);
    fan_out(at, tab - at, tab + 1, line - tab - 1, joined);
    at = line + 1;
  }
  for (int i = 0; i < dirty_count; i++) transmit(dirty[i], out[dirty[i]], waiting[dirty[i]]), waiting[dirty[i]] = 0;
  dirty_count = 0;
  kept = end - at;
  memmove(data, at, kept);
}

static void client_said(int fd) {
  char request[16384];
  int n = read(fd, request, sizeof request - 1);
  if (n <= 0) { close(fd); return; }
  request[n] = 0;
  if (strncmp(request, "GET /ws/", 8)) return;
  out[fd] = malloc(1 << 17);
  for (char *at = request + 8; *at != ' ';) {
    int size = strcspn(at, ", ");
    int s = find(at, size);
    symbols[s].clients[symbols[s].count++] = fd;
    at += size + (at[size] == ',');
  }
  transmit(fd, ANSWER, sizeof ANSWER - 1);
}

int main(int n, char **arguments) {
  if (n != 4) return fprintf(stderr, "see the top of floor.c\n"), 2;
  signal(SIGPIPE, SIG_IGN);
  int clients = listen_on(atoi(arguments[1])), publishers = listen_on(atoi(arguments[2])), publisher = -1;
  poller = epoll_create1(0);
  watch(clients), watch(publishers);
  for (;;) {
    struct epoll_event events[256];
    int ready = epoll_wait(poller, events, 256, -1), one = 1;
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd == clients || fd == publishers) {
        int new = accept(fd, 0, 0);
        setsockopt(new, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (fd == publishers) publisher = new;
        watch(new);
      } else if (fd == publisher) publisher_said(fd, !strcmp(arguments[3], "joined"));
      else client_said(fd);
    }
  }
}
