/* The data folder: made with mode 0700, refused when it or a file with secrets in it is open to others or belongs to
 * somebody else (reliability: files). */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/* Makes what is missing and checks the rest; ret gets the absolute path without links. */
enum err data_dir_open(const char *path, char *ret, size_t size, struct err_detail *detail);
/* The checks alone; for the CLI. ERR_NOT_FOUND when there is none. */
enum err data_dir_check(const char *path, struct err_detail *detail);
