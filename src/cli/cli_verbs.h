/* The verbs of the command line that talk to the server: one file each. argv[0] is the verb; the exit code is
 * enum cli_exit. */
#pragma once

struct buf;

int cli_run(int argc, char **argv);
int cli_jobs(int argc, char **argv);
int cli_runs(int argc, char **argv);
int cli_logs(int argc, char **argv);
int cli_pause(int argc, char **argv); /* also resume */
int cli_why(int argc, char **argv);
int cli_token(int argc, char **argv);
int cli_user(int argc, char **argv);
int cli_import(int argc, char **argv);
int cli_export(int argc, char **argv);
int cli_worlds(int argc, char **argv);
int cli_completion(int argc, char **argv);
/* The verbs of `sereno worlds`, between spaces; the text is out's. */
const char *cli_worlds_words(struct buf *out);
