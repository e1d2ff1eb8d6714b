/* The verbs of the command line that talk to the server: one file each. argv[0] is the verb; the exit code is
 * enum cli_exit. */
#pragma once

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
int cli_completion(int argc, char **argv);
