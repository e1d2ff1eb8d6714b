/* Files: small helpers that make errno an err with the path in the detail. */
#pragma once
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* errno → err: ENOSPC/EDQUOT STORE_FULL, EROFS STORE_READONLY, ENOENT NOT_FOUND, EACCES/EPERM
 * FORBIDDEN, ENOMEM NO_MEMORY, otherwise IO; the detail names what was tried and strerror. */
enum err os_error(int error_number, struct err_detail *detail, const char *what, const char *path);
/* Whole file into *out (its max is respected). */
enum err os_read_file(const char *path, struct buf *out, struct err_detail *detail);
/* Written beside, synced, renamed over: never half a file. */
enum err os_write_file(const char *path, struct str bytes, mode_t mode, struct err_detail *detail);
/* mkdir -p of one level with this mode; an existing folder is fine. */
enum err os_make_dir(const char *path, mode_t mode, struct err_detail *detail);
/* An empty file of mode 0600 unless there is one. What is there is not opened: closing it would take every lock away
 * that this process holds on it (fcntl(2), POSIX locks), and with SQLite's the next program that looks at the database
 * would take itself for the only one. A link is refused. */
enum err os_create_private(const char *path, struct err_detail *detail);
void os_close(int *fd); /* -1 safe; sets -1. For [[gnu::cleanup]] */
/* Identity of this boot, from /proc/sys/kernel/random/boot_id, as text (36 characters). */
enum err os_boot_id(char ret[37]);
