/* The verbs of the command line that also work on the data folder itself, when no server runs. */
#pragma once

int verb_config(int argc, char **argv);  /* config --explain */
int verb_doctor(int argc, char **argv);  /* doctor [JOB…] */
int verb_audit(int argc, char **argv);   /* audit, audit verify, audit log */
int verb_backup(int argc, char **argv);  /* backup [FILE] */
int verb_restore(int argc, char **argv); /* restore FILE */
int verb_migrate(int argc, char **argv); /* migrate [--down NAME] */
