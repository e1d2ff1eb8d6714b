/* Backups: a folder DIR/backups/KIND-INSTANT with the databases' copies and MANIFEST.json, which names each file with
 * its size and SHA-256. Files are zstd streams of what their names say, so that `zstd -d` is all that is needed:
 *   sereno.db.zst   the cron store (where it is SQLite), sereno.ini.zst
 *   worlds.db.zst, archive.db.zst        kind "system", SQLite
 *   worlds/ID.jsonl.zst                  kind "system", PostgreSQL: an export of each world
 * It is made beside, as NAME.part, and gets its name when all of it has been read back. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define BACKUP_NAME_MAX 64
#define BACKUP_PATH_MAX 1024

struct backup_file {
  char name[300]; /* in the folder */
  char sha256[65];
  int64_t bytes; /* stored */
};
/* Compresses a file; synced. ret_file: size and hash of what was written. */
enum err backup_compress(const char *from, const char *to, struct backup_file *ret_file,
                         struct err_detail *detail);
enum err backup_decompress(const char *from, const char *to, struct err_detail *detail);
/* Size and hash of a file, read in pieces. */
enum err backup_measure(const char *path, struct backup_file *ret_file, struct err_detail *detail);
/* A name of ours: KIND-YYYYMMDDTHHMMSSZ, nothing that leads elsewhere. */
bool backup_name_is_valid(struct str name);
/* Removes a folder of ours with what is in it, at most two levels deep. */
void backup_remove(const char *path);
