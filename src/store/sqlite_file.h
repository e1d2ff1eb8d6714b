/* The file behind the SQLite backend: opening it safely, its lock, its schema. */
#pragma once
#include <sqlite3.h>

#include "store/store.h"

#define STORE_FILE "sereno.db"
#define STORE_LOCK "lock"
#define STORE_SCHEMA 5                  /* PRAGMA user_version; the newest migration in sql/sqlite */
#define STORE_APPLICATION_ID 0x53524e4f /* "SRNO" */
#define STORE_PATH_MAX 4096

/* Once a process, before its first connection. */
void sqlite_configure(void);
/* The lock of a data folder, held while fd is open. ERR_CONFLICT: another process has it. */
enum err sqlite_lock(const char *folder, int *ret_fd, struct err_detail *detail);
/* Opens for writing: creates, checks and migrates as needed. */
enum err sqlite_open_writer(const char *folder, sqlite3 **ret, struct err_detail *detail);
enum err sqlite_open_reader(const char *folder, sqlite3 **ret, struct err_detail *detail);
/* Copies the database as of now to a new file, which is complete or not there. */
enum err sqlite_copy(sqlite3 *db, const char *path, struct err_detail *detail);
/* One number; ERR_NOT_FOUND without a row. */
enum err sqlite_number(sqlite3 *db, const char *sql, int64_t *ret, struct err_detail *detail);
enum err sqlite_exec(sqlite3 *db, const char *sql, struct err_detail *detail);
enum err sqlite_path(const char *folder, const char *name, char ret[STORE_PATH_MAX],
                     struct err_detail *detail);
