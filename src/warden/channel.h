/* The channel of an executor (fd 4): calls into worlds/ and their answers between a job's process and serve, over
 * a seqpacket pair that serve made. One call at a time: the child asks and waits.
 *
 * A packet is a header, the call's name and, when it is short, the body; a longer body and every payload travel as
 * sealed memfds with the packet (body first). Both ends are of one build, since fd 4 goes only to a warden of our own
 * build and ends with serve: the layout may change freely, CHANNEL_MAGIC with it.
 *
 *   call    name, body = the arguments' JSON, payload
 *   answer  error (enum err), body = the answer's JSON, or {"field","line","column","message","hint"} of an error */
#pragma once
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define CHANNEL_MAGIC 0x31434553U
#define CHANNEL_INLINE_MAX (32 * 1024)
#define CHANNEL_PACKET_MAX (64 * 1024)
#define CHANNEL_NAME_MAX 100
#define CHANNEL_BODY_MAX (16U * 1024 * 1024)
#define CHANNEL_PAYLOAD_MAX (256U * 1024 * 1024)
#define CHANNEL_FDS_MAX 2

enum channel_kind { CHANNEL_CALL = 1, CHANNEL_ANSWER = 2 };

struct channel_head {
  uint32_t magic;
  uint32_t kind;       /* enum channel_kind */
  uint32_t number;     /* of the call; its answer has the same */
  uint32_t error;      /* answers: enum err */
  uint32_t name_bytes; /* calls */
  uint32_t body_in_fd; /* 1: the body is the first descriptor */
  uint32_t has_payload;
  uint32_t reserved;
  uint64_t body_bytes, payload_bytes;
};

struct channel_message { /* of receiving: free with channel_message_free */
  enum channel_kind kind;
  uint32_t number;
  enum err error;
  char name[CHANNEL_NAME_MAX + 1];
  struct str body; /* in packet or map */
  struct str payload;
  bool has_payload;
  char *packet; /* owned */
  void *body_map, *payload_map;
};

struct channel_packet { /* texts lie in what was parsed */
  struct channel_head head;
  struct str name, body; /* body is empty when it is in a descriptor */
};
/* Pure: is this packet with so many descriptors whole and within the bounds? */
enum err channel_parse(struct str packet, size_t fd_count, struct channel_packet *ret,
                       struct err_detail *detail);

struct channel_sent { /* everything is borrowed */
  enum channel_kind kind;
  uint32_t number;
  enum err error;            /* answers */
  struct str name;           /* calls: 1 to CHANNEL_NAME_MAX bytes */
  struct str body;           /* JSON */
  const struct str *payload; /* NULL: none */
};
/* ERR_LIMIT: too big, nothing was sent. ERR_CLOSED: the other side has gone. ERR_BUSY: the
 * socket is full (non-blocking). */
enum err channel_send(int fd, const struct channel_sent *message, struct err_detail *detail);
/* The body of an answer that is an error. */
void channel_error_body(const struct err_detail *detail, struct buf *out);
void channel_error_read(struct str body, struct err_detail *detail);

/* ERR_BUSY: nothing there yet (non-blocking, or interrupted by a signal). ERR_CLOSED: the other side has gone.
 * ERR_INVALID: malformed; the connection is of no use any more. */
enum err channel_receive(int fd, struct channel_message *ret, struct err_detail *detail);
void channel_message_free(struct channel_message *m);
